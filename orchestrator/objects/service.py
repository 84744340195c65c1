"""Service and Endpoints: a stable name and address before pods that come and go."""

from collections.abc import Mapping
from typing import Literal

from orchestrator.objects.meta import Condition, Object, ObjectReference, Part, shown
from orchestrator.objects.scalars import IntOrString

Protocol = Literal["TCP", "UDP", "SCTP"]


class ServicePort(Part, frozen=True, kw_only=True):
    """One port of a Service.  `target_port` is set by the defaults to `port` where the file has none."""

    name: str = ""
    protocol: Protocol = shown("TCP")
    app_protocol: str = ""
    port: int
    target_port: IntOrString | None = None
    node_port: int = 0


class ClientIPConfig(Part, frozen=True, kw_only=True):
    """How long a client stays with its pod."""

    timeout_seconds: int = shown(10800)


class SessionAffinityConfig(Part, frozen=True, kw_only=True):
    """Settings of `sessionAffinity`."""

    client_ip: ClientIPConfig | None = None


class ServiceSpec(Part, frozen=True, kw_only=True):
    """Which pods, on which ports, under which address.

    Follows https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/.
    """

    type: Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] = shown("ClusterIP")
    selector: Mapping[str, str] = {}
    ports: tuple[ServicePort, ...] = ()
    cluster_ip: str = ""
    """"None" for a headless Service, "" until an address is allotted."""
    cluster_ips: tuple[str, ...] = ()
    external_ips: tuple[str, ...] = ()
    external_name: str = ""
    session_affinity: Literal["None", "ClientIP"] = shown("None")
    session_affinity_config: SessionAffinityConfig | None = None
    publish_not_ready_addresses: bool = False
    ip_families: tuple[Literal["IPv4", "IPv6"], ...] = ()
    ip_family_policy: Literal["SingleStack", "PreferDualStack", "RequireDualStack"] | None = None
    external_traffic_policy: Literal["Cluster", "Local"] | None = None
    internal_traffic_policy: Literal["Cluster", "Local"] | None = None
    traffic_distribution: str = ""
    allocate_load_balancer_node_ports: bool | None = None
    health_check_node_port: int = 0
    load_balancer_class: str = ""
    load_balancer_ip: str = ""
    load_balancer_source_ranges: tuple[str, ...] = ()


def is_externally_accessible(spec: ServiceSpec) -> bool:
    """Whether clients outside of the Service's network may have a way to it, as `externalTrafficPolicy` needs one."""
    return spec.type in ("NodePort", "LoadBalancer") or (spec.type == "ClusterIP" and bool(spec.external_ips))


class PortStatus(Part, frozen=True, kw_only=True):
    """One port of a load balancer."""

    port: int
    protocol: Protocol
    error: str = ""


class LoadBalancerIngress(Part, frozen=True, kw_only=True):
    """One address at which a LoadBalancer answers."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str = ""
    ports: tuple[PortStatus, ...] = ()


class LoadBalancerStatus(Part, frozen=True, kw_only=True):
    """The addresses at which a LoadBalancer answers."""

    ingress: tuple[LoadBalancerIngress, ...] = ()


class ServiceStatus(Part, frozen=True, kw_only=True):
    """What is known of a Service beyond its spec."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()
    conditions: tuple[Condition, ...] = ()


class Service(Object, frozen=True, kw_only=True):
    """A stable name and address for the ready pods that its selector takes."""

    api_version: Literal["v1"] = shown("v1")
    kind: Literal["Service"] = shown("Service")
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()


class EndpointPort(Part, frozen=True, kw_only=True):
    """One port of the addresses of a subset."""

    name: str = ""
    port: int
    protocol: Protocol = shown("TCP")
    app_protocol: str = ""


class EndpointAddress(Part, frozen=True, kw_only=True):
    """One address that serves."""

    ip: str
    hostname: str = ""
    node_name: str = ""
    target_ref: ObjectReference | None = None


class EndpointSubset(Part, frozen=True, kw_only=True):
    """Addresses that share their ports."""

    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(Object, frozen=True, kw_only=True):
    """The addresses behind the Service of the same name."""

    api_version: Literal["v1"] = shown("v1")
    kind: Literal["Endpoints"] = shown("Endpoints")
    subsets: tuple[EndpointSubset, ...] = ()
