"""Which change replaces what: least disruption, as two digests.

A pod whose identity changes is another pod (new uid, everything anew); a container whose digest changes is replaced
alone; a change of neither touches nothing that runs.  A pod that is over stays over: with other containers it is
another pod too.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.pod_status import FINAL_PHASES, PodStatus
from orchestrator.objects.support import IGNORED

_LIVE = ("containers", "termination_grace_period_seconds", "active_deadline_seconds", "node_name")
"""Fields of a pod's spec that can change while it runs, or that the daemon fills in."""
_TOLD = ("serviceAccountName", "serviceAccount")
"""Fields without an effect that a container may have in its environment all the same."""
_IDLE = tuple(
    name
    for name, key in zip(PodSpec.__struct_fields__, PodSpec.__struct_encode_fields__, strict=True)
    if f"PodSpec.{key}" in IGNORED and key not in _TOLD
)
"""Fields that have no effect here, so that an edit of them has none either."""
_PLAIN = PodSpec(containers=())
_ENDED = ("PodCompleted", "PodFailed")


@dataclass(frozen=True, slots=True)
class Identity:
    """What an object may not change and stay the same one: `fixed` never, `run` not once it is over."""

    fixed: str = ""
    run: str = ""

    def is_kept_by(self, other: "Identity", *, over: bool) -> bool:
        """Whether an object with the other identity is still this one."""
        return self.fixed == other.fixed and (not over or self.run == other.run)


def object_identity(obj: Any) -> Identity:
    """The identity of an object of any kind; only pods have one."""
    if not isinstance(obj, Pod):
        return Identity()
    return Identity(pod_identity(obj), _digest(sorted(map(container_digest, obj.spec.containers))))


def is_over(status: Any) -> bool:
    """Whether this is the status of a pod that has ended, or is ending by itself: it never runs again.

    Its conditions say so before its phase does, which waits for the last process.
    """
    if not isinstance(status, PodStatus):
        return False
    ending = any(c.type == "Ready" and c.reason in _ENDED for c in status.conditions)
    return status.phase in FINAL_PHASES or ending


def pod_identity(pod: Pod) -> str:
    """The digest of all fields of a pod that its sandbox, volumes and init containers are made from."""
    names = (name for name in pod.spec.__struct_fields__ if name not in _LIVE)
    fields = {name: getattr(_PLAIN if name in _IDLE else pod.spec, name) for name in names}
    published = [port for container in pod.spec.containers for port in container.ports if port.host_port]
    return _digest([fields, published])


def container_digest(container: Container) -> str:
    """The digest of everything that one container is made from."""
    return _digest(container)


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:16]
