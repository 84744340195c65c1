"""In which order a pod's containers start: init containers one by one, then all others at once (L06, L07, L08).

A plain init container runs to success before the next begins; a sidecar must be started (its startup probe passed)
before the next begins, and goes on beside the app.
"""

from orchestrator.objects.container import Container
from orchestrator.planning.container_plan import Scene, container_plan, together
from orchestrator.planning.ops import Plan, Waiting
from orchestrator.planning.readiness import is_started
from orchestrator.planning.restart_policy import is_sidecar

_INITIALIZING = Waiting("PodInitializing")


def startup_plan(scene: Scene) -> Plan:
    """The next steps of all containers of a pod whose sandbox stands."""
    spec = scene.pod.spec
    running = _initialized(scene)
    parts: list[Plan] = []
    for position, container in enumerate(spec.init_containers):
        if is_sidecar(scene.pod, container):
            parts.append(container_plan(scene, container, "init"))
            if running or _is_up(scene, container):
                continue
        elif running or _has_succeeded(scene, container):
            continue
        else:
            parts.append(container_plan(scene, container, "init"))
        later = (*spec.init_containers[position + 1 :], *spec.containers)
        return together([Plan(waiting={each.name: _INITIALIZING for each in later}), *parts])
    return together([*parts, *(container_plan(scene, container, "container") for container in spec.containers)])


def _initialized(scene: Scene) -> bool:
    """An app container was made in this sandbox: all init containers have succeeded, and may be gone by now."""
    newest = (scene.observed.newest(scene.pod.metadata.uid, container.name) for container in scene.pod.spec.containers)
    return any(seen is not None and seen.created_at >= scene.sandbox.created_at for seen in newest)


def _has_succeeded(scene: Scene, container: Container) -> bool:
    newest = scene.observed.newest(scene.pod.metadata.uid, container.name)
    if newest is None or newest.created_at < scene.sandbox.created_at:
        return False
    return newest.ended and newest.exit_code == 0 and not newest.failed_to_start


def _is_up(scene: Scene, container: Container) -> bool:
    newest = scene.observed.newest(scene.pod.metadata.uid, container.name)
    return newest is not None and is_started(container, newest, scene.observed)
