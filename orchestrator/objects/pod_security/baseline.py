"""The rules of the level "baseline": what is known to lead from a pod to its host."""

from collections.abc import Iterator

from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_security.rule import (
    Fault,
    Rule,
    Setter,
    containers,
    contexts,
    counted,
    each,
    of_containers,
    quoted,
    setters,
)
from orchestrator.objects.problem import FieldPath
from orchestrator.objects.security import SAFE_SYSCTLS, SecurityContext

_ARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")


def _app_armor(pod: Pod) -> Fault | None:
    wrong = [
        (setter, profile.type)
        for context, setter in contexts(pod)
        if (profile := context.app_armor_profile) is not None and profile.type == "Unconfined"
    ]
    values, paths = [*each(kind for _, kind in wrong)], [(*path, "appArmorProfile", "type") for (_, path), _ in wrong]
    who = [setters(setter for setter, _ in wrong)] if wrong else []
    notes = [
        (key, value)
        for key, value in sorted(pod.metadata.annotations.items())
        if key.startswith(_ARMOR_ANNOTATION) and value not in ("", "runtime/default") and value[:10] != "localhost/"
    ]
    if notes:
        who.append("annotation" if len(notes) == 1 else "annotations")
        values += [f'{key}="{value}"' for key, value in notes]
        paths.append(("metadata", "annotations", notes[0][0]))
    if not who:
        return None
    text = f"{' and '.join(who)} must not set AppArmor profile type to {quoted(values)}"
    return Fault(text, paths[0], tuple(values))


def _capabilities(pod: Pod) -> Fault | None:
    found = {path: wrong for container, path in containers(pod) if (wrong := _added(container) - _CAPABILITIES)}
    if not found:
        return None
    names = [container.name for container, path in containers(pod) if path in found]
    values = each(name for wrong in found.values() for name in wrong)
    text = f"{of_containers(names)} must not include {quoted(values)} in securityContext.capabilities.add"
    return Fault(text, (*next(iter(found)), "securityContext", "capabilities", "add"), values)


def _added(container: Container) -> set[str]:
    own = container.security_context
    return set(own.capabilities.add) if own is not None and own.capabilities is not None else set()


def _host_namespaces(pod: Pod) -> Fault | None:
    spec = pod.spec
    shared = (("hostIPC", spec.host_ipc), ("hostNetwork", spec.host_network), ("hostPID", spec.host_pid))
    fields = [field for field, asked in shared if asked]
    return Fault(", ".join(f"{field}=true" for field in fields), ("spec", fields[0])) if fields else None


def _host_paths(pod: Pod) -> Fault | None:
    found = [(index, volume.name) for index, volume in enumerate(pod.spec.volumes) if volume.host_path is not None]
    if not found:
        return None
    return Fault(
        counted("volume", "volumes", (name for _, name in found)), ("spec", "volumes", found[0][0], "hostPath")
    )


def _host_ports(pod: Pod) -> Fault | None:
    found = [
        (container.name, port.host_port, (*path, "ports", index, "hostPort"))
        for container, path in containers(pod)
        for index, port in enumerate(container.ports)
        if port.host_port
    ]
    if not found:
        return None
    names, values = list(dict.fromkeys(name for name, _, _ in found)), each(str(port) for _, port, _ in found)
    uses = "uses" if len(names) == 1 else "use"
    ports = "hostPort" if len(values) == 1 else "hostPorts"
    return Fault(f"{of_containers(names)} {uses} {ports} {', '.join(values)}", found[0][2], values)


def _probe_hosts(pod: Pod) -> Fault | None:
    found = [(c.name, host, (*path, *at)) for c, path in containers(pod) for host, at in _hosts(c) if host]
    if not found:
        return None
    names, values = each(name for name, _, _ in found), each(host for _, host, _ in found)
    uses = "uses" if len(names) == 1 else "use"
    hosts = counted("probe or lifecycle host", "probe or lifecycle hosts", values)
    return Fault(f"{of_containers(names)} {uses} {hosts}", found[0][2], values)


def _hosts(container: Container) -> Iterator[tuple[str, FieldPath]]:
    life = container.lifecycle
    handlers = (
        (("livenessProbe",), container.liveness_probe),
        (("readinessProbe",), container.readiness_probe),
        (("startupProbe",), container.startup_probe),
        (("lifecycle", "postStart"), life.post_start if life else None),
        (("lifecycle", "preStop"), life.pre_stop if life else None),
    )
    for path, handler in handlers:
        if handler is not None and handler.http_get is not None:
            yield handler.http_get.host, (*path, "httpGet", "host")
        if handler is not None and handler.tcp_socket is not None:
            yield handler.tcp_socket.host, (*path, "tcpSocket", "host")


def _own(pod: Pod) -> Iterator[tuple[SecurityContext, Setter]]:
    return ((context, setter) for context, setter in contexts(pod) if isinstance(context, SecurityContext))


def _privileged(pod: Pod) -> Fault | None:
    found = [setter for context, setter in _own(pod) if context.privileged]
    if not found:
        return None
    return Fault(f"{setters(found)} must not set securityContext.privileged=true", (*found[0][1], "privileged"))


def _proc_mount(pod: Pod) -> Fault | None:
    found = [setter for context, setter in _own(pod) if context.proc_mount not in (None, "Default")]
    if not found:
        return None
    return Fault(f'{setters(found)} must not set securityContext.procMount to "Unmasked"', (*found[0][1], "procMount"))


def _se_linux(pod: Pod) -> Fault | None:
    found = [(o, setter) for context, setter in contexts(pod) if (o := context.se_linux_options) is not None]
    wrong = [(o, setter) for o, setter in found if o.type not in _SELINUX_TYPES or o.user or o.role]
    if not wrong:
        return None
    types = each(o.type for o, _ in wrong if o.type not in _SELINUX_TYPES)
    said = [counted("type", "types", types)] if types else []
    said += ["user may not be set"] if any(o.user for o, _ in wrong) else []
    said += ["role may not be set"] if any(o.role for o, _ in wrong) else []
    first, (_, path) = wrong[0]
    field = "type" if first.type not in _SELINUX_TYPES else "user" if first.user else "role"
    who = setters(setter for _, setter in wrong)
    text = f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(said)}"
    return Fault(text, (*path, "seLinuxOptions", field))


def seccomp_unconfined(pod: Pod) -> Fault | None:
    """Who asks for no filter of system calls; restricted asks it too."""
    found = [
        setter
        for context, setter in contexts(pod)
        if context.seccomp_profile is not None and context.seccomp_profile.type == "Unconfined"
    ]
    if not found:
        return None
    text = f'{setters(found)} must not set securityContext.seccompProfile.type to "Unconfined"'
    return Fault(text, (*found[0][1], "seccompProfile", "type"))


def _sysctls(pod: Pod) -> Fault | None:
    every = enumerate(pod.spec.security_context.sysctls)
    found = [(index, sysctl.name) for index, sysctl in every if sysctl.name not in SAFE_SYSCTLS]
    if not found:
        return None
    path = ("spec", "securityContext", "sysctls", found[0][0], "name")
    return Fault(", ".join(name for _, name in found), path)


def _host_process(pod: Pod) -> Fault | None:
    found = [
        setter
        for context, setter in contexts(pod)
        if context.windows_options is not None and context.windows_options.host_process
    ]
    if not found:
        return None
    text = f"{setters(found)} must not set securityContext.windowsOptions.hostProcess=true"
    return Fault(text, (*found[0][1], "windowsOptions", "hostProcess"))


_ARMOR = "forbidden AppArmor profile"
BASELINE: tuple[Rule, ...] = (
    Rule("appArmorProfile", "baseline", _ARMOR, _app_armor, reason_of_many=f"{_ARMOR}s"),
    Rule("capabilities_baseline", "baseline", "non-default capabilities", _capabilities),
    Rule("hostNamespaces", "baseline", "host namespaces", _host_namespaces),
    Rule("hostPathVolumes", "baseline", "hostPath volumes", _host_paths),
    Rule("hostPorts", "baseline", "hostPort", _host_ports),
    Rule("hostProbesAndHostLifecycle", "baseline", "probe or lifecycle host", _probe_hosts),
    Rule("privileged", "baseline", "privileged", _privileged),
    Rule("procMount", "baseline", "procMount", _proc_mount),
    Rule("seLinuxOptions", "baseline", "seLinuxOptions", _se_linux),
    Rule("seccompProfile_baseline", "baseline", "seccompProfile", seccomp_unconfined),
    Rule("sysctls", "baseline", "forbidden sysctls", _sysctls),
    Rule("windowsHostProcess", "baseline", "hostProcess", _host_process),
)
