"""What a pod asks of its host: the sums that a scheduler compares with what there is (behaviour case R03).

Follows k8s.io/component-helpers/resource: containers count together, init containers one after another, a sidecar from
its start on, and the overhead of the runtime on top.
"""

from orchestrator.objects.pod import Pod
from orchestrator.planning.amounts import amounts, most, total
from orchestrator.planning.runtime_class import Classes, overhead_of


def pod_requests(pod: Pod, classes: Classes) -> dict[str, int]:
    """The most that the pod asks for at any time of its life, and what its runtime class costs."""
    spec = pod.spec
    sum_ = total(amounts(container.resources.requests) for container in spec.containers)
    sidecars: dict[str, int] = {}
    begin: dict[str, int] = {}
    for container in spec.init_containers:
        own = amounts(container.resources.requests)
        if container.restart_policy == "Always":
            sum_, sidecars = total((sum_, own)), total((sidecars, own))
            begin = most(begin, sidecars)
        else:
            begin = most(begin, total((own, sidecars)))
    result = most(sum_, begin)
    if spec.resources is not None:
        # What is said of the pod as a whole counts in place of the sum.
        result |= amounts({**spec.resources.limits, **spec.resources.requests})
    return total((result, amounts(overhead_of(pod, classes))))
