"""Rules of a Service: ports, names, addresses, and what its type forbids."""

from ipaddress import ip_network

from orchestrator.objects.node_ports import out_of_range
from orchestrator.objects.problem import (
    FieldPath,
    Problem,
    duplicate,
    forbidden,
    invalid,
    no_effect,
    required,
    unsupported,
    warning,
)
from orchestrator.objects.scalars import check_label, check_port_number, check_qualified_name, check_subdomain
from orchestrator.objects.service import ServicePort, ServiceSpec, is_externally_accessible
from orchestrator.objects.validation.common import ip_address, port_reference, within
from orchestrator.objects.validation.endpoints import app_protocol, serving_ip
from orchestrator.objects.validation.meta import validate_labels

_DISTRIBUTIONS = ("PreferClose", "PreferSameNode", "PreferSameZone")
_BALANCERS_ALONE = "may only be used when `type` is 'LoadBalancer'"
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
    problems += _load_balancer(spec, path)
    return problems + _affinity(spec, (*path, "sessionAffinityConfig")) + _traffic(spec, path)


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
    elif port.node_port and check_port_number(port.node_port):
        # Of those between, `sources.node_ports` tells: a daemon may have been given another range.
        problems.append(out_of_range((*path, "nodePort"), port.node_port))
    return problems + app_protocol(port.app_protocol, (*path, "appProtocol"))


def _unique_ports(ports: tuple[ServicePort, ...], path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    node_ports: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        if port.name and port.name in names:
            problems.append(duplicate((*path, index, "name"), port.name))
        if (port.protocol, port.port) in numbers:
            problems.append(duplicate((*path, index), f"{port.port}/{port.protocol}"))
        if port.node_port and (port.protocol, port.node_port) in node_ports:
            problems.append(duplicate((*path, index, "nodePort"), port.node_port))
        names.add(port.name)
        numbers.add((port.protocol, port.port))
        node_ports.add((port.protocol, port.node_port))
    return problems


def _load_balancer(spec: ServiceSpec, path: FieldPath) -> list[Problem]:
    if spec.type == "LoadBalancer":
        wrong = check_qualified_name(spec.load_balancer_class) if spec.load_balancer_class else []
        problems = [invalid((*path, "loadBalancerClass"), spec.load_balancer_class, rule) for rule in wrong]
        return problems + _source_ranges(spec, (*path, "loadBalancerSourceRanges"))
    given = {
        "loadBalancerSourceRanges": bool(spec.load_balancer_source_ranges),
        "allocateLoadBalancerNodePorts": spec.allocate_load_balancer_node_ports is not None,
        "loadBalancerClass": bool(spec.load_balancer_class),
    }
    return [forbidden((*path, name), _BALANCERS_ALONE) for name, there in given.items() if there]


def _affinity(spec: ServiceSpec, path: FieldPath) -> list[Problem]:
    config = spec.session_affinity_config
    if config is None:
        return []
    if spec.session_affinity == "None":
        # A cluster drops it without a word.
        return [warning(path, "has no effect: sessionAffinity is None")]
    seconds = config.client_ip.timeout_seconds if config.client_ip else None
    return within(seconds, 1, 86400, (*path, "clientIP", "timeoutSeconds"))


def _traffic(spec: ServiceSpec, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    policy = spec.external_traffic_policy
    if policy and not is_externally_accessible(spec):
        rule = "may only be set for externally-accessible services"
        problems.append(invalid((*path, "externalTrafficPolicy"), policy, rule))
    if spec.health_check_node_port and not (spec.type == "LoadBalancer" and policy == "Local"):
        rule = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        problems.append(invalid((*path, "healthCheckNodePort"), spec.health_check_node_port, rule))
    if spec.traffic_distribution and spec.traffic_distribution not in _DISTRIBUTIONS:
        problems.append(unsupported((*path, "trafficDistribution"), spec.traffic_distribution, _DISTRIBUTIONS))
    return problems


def _source_ranges(spec: ServiceSpec, path: FieldPath) -> list[Problem]:
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
    given = {"clusterIPs": spec.cluster_ips, "ipFamilies": spec.ip_families, "ipFamilyPolicy": spec.ip_family_policy}
    for name, value in given.items():
        if value:
            problems.append(forbidden((*path, name), "may not be set for ExternalName services"))
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
    problems += _cluster_ips(spec, (*path, "clusterIPs"))
    for index, address in enumerate(spec.external_ips):
        wrong = serving_ip(address, (*path, "externalIPs", index))
        if not wrong and ":" in address:
            wrong = [no_effect((*path, "externalIPs", index), "leads nowhere: networks here are IPv4")]
        problems += wrong
    for index, family in enumerate(spec.ip_families):
        if family in spec.ip_families[:index]:
            problems.append(duplicate((*path, "ipFamilies", index), family))
    return problems


def _cluster_ips(spec: ServiceSpec, path: FieldPath) -> list[Problem]:
    ips = spec.cluster_ips
    if not ips:
        return []
    problems = []
    if ips[0] != spec.cluster_ip:
        problems.append(invalid(path, ips[0], "first value must match `clusterIP`"))
    if len(ips) > 2:
        problems.append(invalid(path, ", ".join(ips), "may only hold up to 2 values"))
    elif len(ips) == 2 and "None" in ips:
        problems.append(invalid(path, ", ".join(ips), "when set to `None`, `None` must be the only value"))
    elif len(ips) == 2:
        problems += ip_address(ips[1], (*path, 1))
        if not problems and (":" in ips[0]) == (":" in ips[1]):
            problems.append(invalid(path, ", ".join(ips), "may specify no more than one IP for each IP family"))
    return problems
