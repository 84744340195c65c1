"""The rules that isolate pods against NetworkPolicy's own words: some cases by hand, and many by chance."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.objects import registry
from orchestrator.objects.config import Namespace
from orchestrator.objects.policy import NetworkPolicy
from orchestrator.planning.isolation import Reckoning, isolation
from orchestrator.planning.policy import HostPort, Member, Protocol
from orchestrator.services.policy_rules import NO_POLICIES, change, policy_rules
from tests.unit.services.kernel import Kernel, Packet

GATEWAY = "10.0.0.1"
RESOLVER = Member("kube-system", {"k8s-app": "kube-dns"}, GATEWAY, {("dns", "udp"): 53})
OUTSIDE = "192.0.2.9"


def policy(text: str, name: str = "p", namespace: str = "a") -> NetworkPolicy:
    """A policy from the YAML of its spec."""
    meta = {"name": name, "namespace": namespace}
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    obj, problems = registry.decode({**kind, "metadata": meta, "spec": yaml.safe_load(text)})
    assert isinstance(obj, NetworkPolicy), problems
    return obj


def namespace(name: str, **labels: str) -> Namespace:
    obj, _ = registry.decode({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    assert isinstance(obj, Namespace)
    return obj


def kernel_of(policies: Iterable[NetworkPolicy], namespaces: Iterable[Namespace], pods: list[Member]) -> Kernel:
    kernel = Kernel()
    kernel.run(change("t", NO_POLICIES, policy_rules(isolation(policies, namespaces, pods, [RESOLVER]), [GATEWAY])))
    return kernel


# --- by hand ---

WEB = Member("a", {"app": "web"}, "10.0.0.2", {("http", "tcp"): 8080, ("dns", "udp"): 53})
FRONT = Member("a", {"role": "front"}, "10.0.0.3")
BACK = Member("a", {"role": "back", "tier": "1"}, "10.0.0.4", {("http", "tcp"): 9090})
OTHER = Member("b", {"role": "front"}, "10.0.4.2", {("http", "tcp"): 7070})
NAMESPACES = [namespace("a", team="x"), namespace("b", team="y")]
PODS = [WEB, FRONT, BACK, OTHER]
NAMES = {"web": WEB, "front": FRONT, "back": BACK, "other": OTHER}

INGRESS = """
podSelector: {{matchLabels: {{app: web}}}}
ingress: [{{from: [{peer}], ports: [{ports}]}}]
"""
EGRESS = """
podSelector: {{matchLabels: {{app: web}}}}
policyTypes: [Egress]
egress: [{{to: [{peer}], ports: [{ports}]}}]
"""

PEERS: list[tuple[str, set[str]]] = [
    ("", {"front", "back", "other", OUTSIDE}),
    ("{podSelector: {}}", {"front", "back"}),
    ("{podSelector: {matchLabels: {role: front}}}", {"front"}),
    ("{podSelector: {matchExpressions: [{key: role, operator: In, values: [front, x]}]}}", {"front"}),
    ("{podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}}", {"front"}),
    ("{namespaceSelector: {}}", {"front", "back", "other"}),
    ("{namespaceSelector: {matchLabels: {team: y}}}", {"other"}),
    ("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: a}}}", {"front", "back"}),
    ("{namespaceSelector: {}, podSelector: {matchLabels: {role: front}}}", {"front", "other"}),
    ("{namespaceSelector: {matchLabels: {team: y}}}, {podSelector: {matchLabels: {role: back}}}", {"back", "other"}),
    ("{namespaceSelector: {matchLabels: {team: z}}}", set()),
    ("{ipBlock: {cidr: 192.0.2.0/24}}", {OUTSIDE}),
    ("{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/16, 10.0.0.0/24]}}", {OUTSIDE}),
    ("{ipBlock: {cidr: 10.0.0.3/29, except: [10.0.0.4/31]}}", {"front"}),
    ("{ipBlock: {cidr: 'fd00::/8'}}", set()),
]


@pytest.mark.parametrize(("peer", "admitted"), PEERS)
def test_who_is_let_in_and_who_is_reached(peer: str, admitted: set[str]) -> None:
    everybody = {name: member.address for name, member in NAMES.items() if name != "web"} | {OUTSIDE: OUTSIDE}
    inward = kernel_of([policy(INGRESS.format(peer=peer, ports=""))], NAMESPACES, PODS)
    outward = kernel_of([policy(EGRESS.format(peer=peer, ports=""))], NAMESPACES, PODS)
    web = WEB.address
    assert {who for who, ip in everybody.items() if inward.admits(Packet(ip, web, "tcp", 8080))} == admitted
    assert {who for who, ip in everybody.items() if outward.admits(Packet(web, ip, "tcp", 8080))} == admitted
    for kernel in (inward, outward):
        # The other direction is open, and so is what concerns nobody who is selected, and the pod itself.
        assert kernel.admits(Packet(web, web, "tcp", 8080))
        assert kernel.admits(Packet(FRONT.address, BACK.address, "tcp", 1))
    assert all(inward.admits(Packet(web, ip, "udp", 9)) for ip in everybody.values())
    assert all(outward.admits(Packet(ip, web, "udp", 9)) for ip in everybody.values())


TRIED = (80, 8080, 9090)
PORTS: list[tuple[str, set[tuple[str, int]], set[tuple[str, int]]]] = [
    ("{port: 80}", {("tcp", 80)}, {("tcp", 80)}),
    ("{port: 80, protocol: UDP}", {("udp", 80)}, {("udp", 80)}),
    ("{protocol: SCTP}", {("sctp", port) for port in TRIED}, {("sctp", port) for port in TRIED}),
    ("{port: 8000, endPort: 9000}, {port: 8080}", {("tcp", 8080)}, {("tcp", 8080)}),
    ("{port: 79}, {port: 80}, {port: 81}", {("tcp", 80)}, {("tcp", 80)}),
    ("{port: http}", {("tcp", 8080)}, {("tcp", 9090)}),  # as the pod that is reached has it
    ("{port: http, protocol: UDP}", set(), set()),
    ("{port: nobody}, {port: 80}", {("tcp", 80)}, {("tcp", 80)}),
]


@pytest.mark.parametrize(("ports", "inward", "outward"), PORTS)
def test_on_which_ports(ports: str, inward: set[tuple[str, int]], outward: set[tuple[str, int]]) -> None:
    tried = [(protocol, port) for protocol in ("tcp", "udp", "sctp") for port in TRIED]
    peer = "{podSelector: {matchLabels: {role: back}}}"
    web, back = WEB.address, BACK.address
    kernel = kernel_of([policy(INGRESS.format(peer=peer, ports=ports))], NAMESPACES, PODS)
    assert {each for each in tried if kernel.admits(Packet(back, web, *each))} == inward
    kernel = kernel_of([policy(EGRESS.format(peer=peer, ports=ports))], NAMESPACES, PODS)
    assert {each for each in tried if kernel.admits(Packet(web, back, *each))} == outward


def test_a_port_by_its_name_within_a_block_is_what_the_pods_there_call_so() -> None:
    to = "{ipBlock: {cidr: 10.0.0.0/16, except: [%s/32]}}"
    for left_out, admitted in ((FRONT.address, True), (BACK.address, False)):
        spec = EGRESS.format(peer=to % left_out, ports="{port: http}")
        kernel = kernel_of([policy(spec)], NAMESPACES, PODS)
        assert kernel.admits(Packet(WEB.address, BACK.address, "tcp", 9090)) is admitted
        assert not kernel.admits(Packet(WEB.address, BACK.address, "tcp", 8080))
        assert not kernel.admits(Packet(WEB.address, OUTSIDE, "tcp", 9090))


def test_policies_add_up_and_both_ends_must_agree() -> None:
    front = INGRESS.format(peer="{podSelector: {matchLabels: {role: front}}}", ports="{port: 80}")
    back = INGRESS.format(peer="{podSelector: {matchLabels: {role: back}}}", ports="{port: 90}")
    both = [policy(front, "front"), policy(back, "back")]
    kernel = kernel_of(both, NAMESPACES, PODS)
    asked = [(who, port) for who in ("front", "back") for port in (80, 90)]
    assert [kernel.admits(Packet(NAMES[who].address, WEB.address, "tcp", port)) for who, port in asked] == [
        True, False, False, True,
    ]  # fmt: skip
    shut = policy("{podSelector: {matchLabels: {role: front}}, policyTypes: [Egress]}", "shut")
    kernel = kernel_of([*both, shut], NAMESPACES, PODS)
    assert not kernel.admits(Packet(FRONT.address, WEB.address, "tcp", 80))
    assert kernel.admits(Packet(BACK.address, WEB.address, "tcp", 90))


def test_names_are_answered_as_by_the_pods_that_do_so_in_a_cluster() -> None:
    def admits(spec: str) -> tuple[bool, bool]:
        kernel = kernel_of([policy(spec)], NAMESPACES, PODS)
        ask = Packet(WEB.address, GATEWAY, "udp", 53, local=True)
        return kernel.admits(ask), kernel.admits(Packet(WEB.address, GATEWAY, "tcp", 22, local=True))

    assert admits("{podSelector: {}, policyTypes: [Egress]}") == (False, True)  # the host is open but for names
    assert admits("{podSelector: {}, policyTypes: [Ingress]}") == (True, True)
    dns = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: %s}"
    for peer in ("", dns % "{matchLabels: {k8s-app: kube-dns}}", dns % "{}", "{ipBlock: {cidr: 10.0.0.0/30}}"):
        assert admits(EGRESS.format(peer=peer, ports="{port: 53, protocol: UDP}")) == (True, True)
        assert admits(EGRESS.format(peer=peer, ports="{port: 53, protocol: TCP}")) == (False, True)
    assert admits(EGRESS.format(peer=dns % "{}", ports="{port: dns, protocol: UDP}")) == (True, True)


def test_a_port_of_the_host_that_the_engine_leads_to_a_pod_is_no_way_around() -> None:
    one = Member(
        "a", {"app": "web"}, "10.0.0.2", {}, (HostPort("", "tcp", 80, 8080), HostPort("127.0.0.1", "tcp", 90, 9))
    )
    spec = INGRESS.format(peer="{podSelector: {matchLabels: {role: front}}}", ports="{port: 8080}")
    kernel = kernel_of([policy(spec)], NAMESPACES, [one, FRONT, BACK])

    def admits(who: Member, target: str, port: int, interface: str = "orc-1") -> bool:
        return kernel.admits(Packet(who.address, target, "tcp", port, interface, local=True))

    assert admits(FRONT, "192.0.2.1", 80)
    assert not admits(BACK, "192.0.2.1", 80)
    assert not admits(FRONT, "127.0.0.1", 90)
    assert admits(FRONT, "192.0.2.1", 90)  # another's: ours is at 127.0.0.1
    assert admits(BACK, "192.0.2.1", 80, "lo")  # the host itself


def test_pods_with_the_same_rules_share_a_chain_and_a_pod_that_comes_is_one_element_here_and_there() -> None:
    every = policy("{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}")
    pods = [Member("a", {}, f"10.0.0.{number}") for number in range(2, 7)]
    before = policy_rules(isolation([every], [], pods[:-1]))
    after = policy_rules(isolation([every], [], pods))
    (chain,) = before.chains
    (members,) = (name for name in before.sets if name.startswith("pods-"))
    assert list(change("t", before, after)) == [
        f"add element ip t {members} {{ 10.0.0.6 }}",
        "add element ip t policy-selves { 10.0.0.6 . 10.0.0.6 }",
        f"add element ip t policy-ingress {{ 10.0.0.6 : jump {chain} }}",
    ]
    assert change("t", after, policy_rules(isolation([every], [], pods))) == []


# --- by chance ---

LABELS = st.dictionaries(st.sampled_from(["app", "role"]), st.sampled_from(["x", "y"]), max_size=2)
CONDITION = st.one_of(
    st.fixed_dictionaries(
        {"key": st.sampled_from(["app", "role"]), "operator": st.sampled_from(["In", "NotIn"])}
        | {"values": st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=2)}
    ),
    st.fixed_dictionaries(
        {"key": st.sampled_from(["app", "role"]), "operator": st.sampled_from(["Exists", "DoesNotExist"])}
    ),
)
SELECTOR = st.one_of(
    st.just({}),
    LABELS.map(lambda labels: {"matchLabels": labels}),
    st.lists(CONDITION, max_size=2).map(lambda conditions: {"matchExpressions": conditions}),
)
BLOCK = st.sampled_from(
    [
        {"cidr": "0.0.0.0/0"},
        {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/24"]},
        {"cidr": "10.0.0.0/16", "except": ["10.0.0.2/32", "10.0.0.2/31", "10.0.1.0/24"]},
        {"cidr": "192.0.2.9/32"},
        {"cidr": "::/0"},
    ]
)
PEER = st.one_of(
    SELECTOR.map(lambda pods: {"podSelector": pods}),
    SELECTOR.map(lambda rooms: {"namespaceSelector": rooms}),
    st.tuples(SELECTOR, SELECTOR).map(lambda two: {"podSelector": two[0], "namespaceSelector": two[1]}),
    BLOCK.map(lambda block: {"ipBlock": block}),
)
PROTOCOL = st.sampled_from(["TCP", "UDP"])
PORT = st.one_of(
    st.fixed_dictionaries({"protocol": PROTOCOL}),
    st.fixed_dictionaries({"protocol": PROTOCOL, "port": st.sampled_from([80, 81, 82, "web", "dns"])}),
    st.tuples(PROTOCOL, st.integers(79, 82), st.integers(0, 3)).map(
        lambda span: {"protocol": span[0], "port": span[1], "endPort": span[1] + span[2]}
    ),
)


def rule(field: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({field: st.lists(PEER, max_size=2), "ports": st.lists(PORT, max_size=2)})


TYPES = st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]])
POLICY = st.fixed_dictionaries(
    {
        "podSelector": st.one_of(st.just({}), SELECTOR),
        "ingress": st.lists(rule("from"), min_size=1, max_size=2),
        "egress": st.lists(rule("to"), max_size=2),
    },
    optional={"policyTypes": TYPES},
)
POLICIES = st.lists(
    st.tuples(POLICY, st.sampled_from("ab")).map(lambda made: policy(yaml.safe_dump(made[0]), namespace=made[1])),
    min_size=1,
    max_size=3,
)
NAMED = st.dictionaries(
    st.tuples(st.sampled_from(["web", "dns"]), st.sampled_from(["tcp", "udp"])), st.sampled_from([80, 81]), max_size=2
)
POD = st.tuples(st.sampled_from("ab"), LABELS, NAMED)
HOUSE = st.tuples(
    st.lists(POD, min_size=2, max_size=4).map(
        lambda pods: [
            Member(room, labels, f"10.0.{room == 'b':d}.{n}", named) for n, (room, labels, named) in enumerate(pods, 2)
        ]
    ),
    st.tuples(LABELS, LABELS).map(lambda two: [namespace("a", **two[0]), namespace("b", **two[1])]),
    POLICIES,
)
House = tuple[list[Member], list[Namespace], list[NetworkPolicy]]


@settings(max_examples=150, deadline=None)
@given(HOUSE, HOUSE)
def test_the_rules_are_what_the_policies_say_at_once_and_after_a_change(first: House, second: House) -> None:
    kernel, before = Kernel(), NO_POLICIES
    for pods, namespaces, policies in (first, second, ([], [], [])):
        rules = policy_rules(isolation(policies, namespaces, pods, [RESOLVER]), [GATEWAY])
        kernel.run(list(change("t", before, rules)))
        before = rules
        ends = [*(pod.address for pod in pods), OUTSIDE]
        for packet in (
            Packet(source, target, protocol, port)
            for source in ends
            for target in ends
            for protocol in ("tcp", "udp")
            for port in (79, 80, 81, 82)
        ):
            assert kernel.admits(packet) == allowed(packet, pods, namespaces, policies), packet
    assert kernel == Kernel()


@settings(max_examples=50, deadline=None)
@given(HOUSE, st.lists(HOUSE, min_size=1, max_size=3))
def test_pods_that_come_and_go_one_after_another_are_judged_as_if_all_came_at_once(
    first: House, others: list[House]
) -> None:
    _, namespaces, policies = first
    reckoning = Reckoning(policies, namespaces)
    for pods, *_ in (first, *others, first):
        # By index: some stay, some are others now, some have another's address, some are gone.
        assert reckoning.of(dict(zip("dcba", pods, strict=False)), [RESOLVER]) == isolation(
            policies, namespaces, pods, [RESOLVER]
        )
    again = reckoning.of(dict(zip("dcba", first[0], strict=False)), [RESOLVER])
    assert reckoning.of(dict(zip("dcba", first[0], strict=False)), [RESOLVER]) is again


def allowed(packet: Packet, pods: list[Member], namespaces: list[Namespace], policies: list[NetworkPolicy]) -> bool:
    """What https://kubernetes.io/docs/concepts/services-networking/network-policies/ says, word for word."""
    if packet.source == packet.target:
        return True
    by_address = {pod.address: pod for pod in pods}
    source, target = by_address.get(packet.source), by_address.get(packet.target)
    labels = {each.metadata.name: each.metadata.labels for each in namespaces}

    def is_peer(peer: Any, own: str, address: str, pod: Member | None) -> bool:
        if peer.ip_block is not None:
            inside = [ip_address(address) in ip_network(each) for each in (peer.ip_block.cidr, *peer.ip_block.except_)]
            return inside[0] and not any(inside[1:])
        if pod is None or (peer.pod_selector is not None and not peer.pod_selector.matches(pod.labels)):
            return False
        if peer.namespace_selector is None:
            return pod.namespace == own
        return bool(peer.namespace_selector.matches(labels[pod.namespace]))

    def is_port(port: Any) -> bool:
        if port.protocol.lower() != packet.protocol:
            return False
        if port.port is None:
            return True
        if isinstance(port.port, str):
            return target is not None and target.ports.get((port.port, _protocol(port.protocol))) == packet.port
        return bool(port.port <= packet.port <= (port.end_port or port.port))

    def passes(way: str, pod: Member | None, other: str) -> bool:
        if pod is None:
            return True
        mine = [
            each
            for each in policies
            if way in each.spec.policy_types
            and each.metadata.namespace == pod.namespace
            and each.spec.pod_selector.matches(pod.labels)
        ]
        rules: list[tuple[NetworkPolicy, Any, Any]] = [
            (each, rule.from_ if way == "Ingress" else rule.to, rule.ports)
            for each in mine
            for rule in (each.spec.ingress if way == "Ingress" else each.spec.egress)
        ]
        return not mine or any(
            (not peers or any(is_peer(peer, each.metadata.namespace, other, by_address.get(other)) for peer in peers))
            and (not ports or any(map(is_port, ports)))
            for each, peers, ports in rules
        )

    return passes("Egress", source, packet.target) and passes("Ingress", target, packet.source)


def _protocol(name: str) -> Protocol:
    return "tcp" if name == "TCP" else "udp"
