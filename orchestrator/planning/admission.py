"""What a cluster's API server and scheduler fill in when a pod is made."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from orchestrator.objects.pod import Pod
from orchestrator.planning.quality import qos_class


def on_node(name: str) -> Callable[[Any, Any], Any]:
    """A `store.Admission`: a new pod is Pending, and every pod is on this node."""

    def admit(obj: Any, _old: Any) -> Any:
        if not isinstance(obj, Pod):
            return obj
        status = obj.status
        if status.phase is None:
            status = replace(status, phase="Pending", qos_class=qos_class(obj))
        return replace(obj, spec=replace(obj.spec, node_name=name), status=status)

    return admit
