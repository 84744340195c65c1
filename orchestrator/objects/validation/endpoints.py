"""Rules of Endpoints and EndpointSlices that a user writes: addresses that can serve, ports that can be told apart."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from orchestrator.objects.endpoint_slice import SERVICE_NAME, Endpoint, EndpointSlice, SlicePort
from orchestrator.objects.problem import FieldPath, Problem, duplicate, error, invalid, no_effect, required, warning
from orchestrator.objects.scalars import check_label, check_port_number, check_qualified_name, check_subdomain
from orchestrator.objects.service import EndpointAddress, EndpointPort, Endpoints, EndpointSubset
from orchestrator.objects.validation.common import IP_RULE

_MOST_ENDPOINTS, _MOST_ADDRESSES, _MOST_PORTS, _MOST_HINTS = 1000, 100, 20000, 8
_IPV4 = "leads nowhere: networks here are IPv4"
_FQDN = "leads nowhere: nobody serves names this way, write a Service of type ExternalName"


def validate_endpoints(endpoints: Endpoints) -> list[Problem]:
    """Check hand-written Endpoints."""
    problems: list[Problem] = []
    for index, subset in enumerate(endpoints.subsets):
        problems += _subset(subset, ("subsets", index))
    return problems


def validate_endpoint_slice(found: EndpointSlice) -> list[Problem]:
    """Check a hand-written EndpointSlice, and tell what of it leads nowhere."""
    problems: list[Problem] = []
    if not found.metadata.labels.get(SERVICE_NAME):
        text = f"belongs to no Service: its label {SERVICE_NAME} names one"
        problems.append(warning(("metadata", "labels"), text))
    if found.address_type != "IPv4":
        why = _IPV4 if found.address_type == "IPv6" else _FQDN
        problems.append(warning(("addressType",), f"{found.address_type} {why}"))
    problems += _too_many(found.endpoints, _MOST_ENDPOINTS, ("endpoints",))
    problems += _too_many(found.ports, _MOST_PORTS, ("ports",))
    if problems and problems[-1].severity == "error":
        return problems
    for index, endpoint in enumerate(found.endpoints):
        problems += _endpoint(endpoint, found.address_type, ("endpoints", index))
    return problems + _slice_ports(found.ports)


def serving_ip(text: str, path: FieldPath) -> list[Problem]:
    """Check an address that traffic is sent to, or arrives at: not one of this host's loopback, not a group's."""
    try:
        address = ip_address(text)
    except ValueError:
        return [invalid(path, text, IP_RULE)]
    wrong = []
    if address.is_unspecified:
        wrong.append("may not be unspecified (0.0.0.0 or ::)")
    if address.is_loopback:
        wrong.append("may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if address.is_link_local:
        wrong.append("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if address.is_multicast:
        wrong.append("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    return [invalid(path, text, rule) for rule in wrong]


# --- Endpoints ---


def _subset(subset: EndpointSubset, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    if not subset.addresses and not subset.not_ready_addresses:
        problems.append(required(path, "must specify `addresses` or `notReadyAddresses`"))
    for name, addresses in (("addresses", subset.addresses), ("notReadyAddresses", subset.not_ready_addresses)):
        for index, address in enumerate(addresses):
            problems += _address(address, (*path, name, index))
    for index, port in enumerate(subset.ports):
        problems += _port(port, (*path, "ports", index), named=len(subset.ports) > 1)
    return problems


def _address(address: EndpointAddress, path: FieldPath) -> list[Problem]:
    problems = serving_ip(address.ip, (*path, "ip"))
    if not problems and isinstance(ip_address(address.ip), IPv6Address):
        problems.append(no_effect((*path, "ip"), _IPV4))
    if address.hostname:
        problems += [invalid((*path, "hostname"), address.hostname, rule) for rule in check_label(address.hostname)]
    return problems + _node_name(address.node_name, (*path, "nodeName"))


def _port(port: EndpointPort, path: FieldPath, *, named: bool) -> list[Problem]:
    problems: list[Problem] = []
    if named and not port.name:
        problems.append(required((*path, "name")))
    elif port.name:
        problems += [invalid((*path, "name"), port.name, rule) for rule in check_label(port.name)]
    problems += [invalid((*path, "port"), port.port, rule) for rule in check_port_number(port.port)]
    return problems + app_protocol(port.app_protocol, (*path, "appProtocol"))


# --- EndpointSlices ---


def _endpoint(endpoint: Endpoint, address_type: str, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    if not endpoint.addresses:
        problems.append(required((*path, "addresses"), "must contain at least 1 address"))
    problems += _too_many(endpoint.addresses, _MOST_ADDRESSES, (*path, "addresses"))
    for index, address in enumerate(endpoint.addresses):
        problems += _typed_address(address, address_type, (*path, "addresses", index))
    if len(endpoint.addresses) > 1:
        problems.append(
            no_effect((*path, "addresses", 1), "has no effect: of an endpoint's addresses the first is used")
        )
    if endpoint.hostname:
        problems += [invalid((*path, "hostname"), endpoint.hostname, rule) for rule in check_label(endpoint.hostname)]
    problems += _node_name(endpoint.node_name, (*path, "nodeName"))
    if endpoint.hints is not None:
        problems += _too_many(endpoint.hints.for_zones, _MOST_HINTS, (*path, "hints", "forZones"))
        problems += _too_many(endpoint.hints.for_nodes, _MOST_HINTS, (*path, "hints", "forNodes"))
    return problems


def _typed_address(address: str, address_type: str, path: FieldPath) -> list[Problem]:
    if address_type == "FQDN":
        name = address.removesuffix(".")
        if "." not in name:
            return [invalid(path, address, "should be a domain with at least two segments separated by dots")]
        return [invalid(path, address, rule) for rule in check_subdomain(name)]
    try:
        fits = f"IPv{ip_address(address).version}" == address_type
    except ValueError:
        fits = False
    if not fits:
        return [invalid(path, address, f"must be a valid {address_type} address")]
    return serving_ip(address, path)


def _slice_ports(ports: Sequence[SlicePort]) -> list[Problem]:
    problems: list[Problem] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        path = ("ports", index)
        if port.name:
            problems += [invalid((*path, "name"), port.name, rule) for rule in check_label(port.name)]
        if port.name in names:
            problems.append(duplicate((*path, "name"), port.name))
        names.add(port.name)
        if port.port is None:
            problems.append(warning(path, "leads nowhere: it has no port"))
        else:
            problems += [invalid((*path, "port"), port.port, rule) for rule in check_port_number(port.port)]
        problems += app_protocol(port.app_protocol, (*path, "appProtocol"))
    return problems


def app_protocol(name: str, path: FieldPath) -> list[Problem]:
    """Check the name of what is spoken at a port; "" is none."""
    return [invalid(path, name, rule) for rule in check_qualified_name(name)] if name else []


def _node_name(name: str, path: FieldPath) -> list[Problem]:
    return [invalid(path, name, rule) for rule in check_subdomain(name)] if name else []


def _too_many(items: Sequence[object], most: int, path: FieldPath) -> list[Problem]:
    if len(items) <= most:
        return []
    return [error(path, f"Too many: {len(items)}: must have at most {most} items")]
