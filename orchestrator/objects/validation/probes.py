"""Rules of probes and hooks: exactly one handler, sensible numbers, ports that exist."""

import re

from orchestrator.objects.probes import ExecAction, HTTPGetAction, Lifecycle, LifecycleHandler, Probe
from orchestrator.objects.problem import FieldPath, Problem, invalid, required, unsupported, warning
from orchestrator.objects.scalars import IntOrString
from orchestrator.objects.validation.common import exactly_one, port_reference, seconds, set_fields

_PROBE_HANDLERS = (("exec", "exec"), ("http_get", "httpGet"), ("tcp_socket", "tcpSocket"), ("grpc", "grpc"))
_HOOK_HANDLERS = (("exec", "exec"), ("http_get", "httpGet"), ("tcp_socket", "tcpSocket"), ("sleep", "sleep"))
_MISSING = "must specify a handler type"
_MANY = "may not specify more than 1 handler type"

_HEADER = re.compile(r"[-A-Za-z0-9]+\Z")
_HEADER_RULE = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for "
    "validation is '[-A-Za-z0-9]+')"
)

SIGNALS = (
    "SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGIO",
    "SIGIOT", "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT", "SIGSEGV", "SIGSTKFLT", "SIGSTOP",
    "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM",
    "SIGWINCH", "SIGXCPU", "SIGXFSZ", "SIGRTMIN", "SIGRTMAX",
    *(f"SIGRTMIN+{number}" for number in range(1, 16)), *(f"SIGRTMAX-{number}" for number in range(1, 15)),
)  # fmt: skip


def validate_probe(probe: Probe, field: str, path: FieldPath, port_names: frozenset[str]) -> list[Problem]:
    """Check one probe; `field` is its name in the container ("livenessProbe")."""
    problems = exactly_one(set_fields(probe, _PROBE_HANDLERS), path, missing=_MISSING, many=_MANY)
    problems += _actions(probe.exec, probe.http_get, path, port_names)
    if probe.tcp_socket:
        problems += _port(probe.tcp_socket.port, (*path, "tcpSocket", "port"), port_names)
    if probe.grpc:
        problems += port_reference(probe.grpc.port, (*path, "grpc", "port"))
    problems += seconds(probe.initial_delay_seconds, 0, (*path, "initialDelaySeconds"))
    problems += seconds(probe.timeout_seconds, 1, (*path, "timeoutSeconds"))
    problems += seconds(probe.period_seconds, 1, (*path, "periodSeconds"))
    problems += seconds(probe.success_threshold, 1, (*path, "successThreshold"))
    problems += seconds(probe.failure_threshold, 1, (*path, "failureThreshold"))
    return problems + _by_role(probe, field, path)


def validate_lifecycle(
    lifecycle: Lifecycle, path: FieldPath, grace: int, port_names: frozenset[str], *, os_named: bool
) -> list[Problem]:
    """Check both hooks and the stop signal; `grace` is the pod's grace period in seconds."""
    problems: list[Problem] = []
    for field, handler in (("postStart", lifecycle.post_start), ("preStop", lifecycle.pre_stop)):
        if handler:
            problems += _hook(handler, (*path, field), grace, port_names)
    signal = lifecycle.stop_signal
    if signal and signal not in SIGNALS:
        problems.append(unsupported((*path, "stopSignal"), signal, SIGNALS))
    elif signal and not os_named:
        problems.append(warning((*path, "stopSignal"), "a cluster wants `spec.os.name` to be set with it"))
    return problems


def _by_role(probe: Probe, field: str, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    if field != "readinessProbe" and probe.success_threshold > 1:
        problems.append(invalid((*path, "successThreshold"), probe.success_threshold, "must be 1"))
    grace, grace_path = probe.termination_grace_period_seconds, (*path, "terminationGracePeriodSeconds")
    if grace is not None and field == "readinessProbe":
        problems.append(invalid(grace_path, grace, "must not be set for readinessProbes"))
    elif grace is not None and grace <= 0:
        problems.append(invalid(grace_path, grace, "must be greater than 0"))
    else:
        problems += seconds(grace, 1, grace_path)
    return problems


def _hook(handler: LifecycleHandler, path: FieldPath, grace: int, port_names: frozenset[str]) -> list[Problem]:
    problems = exactly_one(set_fields(handler, _HOOK_HANDLERS), path, missing=_MISSING, many=_MANY)
    problems += _actions(handler.exec, handler.http_get, path, port_names)
    if handler.tcp_socket:
        problems += _port(handler.tcp_socket.port, (*path, "tcpSocket", "port"), port_names)
    if handler.sleep and not 0 <= handler.sleep.seconds <= grace:
        rule = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
        problems.append(invalid((*path, "sleep", "seconds"), handler.sleep.seconds, rule))
    return problems


def _actions(
    exec_: ExecAction | None, http_get: HTTPGetAction | None, path: FieldPath, port_names: frozenset[str]
) -> list[Problem]:
    problems: list[Problem] = []
    if exec_ and not exec_.command:
        problems.append(required((*path, "exec", "command")))
    if http_get:
        problems += _port(http_get.port, (*path, "httpGet", "port"), port_names)
        problems += [
            invalid((*path, "httpGet", "httpHeaders", index, "name"), header.name, _HEADER_RULE)
            for index, header in enumerate(http_get.http_headers)
            if not _HEADER.match(header.name)
        ]
    return problems


def _port(port: IntOrString, path: FieldPath, port_names: frozenset[str]) -> list[Problem]:
    problems = port_reference(port, path)
    if not problems and isinstance(port, str) and port not in port_names:
        return [warning(path, f'no port of this container is named "{port}"')]
    return problems
