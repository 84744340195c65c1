"""What a pod asks of its host: the sums that a scheduler compares with what there is (behaviour case R03).

Follows k8s.io/component-helpers/resource: containers count together, init containers one after another, a sidecar from
its start on, and the overhead of the runtime on top.
"""

from dataclasses import dataclass
from weakref import ref

from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.planning.amounts import Amounts, amounts, most, total
from orchestrator.planning.host_ports import HostPort, host_ports
from orchestrator.planning.runtime_class import Classes, overhead_of


@dataclass(frozen=True, slots=True)
class Asked:
    """The most that a pod asks for at any time of its life, and the ports of the host that it wants."""

    requests: Amounts
    ports: tuple[HostPort, ...]

    def __bool__(self) -> bool:
        return bool(self.ports) or any(self.requests.values())


_known: dict[int, tuple[ref[PodSpec], Asked]] = {}
"""By the identity of a spec, while there is that spec: every pod that waits looks at what all others ask for."""


def asked(pod: Pod, classes: Classes) -> Asked:
    """What the pod asks for, and what its runtime class costs."""
    spec = pod.spec
    number = id(spec)
    known = _known.get(number)
    if known is None or known[0]() is not spec:
        alive = ref(spec, lambda _spec: _known.pop(number, None))
        known = _known[number] = alive, Asked(_requests(spec), tuple(host_ports(pod)))
    overhead = overhead_of(pod, classes)
    if not overhead:
        return known[1]
    return Asked(total((known[1].requests, amounts(overhead))), known[1].ports)


def _requests(spec: PodSpec) -> dict[str, int]:
    together = total(amounts(container.resources.requests) for container in spec.containers)
    sidecars: dict[str, int] = {}
    begin: dict[str, int] = {}
    for container in spec.init_containers:
        own = amounts(container.resources.requests)
        if container.restart_policy == "Always":
            together, sidecars = total((together, own)), total((sidecars, own))
            begin = most(begin, sidecars)
        else:
            begin = most(begin, total((own, sidecars)))
    result = most(together, begin)
    if spec.resources is not None:
        # What is said of the pod as a whole counts in place of the sum.
        result |= amounts({**spec.resources.limits, **spec.resources.requests})
    return result
