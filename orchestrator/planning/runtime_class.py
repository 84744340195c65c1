"""Which of the engine's runtimes a pod is run by, and what that costs (behaviour case R01)."""

from collections.abc import Mapping

from orchestrator.objects.pod import Pod
from orchestrator.objects.runtime_class import RuntimeClass

Classes = Mapping[str, RuntimeClass]


def missing_class(pod: Pod, classes: Classes) -> str:
    """What the kubelet says of a pod whose class is not there; "" when it is, or the pod names none."""
    name = pod.spec.runtime_class_name
    return f'runtimeclass.node.k8s.io "{name}" not found' if name and name not in classes else ""


def handler_of(pod: Pod, classes: Classes) -> str:
    """The engine's name of the runtime, "" for its default one (also where the class is missing)."""
    found = classes.get(pod.spec.runtime_class_name or "")
    return found.handler if found is not None else ""


def overhead_of(pod: Pod, classes: Classes) -> Mapping[str, str]:
    """What the pod needs besides what its containers ask for."""
    found = classes.get(pod.spec.runtime_class_name or "")
    return pod.spec.overhead or (found.overhead.pod_fixed if found is not None and found.overhead else {})
