"""The rules of the level "restricted", beside those of baseline: pods that are hardened as is known to be best."""

from orchestrator.objects.meta import kubernetes_name
from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_security.baseline import seccomp_unconfined
from orchestrator.objects.pod_security.rule import (
    Fault,
    Rule,
    containers,
    contexts,
    counted,
    each,
    of_containers,
    quoted,
    setters,
)
from orchestrator.objects.security import Capabilities, SecurityContext
from orchestrator.objects.volumes import Volume

_VOLUMES = frozenset(
    {
        "config_map", "csi", "downward_api", "empty_dir", "ephemeral", "persistent_volume_claim", "projected", "secret",
    }
)  # fmt: skip


def _escalation(pod: Pod) -> Fault | None:
    found = [
        (container.name, path)
        for container, path in containers(pod)
        if (container.security_context or SecurityContext()).allow_privilege_escalation is not False
    ]
    if not found:
        return None
    text = f"{of_containers(name for name, _ in found)} must set securityContext.allowPrivilegeEscalation=false"
    return Fault(text, (*found[0][1], "securityContext", "allowPrivilegeEscalation"))


def _capabilities(pod: Pod) -> Fault | None:
    kept, adding, values = [], [], set()
    for container, path in containers(pod):
        own = (container.security_context or SecurityContext()).capabilities or Capabilities()
        here = (*path, "securityContext", "capabilities")
        if "ALL" not in own.drop:
            kept.append((container.name, (*here, "drop")))
        if wrong := set(own.add) - {"NET_BIND_SERVICE"}:
            adding.append((container.name, (*here, "add")))
            values |= wrong
    said = []
    if kept:
        said.append(f'{of_containers(name for name, _ in kept)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        who = of_containers(name for name, _ in adding)
        said.append(f"{who} must not include {quoted(sorted(values))} in securityContext.capabilities.add")
    return Fault("; ".join(said), (*kept, *adding)[0][1]) if said else None


def _volume_types(pod: Pod) -> Fault | None:
    found = [(index, volume.name, kind) for index, volume in enumerate(pod.spec.volumes) if (kind := _kind(volume))]
    if not found:
        return None
    names, kinds = [name for _, name, _ in found], each(kind for _, _, kind in found)
    uses = "uses" if len(names) == 1 else "use"
    types = counted("restricted volume type", "restricted volume types", kinds)
    text = f"{counted('volume', 'volumes', names)} {uses} {types}"
    return Fault(text, ("spec", "volumes", found[0][0], found[0][2]))


def _kind(volume: Volume) -> str:
    """The type of a volume that is none of those that are allowed, "" for one of these."""
    fields = (name for name in volume.__struct_fields__ if name not in _VOLUMES | {"name"})
    return next((kubernetes_name(name) for name in fields if getattr(volume, name) is not None), "")


def _non_root(pod: Pod) -> Fault | None:
    denied = [setter for context, setter in contexts(pod) if context.run_as_non_root is False]
    if denied:
        text = f"{setters(denied)} must not set securityContext.runAsNonRoot=false"
        return Fault(text, (*denied[0][1], "runAsNonRoot"))
    if pod.spec.security_context.run_as_non_root:
        return None
    open_ = [c.name for c, _ in containers(pod) if (c.security_context or SecurityContext()).run_as_non_root is None]
    text = f"pod or {of_containers(open_)} must set securityContext.runAsNonRoot=true"
    return Fault(text, ("spec", "securityContext", "runAsNonRoot")) if open_ else None


def _user(pod: Pod) -> Fault | None:
    found = [setter for context, setter in contexts(pod) if context.run_as_user == 0]
    return Fault(f"{setters(found)} must not set runAsUser=0", (*found[0][1], "runAsUser")) if found else None


def _seccomp(pod: Pod) -> Fault | None:
    if (denied := seccomp_unconfined(pod)) is not None:
        return denied
    if pod.spec.security_context.seccomp_profile is not None:
        return None
    open_ = [c.name for c, _ in containers(pod) if (c.security_context or SecurityContext()).seccomp_profile is None]
    text = (
        f'pod or {of_containers(open_)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    )
    return Fault(text, ("spec", "securityContext", "seccompProfile")) if open_ else None


RESTRICTED: tuple[Rule, ...] = (
    Rule("allowPrivilegeEscalation", "restricted", "allowPrivilegeEscalation != false", _escalation),
    Rule(
        "capabilities_restricted",
        "restricted",
        "unrestricted capabilities",
        _capabilities,
        instead_of="capabilities_baseline",
    ),
    Rule("restrictedVolumes", "restricted", "restricted volume types", _volume_types, instead_of="hostPathVolumes"),
    Rule("runAsNonRoot", "restricted", "runAsNonRoot != true", _non_root),
    Rule("runAsUser", "restricted", "runAsUser=0", _user),
    Rule(
        "seccompProfile_restricted",
        "restricted",
        "seccompProfile",
        _seccomp,
        instead_of="seccompProfile_baseline",
    ),
)
