"""Which change replaces what: least disruption, as two digests.

A pod whose identity changes is another pod (new uid, everything anew); a container whose digest changes is replaced
alone; a change of neither touches nothing that runs.
"""

import hashlib
from typing import Any

import msgspec

from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod

_LIVE = ("containers", "termination_grace_period_seconds", "active_deadline_seconds", "node_name")
"""Fields of a pod's spec that can change while it runs, or that the daemon fills in."""


def object_identity(obj: Any) -> str:
    """What an object may not change and stay the same one; only pods have such fields."""
    return pod_identity(obj) if isinstance(obj, Pod) else ""


def pod_identity(pod: Pod) -> str:
    """The digest of all fields of a pod that its sandbox, volumes and init containers are made from."""
    names = (name for name in pod.spec.__struct_fields__ if name not in _LIVE)
    fields = {name: getattr(pod.spec, name) for name in names}
    published = [port for container in pod.spec.containers for port in container.ports if port.host_port]
    return _digest([fields, published])


def container_digest(container: Container) -> str:
    """The digest of everything that one container is made from."""
    return _digest(container)


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:16]
