"""Rules of a pod's spec; templates of workloads are held to the same."""

from dataclasses import replace

from orchestrator.objects.container import Container
from orchestrator.objects.pod import PodSpec
from orchestrator.objects.problem import FieldPath, Problem, duplicate, forbidden, invalid, required, unsupported
from orchestrator.objects.scalars import check_label, check_search_domain, check_subdomain
from orchestrator.objects.validation.common import MAX_INT32, ip_address, names_that_run_here, seconds, within
from orchestrator.objects.validation.container import PodFacts, validate_container
from orchestrator.objects.validation.placement import validate_placement
from orchestrator.objects.validation.security import validate_pod_security, validate_sysctls
from orchestrator.objects.validation.volumes import validate_volumes


def validate_pod_spec(spec: PodSpec, path: FieldPath) -> list[Problem]:
    """Check a pod's spec."""
    containers = frozenset(container.name for container in spec.every_container)
    problems = validate_volumes(spec.volumes, (*path, "volumes"), containers)
    problems += _containers(spec, path, containers)
    problems += seconds(spec.termination_grace_period_seconds, 0, (*path, "terminationGracePeriodSeconds"))
    problems += within(spec.active_deadline_seconds, 1, MAX_INT32, (*path, "activeDeadlineSeconds"))
    problems += _names(spec, path) + _dns(spec, path) + _host_ports(spec, path)
    problems += validate_pod_security(spec.security_context, (*path, "securityContext"))
    problems += validate_sysctls(spec, (*path, "securityContext", "sysctls"))
    problems += validate_placement(spec, path)
    if spec.share_process_namespace and spec.host_pid:
        rule = "ShareProcessNamespace and HostPID cannot both be enabled"
        problems.append(invalid((*path, "shareProcessNamespace"), "true", rule))
    if spec.os and spec.os.name not in ("linux", "windows"):
        problems.append(unsupported((*path, "os", "name"), spec.os.name, ("linux", "windows")))
    if spec.ephemeral_containers:
        problems.append(forbidden((*path, "ephemeralContainers"), "cannot be set on create"))
    return problems


def _containers(spec: PodSpec, path: FieldPath, names: frozenset[str]) -> list[Problem]:
    problems: list[Problem] = [] if spec.containers else [required((*path, "containers"))]
    facts = PodFacts(
        volumes=frozenset(volume.name for volume in spec.volumes),
        containers=names,
        grace=spec.termination_grace_period_seconds,
        host_network=spec.host_network,
        os_named=spec.os is not None,
        host_users=spec.host_users is not False,
    )
    seen: set[str] = set()
    for field, containers in (("initContainers", spec.init_containers), ("containers", spec.containers)):
        for index, container in enumerate(containers):
            here = (*path, field, index)
            problems += validate_container(container, here, facts)
            if field == "initContainers":
                problems += _init_container(container, here)
            if container.name and container.name in seen:
                problems.append(duplicate((*here, "name"), container.name))
            seen.add(container.name)
    return problems


def _init_container(container: Container, path: FieldPath) -> list[Problem]:
    if container.restart_policy == "Always":
        return []
    fields = (
        ("lifecycle", container.lifecycle),
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    )
    rule = "may not be set for init containers without restartPolicy=Always"
    return [forbidden((*path, field), rule) for field, value in fields if value is not None]


def _names(spec: PodSpec, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    if spec.runtime_class_name is not None:
        rules = check_subdomain(spec.runtime_class_name)
        problems += [invalid((*path, "runtimeClassName"), spec.runtime_class_name, rule) for rule in rules]
    for field, name in (("hostname", spec.hostname), ("subdomain", spec.subdomain)):
        if name:
            wrong = [invalid((*path, field), name, rule) for rule in check_label(name)]
            problems += names_that_run_here(wrong, name)
    for index, alias in enumerate(spec.host_aliases):
        here = (*path, "hostAliases", index)
        problems += ip_address(alias.ip, (*here, "ip"))
        for position, name in enumerate(alias.hostnames):
            rules = check_subdomain(name)
            problems += [invalid((*here, "hostnames", position), name, rule) for rule in rules]
    return problems


def _dns(spec: PodSpec, path: FieldPath) -> list[Problem]:
    here = (*path, "dnsConfig")
    config = spec.dns_config
    problems: list[Problem] = []
    if spec.dns_policy == "None" and not (config and config.nameservers):
        rule = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        problems.append(required((*here, "nameservers"), rule))
    if config is None:
        return problems
    for index, server in enumerate(config.nameservers):
        problems += ip_address(server, (*here, "nameservers", index))
    if len(config.nameservers) > 3:
        problems.append(
            invalid((*here, "nameservers"), ", ".join(config.nameservers), "must not have more than 3 nameservers")
        )
    if len(config.searches) > 32:
        problems.append(invalid((*here, "searches"), len(config.searches), "must not have more than 32 search paths"))
    for index, search in enumerate(config.searches):
        rules = check_search_domain(search)
        problems += [replace(invalid((*here, "searches", index), search, rule), runs_here=True) for rule in rules]
    for index, option in enumerate(config.options):
        if not option.name:
            problems.append(required((*here, "options", index), "must not be empty"))
    return problems


def _host_ports(spec: PodSpec, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    taken: set[tuple[str, str, int]] = set()
    for index, container in enumerate(spec.containers):
        for position, port in enumerate(container.ports):
            key = (port.protocol, port.host_ip, port.host_port)
            if port.host_port and key in taken:
                where = (*path, "containers", index, "ports", position, "hostPort")
                problems.append(duplicate(where, "/".join(map(str, key))))
            taken.add(key)
    return problems
