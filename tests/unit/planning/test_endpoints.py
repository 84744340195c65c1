from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from orchestrator.objects.container import Container, ContainerPort
from orchestrator.objects.endpoint_slice import (
    MANAGED_BY,
    SERVICE_NAME,
    Endpoint,
    EndpointConditions,
    EndpointSlice,
    SlicePort,
)
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.pod_status import PodCondition, PodPhase, PodStatus
from orchestrator.objects.service import (
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    Service,
    ServicePort,
    ServiceSpec,
)
from orchestrator.planning.endpoint_slices import MIRRORING, mirrored, slices
from orchestrator.planning.endpoints import Backend, backends, endpoints, serving_addresses

HTTP = ServicePort(name="http", port=80, target_port="web")
ADMIN = ServicePort(name="admin", port=9000, target_port=9001)


def pod(
    name: str,
    ip: str,
    *,
    ready: bool = True,
    labels: Mapping[str, str] = {"app": "web"},
    web: int = 8080,
    phase: PodPhase = "Running",
    deleted: str = "",
    hostname: str = "",
    subdomain: str = "",
) -> Pod:
    container = Container(name="c", image="i", ports=(ContainerPort(name="web", container_port=web),))
    return Pod(
        metadata=ObjectMeta(
            name=name, namespace="default", uid=f"uid-{name}", labels=labels, deletion_timestamp=deleted
        ),
        spec=PodSpec(containers=(container,), hostname=hostname, subdomain=subdomain),
        status=PodStatus(
            phase=phase, pod_ip=ip, conditions=(PodCondition(type="Ready", status="True" if ready else "False"),)
        ),
    )


def service(*ports: ServicePort, everyone: bool = False) -> Service:
    spec = ServiceSpec(selector={"app": "web"}, ports=ports, publish_not_ready_addresses=everyone)
    return Service(metadata=ObjectMeta(name="web", namespace="default"), spec=spec)


def listed(wanted: Service, pods: Iterable[Pod]) -> Endpoints:
    return endpoints(wanted, slices(wanted, pods))


def ips(subset: EndpointSubset) -> tuple[list[str], list[str]]:
    return [each.ip for each in subset.addresses], [each.ip for each in subset.not_ready_addresses]


def test_ready_pods_serve_and_others_are_listed_apart() -> None:
    found = listed(service(HTTP), [pod("b", "10.0.0.3"), pod("a", "10.0.0.2"), pod("c", "10.0.0.4", ready=False)])
    (subset,) = found.subsets
    assert ips(subset) == (["10.0.0.2", "10.0.0.3"], ["10.0.0.4"])
    assert [(port.name, port.port) for port in subset.ports] == [("http", 8080)]
    reference = subset.addresses[0].target_ref
    assert reference is not None
    assert (reference.kind, reference.name, reference.uid) == ("Pod", "a", "uid-a")


def test_pods_that_cannot_serve_are_left_out() -> None:
    found = listed(
        service(HTTP),
        [
            pod("other", "10.0.0.2", labels={"app": "api"}),
            pod("no-address", ""),
            pod("ended", "10.0.0.3", phase="Succeeded"),
            pod("going", "10.0.0.4", deleted="2026-01-01T00:00:00Z"),
        ],
    )
    assert found.subsets == ()


def test_whoever_asks_for_every_pod_gets_those_that_are_not_ready_too() -> None:
    pods = [pod("slow", "10.0.0.2", ready=False), pod("going", "10.0.0.3", ready=False, deleted="2026-01-01T00:00:00Z")]
    assert ips(listed(service(HTTP, everyone=True), pods).subsets[0]) == (["10.0.0.2", "10.0.0.3"], [])


def test_a_named_port_may_be_another_number_in_each_pod() -> None:
    pods = [pod("a", "10.0.0.2"), pod("b", "10.0.0.3", web=9999)]
    made = slices(service(HTTP, ADMIN), pods)
    assert backends(HTTP, made) == (Backend("10.0.0.2", 8080), Backend("10.0.0.3", 9999))
    assert backends(ADMIN, made) == (Backend("10.0.0.2", 9001), Backend("10.0.0.3", 9001))
    assert len(made) == len(listed(service(HTTP, ADMIN), pods).subsets) == 2


def test_a_port_that_no_container_names_leads_nowhere() -> None:
    missing = ServicePort(name="x", port=1, target_port="nowhere")
    made = slices(service(missing, ADMIN), [pod("a", "10.0.0.2")])
    assert backends(missing, made) == ()
    assert backends(ADMIN, made) == (Backend("10.0.0.2", 9001),)
    assert listed(service(missing), [pod("a", "10.0.0.2")]).subsets == ()


def test_a_port_of_another_protocol_does_not_count() -> None:
    assert (
        listed(service(ServicePort(port=80, target_port="web", protocol="UDP")), [pod("a", "10.0.0.2")]).subsets == ()
    )


def test_a_headless_service_needs_no_ports() -> None:
    made = slices(service(), [pod("b", "10.0.0.3"), pod("a", "10.0.0.2"), pod("c", "10.0.0.4", ready=False)])
    assert [address.ip for address in serving_addresses(made)] == ["10.0.0.2", "10.0.0.3"]


def test_a_pod_with_hostname_and_this_subdomain_has_a_name_of_its_own() -> None:
    pods = [
        pod("a", "10.0.0.2", hostname="zero", subdomain="web"),
        pod("b", "10.0.0.3", hostname="one", subdomain="else"),
    ]
    assert [each.hostname for each in serving_addresses(slices(service(HTTP), pods))] == ["zero", ""]


def test_no_endpoints_is_no_backend() -> None:
    assert backends(HTTP, ()) == ()


def test_slices_tell_who_is_ready_who_serves_and_who_is_going() -> None:
    pods = [
        pod("a", "10.0.0.2"),
        pod("b", "10.0.0.3", ready=False),
        pod("c", "10.0.0.4", deleted="2026-01-01T00:00:00Z"),
        pod("ended", "10.0.0.5", phase="Failed"),
    ]
    (found,) = slices(service(HTTP), pods)
    told = {
        e.addresses[0]: (e.conditions.ready, e.conditions.serving, e.conditions.terminating) for e in found.endpoints
    }
    assert told == {
        "10.0.0.2": (True, True, False),
        "10.0.0.3": (False, False, False),
        "10.0.0.4": (False, True, True),
    }
    # One of ours that is going gets nothing new, whoever else there is.
    assert backends(HTTP, slices(service(HTTP), pods[2:])) == ()
    (everyone,) = slices(service(HTTP, everyone=True), pods)
    assert [each.conditions.ready for each in everyone.endpoints] == [True, True, True]


def test_slices_are_named_by_what_stays_and_belong_to_their_service() -> None:
    (empty,) = slices(service(HTTP), [])
    assert (empty.endpoints, empty.ports) == ((), ())
    (one,) = slices(service(HTTP), [pod("a", "10.0.0.2")])
    (two,) = slices(service(HTTP), [pod("a", "10.0.0.2", ready=False), pod("b", "10.0.0.3")])
    assert (one.metadata.name, one.metadata.uid) == (two.metadata.name, two.metadata.uid)
    assert one.metadata.name.startswith("web-")
    labels = one.metadata.labels
    assert (labels[SERVICE_NAME], labels[MANAGED_BY]) == ("web", "endpointslice-controller.k8s.io")
    assert [(owner.kind, owner.name, owner.controller) for owner in one.metadata.owner_references] == [
        ("Service", "web", True)
    ]


def test_a_slice_has_a_hundred_endpoints_at_most() -> None:
    pods = [pod(f"p{number}", f"10.0.{number // 200}.{number % 200 + 1}") for number in range(250)]
    found = slices(service(HTTP), pods)
    assert [len(each.endpoints) for each in found] == [100, 100, 50]
    assert len({each.metadata.name for each in found}) == 3
    assert len(backends(HTTP, found)) == 250
    assert [len(subset.addresses) for subset in endpoints(service(HTTP), found).subsets] == [250]


def written(*endpoints: Endpoint, family: str = "IPv4", name: str = "http") -> EndpointSlice:
    return EndpointSlice(
        metadata=ObjectMeta(name="by-hand", namespace="default", labels={SERVICE_NAME: "web"}),
        address_type=family,  # type: ignore[arg-type]
        endpoints=endpoints,
        ports=(SlicePort(name=name, port=8080),),
    )


def at(ip: str, **conditions: bool) -> Endpoint:
    return Endpoint(addresses=(ip, "10.9.9.9"), conditions=EndpointConditions(**conditions))


def test_of_a_hand_written_slice_the_conditions_count() -> None:
    going = at("10.0.0.4", ready=False, serving=True, terminating=True)
    last = at("10.0.0.5", ready=False, terminating=True)
    dead = at("10.0.0.6", ready=False, serving=False, terminating=True)
    slow = at("10.0.0.7", ready=False)
    mixed = written(at("10.0.0.2"), at("10.0.0.3", ready=True), going, slow)
    assert backends(HTTP, [mixed]) == (Backend("10.0.0.2", 8080), Backend("10.0.0.3", 8080))
    # Where nobody is ready, those that serve while they end are better than nobody.
    assert backends(HTTP, [written(slow, dead), written(going, last)]) == (
        Backend("10.0.0.4", 8080),
        Backend("10.0.0.5", 8080),
    )
    assert backends(HTTP, [written(slow, dead)]) == ()
    assert backends(HTTP, [written(at("10.0.0.2"), name="other")]) == ()
    assert backends(HTTP, [written(at("2001:db8::1"), family="IPv6"), written(at("a.example"), family="FQDN")]) == ()


def test_hand_written_endpoints_are_mirrored() -> None:
    subset = EndpointSubset(
        addresses=(EndpointAddress(ip="192.0.2.1", hostname="zero"), EndpointAddress(ip="2001:db8::1")),
        not_ready_addresses=(EndpointAddress(ip="192.0.2.2"),),
        ports=(EndpointPort(name="http", port=8080),),
    )
    by_hand = Endpoints(metadata=ObjectMeta(name="web", namespace="default", labels={"a": "b"}), subsets=(subset,))
    bare = replace(service(HTTP), spec=ServiceSpec(ports=(HTTP,)))
    four, six = mirrored(bare, by_hand)
    assert (four.address_type, six.address_type) == ("IPv4", "IPv6")
    assert [(e.addresses, e.conditions.ready, e.hostname) for e in four.endpoints] == [
        (("192.0.2.1",), True, "zero"),
        (("192.0.2.2",), False, ""),
    ]
    assert four.metadata.labels == {"a": "b", SERVICE_NAME: "web", MANAGED_BY: MIRRORING}
    assert backends(HTTP, (four, six)) == (Backend("192.0.2.1", 8080),)
    assert mirrored(service(HTTP), by_hand) == ()
    unwanted = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    assert mirrored(bare, replace(by_hand, metadata=replace(by_hand.metadata, labels=unwanted))) == ()
