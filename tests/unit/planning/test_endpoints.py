from collections.abc import Mapping

from orchestrator.objects.container import Container, ContainerPort
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.pod_status import PodCondition, PodPhase, PodStatus
from orchestrator.objects.service import Endpoints, EndpointSubset, Service, ServicePort, ServiceSpec
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


def ips(subset: EndpointSubset) -> tuple[list[str], list[str]]:
    return [each.ip for each in subset.addresses], [each.ip for each in subset.not_ready_addresses]


def test_ready_pods_serve_and_others_are_listed_apart() -> None:
    found = endpoints(service(HTTP), [pod("b", "10.0.0.3"), pod("a", "10.0.0.2"), pod("c", "10.0.0.4", ready=False)])
    (subset,) = found.subsets
    assert ips(subset) == (["10.0.0.2", "10.0.0.3"], ["10.0.0.4"])
    assert [(port.name, port.port) for port in subset.ports] == [("http", 8080)]
    reference = subset.addresses[0].target_ref
    assert reference is not None
    assert (reference.kind, reference.name, reference.uid) == ("Pod", "a", "uid-a")


def test_pods_that_cannot_serve_are_left_out() -> None:
    found = endpoints(
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
    assert ips(endpoints(service(HTTP, everyone=True), pods).subsets[0]) == (["10.0.0.2", "10.0.0.3"], [])


def test_a_named_port_may_be_another_number_in_each_pod() -> None:
    found = endpoints(service(HTTP, ADMIN), [pod("a", "10.0.0.2"), pod("b", "10.0.0.3", web=9999)])
    assert backends(HTTP, found) == (Backend("10.0.0.2", 8080), Backend("10.0.0.3", 9999))
    assert backends(ADMIN, found) == (Backend("10.0.0.2", 9001), Backend("10.0.0.3", 9001))
    assert len(found.subsets) == 2


def test_a_port_that_no_container_names_leads_nowhere() -> None:
    missing = ServicePort(name="x", port=1, target_port="nowhere")
    found = endpoints(service(missing, ADMIN), [pod("a", "10.0.0.2")])
    assert backends(missing, found) == ()
    assert backends(ADMIN, found) == (Backend("10.0.0.2", 9001),)
    assert endpoints(service(missing), [pod("a", "10.0.0.2")]).subsets == ()


def test_a_port_of_another_protocol_does_not_count() -> None:
    assert (
        endpoints(service(ServicePort(port=80, target_port="web", protocol="UDP")), [pod("a", "10.0.0.2")]).subsets
        == ()
    )


def test_a_headless_service_needs_no_ports() -> None:
    found = endpoints(service(), [pod("b", "10.0.0.3"), pod("a", "10.0.0.2"), pod("c", "10.0.0.4", ready=False)])
    assert [address.ip for address in serving_addresses(found)] == ["10.0.0.2", "10.0.0.3"]


def test_a_pod_with_hostname_and_this_subdomain_has_a_name_of_its_own() -> None:
    pods = [
        pod("a", "10.0.0.2", hostname="zero", subdomain="web"),
        pod("b", "10.0.0.3", hostname="one", subdomain="else"),
    ]
    assert [each.hostname for each in serving_addresses(endpoints(service(HTTP), pods))] == ["zero", ""]


def test_no_endpoints_is_no_backend() -> None:
    assert backends(HTTP, Endpoints()) == ()
