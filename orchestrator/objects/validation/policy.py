"""Rules of a NetworkPolicy: selectors, peers, blocks of addresses, ports."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from orchestrator.objects.policy import IPBlock, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec
from orchestrator.objects.problem import FieldPath, Problem, forbidden, invalid, required
from orchestrator.objects.scalars import check_port_number
from orchestrator.objects.validation.common import port_reference
from orchestrator.objects.validation.meta import validate_label_selector

_CIDR_RULE = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def validate_network_policy(spec: NetworkPolicySpec, path: FieldPath) -> list[Problem]:
    """Check a policy's spec."""
    problems = validate_label_selector(spec.pod_selector, (*path, "podSelector"))
    for index, ingress in enumerate(spec.ingress):
        here: FieldPath = (*path, "ingress", index)
        problems += _ports(ingress.ports, (*here, "ports")) + _peers(ingress.from_, (*here, "from"))
    for index, egress in enumerate(spec.egress):
        here = (*path, "egress", index)
        problems += _ports(egress.ports, (*here, "ports")) + _peers(egress.to, (*here, "to"))
    if len(spec.policy_types) > 2:
        rule = "may not specify more than two policyTypes"
        problems.append(invalid((*path, "policyTypes"), ", ".join(spec.policy_types), rule))
    return problems


def _ports(ports: tuple[NetworkPolicyPort, ...], path: FieldPath) -> list[Problem]:
    return [problem for index, port in enumerate(ports) for problem in _port(port, (*path, index))]


def _port(port: NetworkPolicyPort, path: FieldPath) -> list[Problem]:
    problems = [] if port.port is None else port_reference(port.port, (*path, "port"))
    if port.end_port is None:
        return problems
    here: FieldPath = (*path, "endPort")
    if port.port is None:
        return [invalid(here, port.end_port, "may not be specified when `port` is not specified")]
    if isinstance(port.port, str):
        return [*problems, invalid(here, port.end_port, "may not be specified when `port` is non-numeric")]
    if port.end_port < port.port:
        problems.append(invalid(here, port.end_port, "must be greater than or equal to `port`"))
    return problems + [invalid(here, port.end_port, rule) for rule in check_port_number(port.end_port)]


def _peers(peers: tuple[NetworkPolicyPeer, ...], path: FieldPath) -> list[Problem]:
    return [problem for index, peer in enumerate(peers) for problem in _peer(peer, (*path, index))]


def _peer(peer: NetworkPolicyPeer, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    if peer.pod_selector is not None:
        problems += validate_label_selector(peer.pod_selector, (*path, "podSelector"))
    if peer.namespace_selector is not None:
        problems += validate_label_selector(peer.namespace_selector, (*path, "namespaceSelector"))
    if peer.ip_block is None:
        selects = peer.pod_selector is not None or peer.namespace_selector is not None
        return problems if selects else [required(path, "must specify a peer")]
    problems += _block(peer.ip_block, (*path, "ipBlock"))
    if peer.pod_selector is not None or peer.namespace_selector is not None:
        problems.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return problems


def _block(block: IPBlock, path: FieldPath) -> list[Problem]:
    if not block.cidr:
        return [required((*path, "cidr"))]
    whole = _network(block.cidr)
    problems = [] if whole is not None else [invalid((*path, "cidr"), block.cidr, _CIDR_RULE)]
    for index, text in enumerate(block.except_):
        part = _network(text)
        if part is None:
            problems.append(invalid((*path, "except", index), text, _CIDR_RULE))
        elif whole is not None and not _strictly_inside(part, whole):
            problems.append(invalid((*path, "except", index), text, "must be a strict subset of `cidr`"))
    return problems


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def _strictly_inside(part: IPv4Network | IPv6Network, whole: IPv4Network | IPv6Network) -> bool:
    return part.version == whole.version and part.prefixlen > whole.prefixlen and part.network_address in whole
