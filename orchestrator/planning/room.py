"""What pods have of the host, and whether there is enough for one more (behaviour cases N06 and R03)."""

from orchestrator.objects.pod import Pod
from orchestrator.planning.amounts import Amounts, amount_text
from orchestrator.planning.host_ports import HostPort, port_taken
from orchestrator.planning.limits import GPU
from orchestrator.planning.requests import Asked

_NO_GPU = " This host has no GPU to give: that takes NVIDIA's driver and container toolkit."


class Room:
    """The host as a scheduler sees it: what pods may have in all, and what those that were let in hold of it."""

    def __init__(self, allocatable: Amounts) -> None:
        """A host that nobody has anything of yet."""
        self._allocatable = allocatable
        self._held: dict[str, int] = {}
        self._ports: list[tuple[HostPort, Pod]] = []

    def let_in(self, pod: Pod, wants: Asked) -> None:
        """The pod has its part from now on."""
        for name, value in wants.requests.items():
            self._held[name] = self._held.get(name, 0) + value
        self._ports += [(port, pod) for port in wants.ports]

    def refusal(self, wants: Asked) -> str:
        """Why a pod that asks for this cannot be let in, in the scheduler's words and with the sums; "" if it can."""
        return port_taken(wants.ports, self._ports) or self._insufficient(wants.requests)

    def _insufficient(self, requests: Amounts) -> str:
        short = sorted(name for name, wanted in requests.items() if wanted and not self._has(name, wanted))
        if not short:
            return ""
        reasons = ", ".join(f"1 Insufficient {name}" for name in short)
        sums = "; ".join(self._sum(name, requests[name]) for name in short)
        hint = _NO_GPU if GPU in short and not self._allocatable.get(GPU) else ""
        return f"0/1 nodes are available: {reasons}. {sums}.{hint}"

    def _has(self, name: str, wanted: int) -> bool:
        """Of what nobody counts (huge pages) there is enough; devices that nobody tells of are not there."""
        if name not in self._allocatable and "/" not in name:
            return True
        return self._held.get(name, 0) + wanted <= self._allocatable.get(name, 0)

    def _sum(self, name: str, wanted: int) -> str:
        told = (wanted, self._held.get(name, 0), self._allocatable.get(name, 0))
        asked, held, whole = (amount_text(name, value) for value in told)
        return f"{name}: {asked} requested, {held} of {whole} in use"
