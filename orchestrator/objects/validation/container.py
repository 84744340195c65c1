"""Rules of one container: name, image, ports, mounts, and all that it is made of."""

from dataclasses import dataclass, replace

from orchestrator.objects.container import Container, VolumeMount
from orchestrator.objects.image_reference import check_image
from orchestrator.objects.problem import (
    FieldPath,
    Problem,
    duplicate,
    error,
    forbidden,
    invalid,
    quoted,
    required,
    warning,
)
from orchestrator.objects.scalars import check_label, check_port_name, check_port_number
from orchestrator.objects.validation.common import ip_address, local_path, name_problems, names_that_run_here, not_found
from orchestrator.objects.validation.environment import validate_environment
from orchestrator.objects.validation.probes import validate_lifecycle, validate_probe
from orchestrator.objects.validation.resources import validate_resources
from orchestrator.objects.validation.security import validate_security


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What a container's rules need to know of its pod; `grace` is in seconds."""

    volumes: frozenset[str]
    containers: frozenset[str]
    grace: int
    host_network: bool
    os_named: bool
    host_users: bool = True


def validate_container(container: Container, path: FieldPath, pod: PodFacts) -> list[Problem]:
    """Check one container; init containers too."""
    problems: list[Problem] = []
    if container.name:
        problems += names_that_run_here(name_problems(container.name, check_label, (*path, "name")), container.name)
    else:
        problems.append(required((*path, "name")))
    if not container.image:
        problems.append(required((*path, "image"), f'container "{container.name}" has no image'))
    elif container.image != container.image.strip():
        rule = "must not have leading or trailing whitespace"
        problems.append(invalid((*path, "image"), container.image, rule))
    else:
        wrong = check_image(container.image)
        problems += [warning((*path, "image"), f"{quoted(container.image)} cannot be pulled: {rule}") for rule in wrong]
    problems += _ports(container, (*path, "ports"), pod)
    problems += validate_environment(container, path, pod.containers)
    problems += _mounts(container, (*path, "volumeMounts"), pod)
    problems += validate_resources(container.resources, (*path, "resources"))
    problems += _probes(container, path)
    if container.lifecycle:
        names = _port_names(container)
        where = (*path, "lifecycle")
        problems += validate_lifecycle(container.lifecycle, where, pod.grace, names, os_named=pod.os_named)
    if container.security_context:
        problems += validate_security(container.security_context, (*path, "securityContext"), host_users=pod.host_users)
    return problems + _restart_rules(container, path)


def _ports(container: Container, path: FieldPath, pod: PodFacts) -> list[Problem]:
    problems: list[Problem] = []
    names: set[str] = set()
    numbers: dict[tuple[str, int, str, int], int] = {}
    for index, port in enumerate(container.ports):
        here = (*path, index)
        if port.name:
            problems += [invalid((*here, "name"), port.name, rule) for rule in check_port_name(port.name)]
            if port.name in names:
                problems.append(duplicate((*here, "name"), port.name))
            names.add(port.name)
        if port.container_port == 0:
            problems.append(required((*here, "containerPort")))
        else:
            rules = check_port_number(port.container_port)
            problems += [invalid((*here, "containerPort"), port.container_port, rule) for rule in rules]
        if port.host_port:
            rules = check_port_number(port.host_port)
            problems += [invalid((*here, "hostPort"), port.host_port, rule) for rule in rules]
        if pod.host_network and port.host_port != port.container_port:
            rule = "must match `containerPort` when `hostNetwork` is true"
            problems.append(invalid((*here, "hostPort"), port.host_port, rule))
        if port.host_ip:
            problems += ip_address(port.host_ip, (*here, "hostIP"))
        key = (port.protocol, port.container_port, port.host_ip, port.host_port)
        first = numbers.setdefault(key, index)
        if first != index and not port.host_port:
            problems.append(warning(here, f"duplicate port definition with ports[{first}]"))
    return problems


def _mounts(container: Container, path: FieldPath, pod: PodFacts) -> list[Problem]:
    problems: list[Problem] = []
    paths: set[str] = set()
    privileged = container.security_context is not None and container.security_context.privileged is True
    for index, mount in enumerate(container.volume_mounts):
        here = (*path, index)
        problems += _mount(mount, here, privileged=privileged)
        if mount.name and mount.name not in pod.volumes:
            problems.append(not_found((*here, "name"), mount.name))
        if mount.mount_path in paths:
            # The last one is what the container sees.
            wrong = invalid((*here, "mountPath"), mount.mount_path, "must be unique")
            problems.append(replace(wrong, runs_here=True))
        paths.add(mount.mount_path)
    return problems


def _mount(mount: VolumeMount, path: FieldPath, *, privileged: bool) -> list[Problem]:
    problems: list[Problem] = []
    if not mount.name:
        problems.append(required((*path, "name")))
    if not mount.mount_path:
        problems.append(required((*path, "mountPath")))
    if mount.sub_path and mount.sub_path_expr:
        rule = "subPathExpr and subPath are mutually exclusive"
        problems.append(invalid((*path, "subPathExpr"), mount.sub_path_expr, rule))
    problems += local_path(mount.sub_path, (*path, "subPath"))
    problems += local_path(mount.sub_path_expr, (*path, "subPathExpr"))
    if mount.recursive_read_only in ("IfPossible", "Enabled"):
        here = (*path, "recursiveReadOnly")
        if not mount.read_only:
            problems.append(forbidden(here, "may only be specified when readOnly is true"))
        if mount.mount_propagation not in (None, "None"):
            problems.append(forbidden(here, "may only be specified when mountPropagation is None or not specified"))
    if mount.mount_propagation == "Bidirectional" and not privileged:
        rule = "Bidirectional mount propagation is available only to privileged containers"
        problems.append(forbidden((*path, "mountPropagation"), rule))
    return problems


def _probes(container: Container, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    names = _port_names(container)
    probes = (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    )
    for field, probe in probes:
        if probe:
            problems += validate_probe(probe, field, (*path, field), names)
    return problems


def _restart_rules(container: Container, path: FieldPath) -> list[Problem]:
    if not container.restart_policy_rules:
        return []
    if container.restart_policy is None:
        return [required((*path, "restartPolicy"), "must specify restartPolicy when restart rules are used")]
    return [
        error((*path, "restartPolicyRules", index, "exitCodes"), "Required value: must be specified")
        for index, rule in enumerate(container.restart_policy_rules)
        if rule.exit_codes is None or not rule.exit_codes.values
    ]


def _port_names(container: Container) -> frozenset[str]:
    return frozenset(port.name for port in container.ports if port.name)
