"""Which container of the engine a request for a pod's log or a command in it means, in the kubelet's words."""

from collections.abc import Iterable

from orchestrator.api.context import Context
from orchestrator.engine.base import Container
from orchestrator.errors import Invalid, NotFound
from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import FINAL_PHASES
from orchestrator.planning import labels
from orchestrator.state.store import Key

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"

_WAITING = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


def find_pod(context: Context, namespace: str, name: str) -> Pod:
    """Give the pod; NotFound in the API server's words."""
    pod = context.store.get(Key("Pod", namespace, name))
    if pod is None:
        raise NotFound(f'pods "{name}" not found')
    assert isinstance(pod, Pod)
    return pod


def container_name(pod: Pod, asked: str) -> str:
    """Give the container that is meant: the asked one, the annotation's, or the first.  Invalid for an unknown name."""
    spec = pod.spec
    names = [c.name for c in (*spec.containers, *spec.init_containers, *spec.ephemeral_containers)]
    if asked:
        if asked not in names:
            raise Invalid(f"container {asked} is not valid for pod {pod.metadata.name}")
        return asked
    annotated = pod.metadata.annotations.get(DEFAULT_CONTAINER, "")
    return annotated if annotated in names else names[0]


async def attempts(context: Context, pod: Pod, name: str) -> list[Container]:
    """All runs of a container that the engine still has, the newest first; a copy that bears its labels is none."""
    wanted = {
        labels.INSTANCE: context.instance,
        labels.NAMESPACE: pod.metadata.namespace,
        labels.POD: pod.metadata.name,
        labels.UID: pod.metadata.uid,
        labels.CONTAINER: name,
    }
    listed = await context.engine.list_containers(wanted)
    return newest_first(found for found in listed if labels.is_ours(found.name, found.labels))


def newest_first(containers: Iterable[Container]) -> list[Container]:
    """Order runs of one container by attempt; the sandbox is none of them."""
    runs = [container for container in containers if container.labels.get(labels.ROLE) != "sandbox"]
    return sorted(runs, key=lambda container: int(container.labels.get(labels.ATTEMPT, "0")), reverse=True)


def for_log(pod: Pod, name: str, runs: list[Container], *, previous: bool) -> Container:
    """Choose the run whose log is wanted; Invalid, with the kubelet's reason, when there is none."""
    started = [run for run in runs if run.phase != "created"]
    if previous:
        dead = [run for run in started[1:] if run.phase in ("exited", "dead")]
        if runs and runs[0].phase == "created":
            dead = started
        if not dead:
            raise Invalid(f'previous terminated container "{name}" in pod "{pod.metadata.name}" not found')
        return dead[0]
    if started:
        return started[0]
    raise Invalid(f'container "{name}" in pod "{pod.metadata.name}" is waiting to start: {_why(pod, name)}')


def for_exec(pod: Pod, name: str, runs: list[Container]) -> Container:
    """Choose the run that a command can be started in; Invalid when none is running."""
    if pod.status.phase in FINAL_PHASES:
        raise Invalid(f"cannot exec into a container in a completed pod; current phase is {pod.status.phase}")
    if not runs or runs[0].phase != "running":
        raise Invalid(f'container "{name}" in pod "{pod.metadata.name}" is not running: {_why(pod, name)}')
    return runs[0]


def _why(pod: Pod, name: str) -> str:
    """The reason that the container's status gives for waiting or having ended."""
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        if status.name == name:
            if status.state.waiting:
                return _WAITING.get(status.state.waiting.reason, status.state.waiting.reason or "ContainerCreating")
            if status.state.terminated:
                return status.state.terminated.reason or "Error"
    return "ContainerCreating"
