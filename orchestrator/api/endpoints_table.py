"""Endpoints and EndpointSlices as kubectl's tables show them.  Pure."""

from collections.abc import Sequence

from orchestrator.api.ages import age
from orchestrator.objects.endpoint_slice import EndpointSlice
from orchestrator.objects.service import Endpoints

ENDPOINTS_COLUMNS = ("Name", "Endpoints", "Age")
SLICE_COLUMNS = ("Name", "AddressType", "Ports", "Endpoints", "Age")
_SHOWN = 3


def endpoints_cells(endpoints: Endpoints, now: float) -> tuple[str, ...]:
    """The row of Endpoints: those that are ready."""
    found: list[str] = []
    for subset in endpoints.subsets:
        ports: list[str] = [f":{port.port}" for port in subset.ports] or [""]
        found += [address.ip + port for port in ports for address in subset.addresses]
    return endpoints.metadata.name, _some(found) or "<none>", age(endpoints.metadata.creation_timestamp, now)


def slice_cells(found: EndpointSlice, now: float) -> tuple[str, ...]:
    """The row of a slice: all its endpoints, ready or not, as kubectl shows them."""
    ports = ["*" if port.port is None else str(port.port) for port in found.ports]
    addresses = [address for endpoint in found.endpoints for address in endpoint.addresses]
    return (
        found.metadata.name,
        found.address_type,
        _some(ports) or "<unset>",
        _some(addresses) or "<unset>",
        age(found.metadata.creation_timestamp, now),
    )


def _some(items: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    more = f" + {len(items) - _SHOWN} more..." if len(items) > _SHOWN else ""
    return ",".join(items[:_SHOWN]) + more
