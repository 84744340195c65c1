"""The ledger against the plain way: every Service worked out anew from all pods, whatever happened before."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.objects.container import Container
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.pod_status import PodCondition, PodStatus
from orchestrator.objects.service import Service, ServicePort, ServiceSpec
from orchestrator.services.ledger import Ledger
from orchestrator.services.view import Written, part
from orchestrator.state.store import Key

PORTS = (ServicePort(port=80, target_port=8080),)
LABELS = ({"app": "a"}, {"app": "b"}, {"app": "a", "tier": "x"}, {"tier": "x"}, {})


def service(name: str, selector: dict[str, str], ip: str = "", namespace: str = "default") -> Service:
    spec = ServiceSpec(selector=selector, ports=PORTS, cluster_ip=ip or "None")
    return Service(metadata=ObjectMeta(name=name, namespace=namespace), spec=spec)


def pod(name: str, labels: dict[str, str], ip: str, *, ready: bool = True, namespace: str = "default") -> Pod:
    meta = ObjectMeta(name=name, namespace=namespace, labels=labels, uid=name)
    condition = PodCondition(type="Ready", status="True" if ready else "False")
    status = PodStatus(phase="Running", pod_ip=ip, conditions=(condition,))
    return Pod(metadata=meta, spec=PodSpec(containers=(Container(name="c", image="i"),)), status=status)


def key(obj: Service | Pod) -> Key:
    return Key(type(obj).__name__, obj.metadata.namespace, obj.metadata.name)


def plain(services: dict[Key, Service], pods: dict[Key, Pod]) -> tuple[object, ...]:
    parts = {
        at: part(one, [p for k, p in sorted(pods.items()) if k.namespace == at.namespace], Written(), by_name=False)
        for at, one in sorted(services.items())
    }
    served = {at.namespace for at, found in parts.items() if found.address}
    return (
        {found.address: found.targets for found in parts.values() if found.address},
        tuple(name for found in parts.values() for name in found.names),
        served,
        served | {at.namespace for at in pods},
    )


SERVICE = st.builds(
    service,
    st.sampled_from(["one", "two", "three"]),
    st.sampled_from(LABELS),
    st.sampled_from(["", "10.0.2.1"]),
    st.sampled_from(["default", "other"]),
)
POD = st.builds(
    pod,
    st.sampled_from(["p", "q", "r"]),
    st.sampled_from(LABELS),
    st.sampled_from(["10.0.0.1", "10.0.0.2"]),
    ready=st.booleans(),
    namespace=st.sampled_from(["default", "other"]),
)


@given(st.lists(st.tuples(st.booleans(), SERVICE | POD)), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_whatever_came_before_it_says_what_is_there(steps: list[tuple[bool, Service | Pod]], by: random.Random) -> None:
    ledger = Ledger(lambda _key: None, by_name=False)
    services: dict[Key, Service] = {}
    pods: dict[Key, Pod] = {}
    for there, obj in steps:
        at = key(obj)
        # An address is one Service's at a time, as the book gives it out.
        if isinstance(obj, Service):
            taken = {one.spec.cluster_ip for k, one in services.items() if k != at} - {"None"}
            if there and obj.spec.cluster_ip not in taken:
                services[at] = obj
                ledger.put_service(at, obj)
            elif not there:
                services.pop(at, None)
                ledger.drop_service(at)
        elif there:
            pods[at] = obj
            ledger.put_pod(at, obj)
        else:
            pods.pop(at, None)
            ledger.drop_pod(at)
        if by.random() < 0.5:
            ledger.refresh()
    ledger.refresh()
    assert (ledger.targets, ledger.names, ledger.served, ledger.keep) == plain(services, pods)


def test_one_pod_concerns_its_own_service_only() -> None:
    ledger = Ledger(lambda _key: None, by_name=False)
    shop = {"part-of": "shop"}
    services = [service(f"web{n}", {**shop, "app": f"a{n}"}, f"10.0.2.{n + 1}") for n in range(50)]
    pods = [pod(f"pod{n}", {**shop, "app": f"a{n}"}, f"10.0.0.{n + 1}") for n in range(50)]
    ledger.begin({key(one): one for one in services}, {key(one): one for one in pods})
    assert len(ledger.refresh()) == 50
    before = ledger.targets
    changed = msgspec.structs.replace(pods[7], status=pod("x", {}, "10.0.0.8", ready=False).status)
    assert ledger.put_pod(key(pods[7]), changed)
    # The very first Service is found by the label that all have: nobody had another one then.
    assert {at.name for at in ledger.refresh()} == {"web0", "web7"}
    assert {ip for ip, targets in ledger.targets.items() if targets != before[ip]} == {"10.0.2.8"}
    # Nothing that counts is different: nobody's turn.
    assert not ledger.put_pod(key(pods[7]), changed)
    assert ledger.refresh() == {}


def test_an_address_that_changes_hands_in_one_step_leads_to_its_new_service() -> None:
    ledger = Ledger(lambda _key: None, by_name=False)
    web, pods = service("web", {"app": "a"}, "10.0.2.1"), [pod("p", {"app": "b"}, "10.0.0.1")]
    ledger.begin({key(web): web}, {key(one): one for one in pods})
    ledger.refresh()
    ledger.drop_service(key(web))
    renamed = service("app", {"app": "b"}, "10.0.2.1")
    ledger.put_service(key(renamed), renamed)
    ledger.refresh()
    ((target,),) = [list(targets.values()) for targets in ledger.targets.values()]
    assert target.backends == (("10.0.0.1", 8080),)
