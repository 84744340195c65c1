"""Rules of a Service: ports, names, addresses, and what its type forbids."""

from ipaddress import ip_network

from orchestrator.objects.problem import FieldPath, Problem, duplicate, forbidden, invalid, required
from orchestrator.objects.scalars import check_label, check_port_number, check_subdomain
from orchestrator.objects.service import ServicePort, ServiceSpec
from orchestrator.objects.validation.common import ip_address, port_reference, within
from orchestrator.objects.validation.meta import validate_labels

_NODE_PORTS = range(30000, 32768)
_NODE_PORT_RULE = "provided port is not in the valid range. The range of valid ports is 30000-32767"

_RANGE_RULE = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def validate_service(spec: ServiceSpec, path: FieldPath) -> list[Problem]:
    """Check a Service's spec."""
    problems: list[Problem] = []
    headless = spec.cluster_ip == "None"
    if not spec.ports and not headless and spec.type != "ExternalName":
        problems.append(required((*path, "ports")))
    for index, port in enumerate(spec.ports):
        problems += _port(port, spec, (*path, "ports", index))
    problems += _unique_ports(spec.ports, (*path, "ports"))
    problems += validate_labels(spec.selector, (*path, "selector"))
    problems += _external_name(spec, path) if spec.type == "ExternalName" else _addresses(spec, path)
    problems += _source_ranges(spec, (*path, "loadBalancerSourceRanges"))
    if spec.session_affinity_config and spec.session_affinity_config.client_ip:
        seconds = spec.session_affinity_config.client_ip.timeout_seconds
        problems += within(seconds, 1, 86400, (*path, "sessionAffinityConfig", "clientIP", "timeoutSeconds"))
    return problems


def _port(port: ServicePort, spec: ServiceSpec, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    if not port.name and len(spec.ports) > 1:
        problems.append(required((*path, "name")))
    elif port.name:
        problems += [invalid((*path, "name"), port.name, rule) for rule in check_label(port.name)]
    problems += [invalid((*path, "port"), port.port, rule) for rule in check_port_number(port.port)]
    if port.target_port is not None and port.target_port != port.port:
        problems += port_reference(port.target_port, (*path, "targetPort"))
    if port.node_port and spec.type not in ("NodePort", "LoadBalancer"):
        problems.append(forbidden((*path, "nodePort"), f"may not be used when `type` is '{spec.type}'"))
    elif port.node_port and port.node_port not in _NODE_PORTS:
        problems.append(invalid((*path, "nodePort"), port.node_port, _NODE_PORT_RULE))
    return problems


def _unique_ports(ports: tuple[ServicePort, ...], path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        if port.name and port.name in names:
            problems.append(duplicate((*path, index, "name"), port.name))
        if (port.protocol, port.port) in numbers:
            problems.append(duplicate((*path, index), f"{port.port}/{port.protocol}"))
        names.add(port.name)
        numbers.add((port.protocol, port.port))
    return problems


def _source_ranges(spec: ServiceSpec, path: FieldPath) -> list[Problem]:
    if spec.load_balancer_source_ranges and spec.type != "LoadBalancer":
        return [forbidden(path, "may only be used when `type` is 'LoadBalancer'")]
    problems: list[Problem] = []
    for index, text in enumerate(spec.load_balancer_source_ranges):
        try:
            # Kubernetes takes an address with host bits set, and blanks around it.
            ip_network(text.strip(), strict=False)
        except ValueError:
            problems.append(invalid((*path, index), text, _RANGE_RULE))
        else:
            if "/" not in text:
                problems.append(invalid((*path, index), text, _RANGE_RULE))
    return problems


def _external_name(spec: ServiceSpec, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    if spec.cluster_ips:
        problems.append(forbidden((*path, "clusterIPs"), "may not be set when `type` is 'ExternalName'"))
    if not spec.external_name:
        return [*problems, required((*path, "externalName"))]
    name = spec.external_name.removesuffix(".")
    return problems + [invalid((*path, "externalName"), spec.external_name, rule) for rule in check_subdomain(name)]


def _addresses(spec: ServiceSpec, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    if spec.cluster_ip == "None":
        if spec.type != "ClusterIP":
            rule = f"may not be set to 'None' for {spec.type} services"
            problems.append(invalid((*path, "clusterIP"), spec.cluster_ip, rule))
    elif spec.cluster_ip:
        problems += ip_address(spec.cluster_ip, (*path, "clusterIP"))
    if spec.cluster_ips and spec.cluster_ips[0] != spec.cluster_ip:
        problems.append(invalid((*path, "clusterIPs"), spec.cluster_ips[0], "first value must match `clusterIP`"))
    for index, address in enumerate(spec.external_ips):
        problems += ip_address(address, (*path, "externalIPs", index))
    return problems
