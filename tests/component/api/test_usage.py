"""What is used now, and the node, in the shapes that `kubectl top` and `kubectl get nodes` read (R02)."""

import time

from orchestrator.planning.consumption import Consumption, Process, Used
from tests.component.api.house import POD, House

METRICS = "/apis/metrics.k8s.io/v1beta1"


def process(container: str, pod: str = "web") -> Process:
    return Process("default", pod, container, f"{pod}-{container}", 1, 0.0)


async def test_R02_pods_are_told_by_container_in_the_order_of_the_spec(house: House) -> None:
    house.apply(POD)
    side, app = (process("side"), Used(2, 2048)), (process("app"), Used(250_000_000, 3 << 20))
    both = (side, app, (process("x", "gone"), Used(1, 1)))
    house.used = Consumption(time.time(), 15.0, Used(500_000_000, 1 << 30), both)
    status, listed = await house.get(f"{METRICS}/pods")
    assert (status, listed["kind"]) == (200, "PodMetricsList")
    (told,) = listed["items"]
    assert told["containers"] == [
        {"name": "app", "usage": {"cpu": "250000000n", "memory": "3072Ki"}},
        {"name": "side", "usage": {"cpu": "2n", "memory": "2Ki"}},
    ]
    assert (told["metadata"]["labels"], told["window"]) == ({"app": "web"}, "15.000s")
    status, one = await house.get(f"{METRICS}/namespaces/default/pods/web")
    assert (status, one["kind"], one["containers"]) == (200, "PodMetrics", told["containers"])
    assert (await house.get(f"{METRICS}/namespaces/default/pods/gone"))[0] == 404
    assert (await house.get(f"{METRICS}/namespaces/other/pods"))[1]["items"] == []
    assert (await house.get(f"{METRICS}/pods", labelSelector="app=none"))[1]["items"] == []


async def test_R02_the_node_is_told_and_found(house: House) -> None:
    _, listed = await house.get(f"{METRICS}/nodes")
    assert [item["usage"] for item in listed["items"]] == [{"cpu": "500000000n", "memory": "1048576Ki"}]
    status, node = await house.get("/api/v1/nodes/host")
    assert (status, node["status"]["capacity"], node["status"]["allocatable"]) == (200, {"cpu": "4"}, {"cpu": "3500m"})
    told = {condition["type"]: condition["status"] for condition in node["status"]["conditions"]}
    assert told == {"MemoryPressure": "False", "DiskPressure": "False", "Ready": "True"}
    assert (await house.get("/api/v1/nodes/other"))[0] == 404
    assert (await house.get(f"{METRICS}/nodes/other"))[0] == 404
    _, groups = await house.get("/apis")
    assert "metrics.k8s.io" in [group["name"] for group in groups["groups"]]
    _, resources = await house.get(METRICS)
    assert [row["name"] for row in resources["resources"]] == ["nodes", "pods"]
