"""RuntimeClass: by which of the engine's runtimes a pod is run, and what that costs."""

from collections.abc import Mapping
from typing import Literal

from orchestrator.objects.meta import Object, Part, shown
from orchestrator.objects.scalars import Quantity
from orchestrator.objects.scheduling import Toleration


class Overhead(Part, frozen=True, kw_only=True):
    """What a pod of the class needs besides what its containers ask for."""

    pod_fixed: Mapping[str, Quantity] = {}


class Scheduling(Part, frozen=True, kw_only=True):
    """Which nodes have the runtime."""

    node_selector: Mapping[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()


class RuntimeClass(Object, frozen=True, kw_only=True):
    """A name for a runtime; `handler` is what the engine calls it ("runsc").

    Follows https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/runtime-class-v1/.
    """

    api_version: Literal["node.k8s.io/v1"] = shown("node.k8s.io/v1")
    kind: Literal["RuntimeClass"] = shown("RuntimeClass")
    handler: str
    overhead: Overhead | None = None
    scheduling: Scheduling | None = None
