"""EndpointSlice: some of the places behind a Service, which its label names."""

from collections.abc import Mapping
from typing import Literal

from orchestrator.objects.meta import Object, ObjectReference, Part, shown
from orchestrator.objects.service import Protocol

SERVICE_NAME = "kubernetes.io/service-name"
"""The label with the name of the Service that a slice belongs to."""
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
"""The label that tells who writes a slice."""
SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror"
"""The label of Endpoints that no slice is to be made of."""


class EndpointConditions(Part, frozen=True, kw_only=True):
    """What a place does now.  What is not said counts as ready and serving, and not as terminating."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ForZone(Part, frozen=True, kw_only=True):
    """A zone whose clients should come here."""

    name: str


class ForNode(Part, frozen=True, kw_only=True):
    """A node whose clients should come here."""

    name: str


class EndpointHints(Part, frozen=True, kw_only=True):
    """Which clients should come here."""

    for_zones: tuple[ForZone, ...] = ()
    for_nodes: tuple[ForNode, ...] = ()


class Endpoint(Part, frozen=True, kw_only=True):
    """One place that may serve.  Its addresses lead to the same; the first is used."""

    addresses: tuple[str, ...]
    conditions: EndpointConditions = EndpointConditions()
    hostname: str = ""
    target_ref: ObjectReference | None = None
    node_name: str = ""
    zone: str = ""
    hints: EndpointHints | None = None
    deprecated_topology: Mapping[str, str] = {}


class SlicePort(Part, frozen=True, kw_only=True):
    """One port of every place of a slice (discovery/v1 EndpointPort)."""

    name: str = shown("")
    protocol: Protocol = shown("TCP")
    port: int | None = None
    app_protocol: str = ""


class EndpointSlice(Object, frozen=True, kw_only=True):
    """Places that share their ports.

    Follows https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/.
    """

    api_version: Literal["discovery.k8s.io/v1"] = shown("discovery.k8s.io/v1")
    kind: Literal["EndpointSlice"] = shown("EndpointSlice")
    address_type: Literal["IPv4", "IPv6", "FQDN"]
    endpoints: tuple[Endpoint, ...]
    ports: tuple[SlicePort, ...] = ()
