"""What is said of firewalls that are in the way of pods: by what came back, and by what nft lists."""

import json
import socket

import pytest

from orchestrator.doctor.asking import Outcome, connection
from orchestrator.doctor.firewall import Facts, Trials, judge
from orchestrator.doctor.obstacles import Chain, Rules, read

POOL = "10.201.0.0/16"
SHUT = Chain("input", "inet", "filter", "input")
WALL = Chain("forward", "inet", "filter", "forward")
FIREWALLD = Chain("input", "inet", "firewalld", "filter_INPUT")
IPTABLES = Chain("input", "ip", "filter", "INPUT")


def trials(datagrams: Outcome, streams: Outcome = "answered", *pods: Outcome) -> Trials:
    return Trials("web", "orc-1", (datagrams,), (streams,), pods)


@pytest.mark.parametrize(
    ("tried", "served", "said"),
    [
        (trials("answered"), True, ["ok"]),
        (trials("refused", "refused"), None, ["ok"]),  # no daemon: nobody listens
        (trials("refused"), True, ["warning UDP"]),  # a reject that looks like that
        (trials("silent", "forbidden"), None, ["warning UDP and TCP"]),
        (trials("silent", "silent"), False, ["ok"]),  # nobody is to be asked
        (Trials("web", "orc-1", ("silent", "answered"), ("answered", "silent")), True, ["ok"]),
        (trials("answered", "answered", "refused"), True, ["ok"]),
        (trials("answered", "answered", "silent", "silent"), True, ["error"]),
        (trials("answered", "silent", "forbidden"), True, ["warning TCP", "error"]),
        (Trials("web", "orc-1"), True, []),
    ],
)
def test_what_came_back_tells_whether_something_is_in_the_way(
    tried: Trials, served: bool | None, said: list[str]
) -> None:
    found = list(judge(Facts(POOL, (tried,), served)))
    words = [each.found.partition("(port 53, ")[2].partition(")")[0] for each in found]
    assert [f"{each.level} {lost}".strip() for each, lost in zip(found, words, strict=True)] == said
    assert all(bool(each.mend) == (each.level != "ok") for each in found)


@pytest.mark.parametrize(
    ("chains", "ufw", "who", "mends"),
    [
        (
            (SHUT, WALL),
            False,
            "chain input of nft's table inet filter",
            [
                f"sudo nft insert rule inet filter input ip saddr {POOL} "
                "meta l4proto '{ tcp, udp }' th dport 53 accept",
                "sudo nft insert rule inet filter forward iifname orc-1 oifname orc-1 accept",
            ],
        ),
        (
            (IPTABLES,),
            False,
            "chain INPUT of nft's table ip filter",
            [
                f"sudo iptables -I INPUT -s {POOL} -p udp --dport 53 -j ACCEPT && "
                f"sudo iptables -I INPUT -s {POOL} -p tcp --dport 53 -j ACCEPT",
                "sudo iptables -S FORWARD",
            ],
        ),
        (
            (FIREWALLD, WALL),
            False,
            "firewalld",
            [
                f"sudo firewall-cmd --permanent --zone=trusted --add-source={POOL} && sudo firewall-cmd --reload",
                "sudo nft insert rule inet filter forward iifname orc-1 oifname orc-1 accept",
            ],
        ),
        (
            (IPTABLES,),
            True,
            "ufw",
            [f"sudo ufw allow from {POOL} to any port 53", "sudo ufw route allow in on orc-1 out on orc-1"],
        ),
        (
            (),
            False,
            "a firewall of this host",
            ["orchestrator run --dns off SPECS", "sudo iptables -S FORWARD"],
        ),
    ],
)
def test_the_mend_is_the_firewalls_own(chains: tuple[Chain, ...], ufw: bool, who: str, mends: list[str]) -> None:
    found = list(judge(Facts(POOL, (trials("silent", "silent", "silent"),), True, chains, ufw)))
    assert f"{who} is in the way" in found[0].found
    assert [each.mend for each in found] == mends


def test_where_no_pod_runs_a_firewall_is_named_and_nothing_concluded() -> None:
    (found,) = judge(Facts(POOL, (Trials("web", "orc-1"),), True, (SHUT,)))
    assert (found.level, found.found.partition(":")[0]) == ("ok", "chain input of nft's table inet filter")
    assert list(judge(Facts(POOL))) == []


def base(table: str, name: str, hook: str, policy: str = "accept", family: str = "inet") -> list[dict[str, object]]:
    return [{"chain": {"family": family, "table": table, "name": name, "hook": hook, "prio": 0, "policy": policy}}]


def rule(table: str, chain: str, *expr: object, family: str = "inet") -> list[dict[str, object]]:
    return [{"rule": {"family": family, "table": table, "chain": chain, "handle": 9, "expr": list(expr)}}]


def test_of_nft_are_read_chains_that_end_with_a_drop_and_whom_policies_isolate() -> None:
    ssh = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}
    listed = [
        {"metainfo": {"version": "1.0.6"}},
        *base("firewalld", "filter_INPUT", "input"),
        *rule("firewalld", "filter_INPUT", ssh, {"accept": None}),
        *rule("firewalld", "filter_INPUT", {"counter": {"packets": 0}}, {"reject": {"type": "icmpx"}}),
        *base("open", "input", "input"),
        *rule("open", "input", {"drop": None}),
        *rule("open", "input", ssh, {"drop": None}),
        *base("filter", "forward", "forward", "drop"),
        *base("filter", "output", "output", "drop"),
        *base("filter", "FORWARD", "forward", "drop", family="ip"),  # the engine's own
        *base("filter", "INPUT", "input", family="ip"),
        *rule("filter", "INPUT", {"xt": {"type": "target", "name": "REJECT"}}, family="ip"),
        {"chain": {"family": "inet", "table": "filter", "name": "not-a-base-chain"}},
        *base("nameless", "input", "input"),
        *rule("nameless", "input", {"xt": None}),  # what nft prints of an extension that it cannot read
        *base("orchestrator-other", "policy-input", "input", "drop", family="ip"),
        {"map": {"family": "ip", "name": "policy-egress", "table": "orchestrator-x", "elem": [["10.1.0.2", {}]]}},
        {"map": {"family": "ip", "name": "policy-ingress", "table": "orchestrator-x", "elem": None}},
        {"map": {"family": "ip", "name": "policy-egress", "table": "orchestrator-y", "elem": [["10.9.0.2", {}]]}},
    ]
    assert read(json.loads(json.dumps({"nftables": listed})), "orchestrator-x") == Rules(
        (FIREWALLD, WALL, IPTABLES), frozenset({"10.1.0.2"}), frozenset()
    )


def test_a_connection_is_answered_or_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert connection("127.0.0.1", port) == "answered"
    assert connection("127.0.0.1", port) == "refused"
