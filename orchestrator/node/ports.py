"""What the node needs of rooms that it may not import; `app` hands in the real ones."""

from pathlib import Path
from typing import Protocol

from orchestrator.engine.base import Network
from orchestrator.objects.pod import Pod


class PodNetworks(Protocol):
    """One network a namespace (services/networks.py)."""

    async def ensure(self, namespace: str) -> Network:
        """Have the namespace's network; OrchestratorError says why it cannot be had."""
        ...

    def ready(self, namespace: str) -> bool:
        """Whether it is known to stand."""
        ...

    def doubt(self, namespace: str) -> None:
        """Know that no longer: the next `ensure` asks the engine."""
        ...


class PodPolicies(Protocol):
    """What network policies say of pods (services/policy_keeper.py)."""

    async def guard(self, pod: Pod) -> None:
        """Return when they hold for this pod, whose address is in the store; OrchestratorError when they cannot."""
        ...

    def release(self, uid: str) -> None:
        """Nothing of the pod is left; unknown is fine."""
        ...


class HostsFiles(Protocol):
    """The pods' hosts files (services/hosts.py)."""

    def path(self, uid: str) -> Path:
        """Where a pod's file lies."""
        ...

    def uids(self) -> set[str]:
        """All pods that have one."""
        ...

    def prepare(self, pod: Pod, ip: str | None) -> Path:
        """Write it, with the pod's own address once it is known."""
        ...

    def remove(self, uid: str) -> None:
        """Remove it; absent is fine."""
        ...
