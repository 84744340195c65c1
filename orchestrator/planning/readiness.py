"""When a sandbox is of use, and when a container counts as started, and as ready (behaviour cases P05, P06, H01)."""

from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.planning.observed import HookState, Observed, SeenContainer
from orchestrator.planning.probe_state import ProbeStatus


def stands(pod: Pod, sandbox: SeenContainer) -> bool:
    """Whether a pod can live in this sandbox: it runs, is on the network, and is still what its containers joined.

    One that was started again has another network namespace than they; one without an address was cut off.
    """
    return sandbox.alive and not sandbox.started_again and (pod.spec.host_network or sandbox.ip != "")


def is_started(container: Container, seen: SeenContainer, observed: Observed) -> bool:
    """Running, its postStart hook over, and its startup probe passed."""
    if seen.phase != "running":
        return False
    if container.lifecycle is not None and container.lifecycle.post_start is not None:
        hook = observed.post_starts.get(seen.id)
        if hook is None or hook.state is not HookState.SUCCEEDED:
            return False
    return container.startup_probe is None or bool(observed.probes.get(seen.id, ProbeStatus()).started)


def is_ready(pod: Pod, container: Container, seen: SeenContainer, observed: Observed) -> bool:
    """Started, in a sandbox that is there, and its readiness probe says so where it has one (P06)."""
    sandbox = observed.sandbox(seen.uid)
    if sandbox is None or not stands(pod, sandbox) or not is_started(container, seen, observed):
        return False
    return container.readiness_probe is None or bool(observed.probes.get(seen.id, ProbeStatus()).ready)
