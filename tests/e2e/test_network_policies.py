"""NetworkPolicy on the real engine: who reaches a pod, through what, and what becomes of it over time."""

import subprocess
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.e2e.daemon import Daemon, admitted
from tests.e2e.pods import FOR_EVER, Document, container, pod, text
from tests.e2e.traffic import REFUSED, address_of, ask, pid_of, server, service, telling_server, wait_answers

SHUT = "TimeoutError"
LIMIT = 0.3
"""Seconds after which a connection that nothing answers counts as dropped: on one host an answer takes milliseconds."""


def policy(name: str, **spec: Any) -> Document:
    """A NetworkPolicy."""
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def labelled(**labels: str) -> Document:
    return {"matchLabels": labels}


def address(daemon: Daemon, name: str, namespace: str = "default") -> str:
    return str(daemon.pod(name, namespace)["status"]["podIP"])


def rules_of(daemon: Daemon) -> str:
    """The daemon's table as the kernel has it, "" when there is none."""
    listed = subprocess.run(["nft", "list", "table", "ip", f"orchestrator-{daemon.instance}"], capture_output=True)
    return listed.stdout.decode()


def wait_answer(who: str, ip: str, port: int = 80, **how: Any) -> None:
    wait_answers(lambda answers: answers == Counter({who: 1}), ip, port, limit=LIMIT, **how)


def test_N03_a_policy_shuts_opens_and_goes(daemon: Daemon) -> None:
    """Default deny; by pods' labels; by a port's number and name; through a Service; edited; deleted."""
    two_ports = server("np-db", "np-db")
    two_ports["spec"]["containers"].append(container("exec nc -ll -p 9090 -e echo other", "other"))
    people = [pod(name, FOR_EVER, labels={"role": name}) for name in ("np-front", "np-back")]
    daemon.write(text(two_ports, *people, service("np-db", "np-db")))
    daemon.write(text(policy("np-deny", podSelector=labelled(app="np-db"))), "policy.yaml")
    for name in ("np-db", "np-front", "np-back"):
        daemon.wait_ready(name)  # the daemon's probe is the host's, and comes in
    db, vip = address(daemon, "np-db"), address_of(daemon, "np-db")
    front, back, own = (pid_of(daemon, name) for name in ("np-front", "np-back", "np-db"))

    # Nobody but the host and the pod itself.
    for ip, port in ((db, 8080), (vip, 80)):
        assert ask(ip, port, pid=front, limit=LIMIT) == {SHUT: 1}
        assert ask(ip, port) == {"np-db": 1}
        assert ask(ip, port, pid=own) == {"np-db": 1}
    # What it asks for itself is answered, and who is not selected is open.
    assert ask(address(daemon, "np-back"), 1, pid=own) == {"ConnectionRefusedError": 1}

    # One kind of pod, one port by its name.
    allow = {"from": [{"podSelector": labelled(role="np-front")}], "ports": [{"port": "talk"}]}
    daemon.write(text(policy("np-deny", podSelector=labelled(app="np-db"), ingress=[allow])), "policy.yaml")
    wait_answer("np-db", db, 8080, pid=front)
    assert ask(vip, pid=front) == {"np-db": 1}
    for ip, port, who in ((db, 9090, front), (db, 8080, back), (vip, 80, back)):
        assert ask(ip, port, pid=who, limit=LIMIT) == {SHUT: 1}

    # A second policy adds to the first: by address, and a range of ports.
    block = {"ipBlock": {"cidr": f"{address(daemon, 'np-back')}/32"}}
    more = {"from": [block], "ports": [{"port": 9000, "endPort": 9100}]}
    daemon.write(text(policy("np-more", podSelector=labelled(app="np-db"), ingress=[more])), "more.yaml")
    wait_answer("other", db, 9090, pid=back)
    assert ask(db, 8080, pid=front) == {"np-db": 1}
    assert ask(db, 8080, pid=back, limit=LIMIT) == {SHUT: 1}

    listed = daemon.cli("get", "netpol").splitlines()
    assert [line.split()[:2] for line in listed] == [
        ["NAME", "POD-SELECTOR"],
        ["np-deny", "app=np-db"],
        ["np-more", "app=np-db"],
    ]
    assert "To Port: 9000-9100/TCP" in daemon.cli("describe", "networkpolicy", "np-more")

    # Without policies everything is open, and nothing of them is left in the kernel.
    daemon.remove("policy.yaml")
    daemon.remove("more.yaml")
    wait_answer("np-db", db, 8080, pid=back)
    assert "policy-" not in rules_of(daemon)


def in_namespace(name: str, *documents: Document) -> list[Document]:
    for document in documents:
        document["metadata"]["namespace"] = name
    return list(documents)


def named(daemon: Daemon, pod_name: str, host: str) -> str:
    """Who answers a pod at a name, "" when nobody does."""
    script = f"timeout 3 nc {host} 80 </dev/null"
    return daemon.exec(pod_name, "sh", "-c", script, code=None).strip()


def test_N03_namespaces_reach_each_other_only_where_the_settings_allow_it(
    new_daemon: Callable[..., Daemon],
) -> None:
    daemon = new_daemon()
    label = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "shop"}}}
    shop = in_namespace("shop", server("web", "web"), service("web", "web"))
    clients = [pod("client", FOR_EVER), *in_namespace("side", pod("other", FOR_EVER))]
    daemon.write(text(label, *shop, *clients))
    daemon.start()
    daemon.wait_ready("web", "shop")
    daemon.wait_ready("client")
    daemon.wait_ready("other", "side")
    vip, web = address_of(daemon, "web", "shop"), address(daemon, "web", "shop")
    client, other = pid_of(daemon, "client"), pid_of(daemon, "other")
    lives = daemon.life()

    # Kept apart: the Service refuses at once, by whatever name; the engine drops what asks for the pod itself.
    wait_answers(lambda answers: answers == {REFUSED: 1}, vip, pid=client)
    assert ask(web, 8080, pid=client, limit=LIMIT) == {SHUT: 1}
    assert named(daemon, "client", "web.shop.svc.cluster.local") == ""
    assert ask(vip) == {"web": 1}

    daemon.stop()
    daemon.start("--namespace-isolation", "off")
    assert daemon.life() == lives
    wait_answer("web", vip, pid=client)
    for host in ("web.shop", "web.shop.svc.cluster.local"):
        assert named(daemon, "client", host) == "web"
    assert named(daemon, "client", "web") == ""
    with telling_server(9000, pid_of(daemon, "web")):
        assert ask(web, 9000, pid=client) == {address(daemon, "client"): 1}

    # Then policies say who may: a namespace by its labels, with or without pods by theirs.
    def allow(**peer: Document) -> None:
        ingress = [{"from": [peer]}]
        daemon.write(text(*in_namespace("shop", policy("who", podSelector={}, ingress=ingress))), "policy.yaml")

    allow(namespaceSelector=labelled(**{"kubernetes.io/metadata.name": "default"}))
    for ip, port in ((vip, 80), (web, 8080)):
        wait_answers(lambda answers: answers == {SHUT: 1}, ip, port, pid=other, limit=LIMIT)
        assert ask(ip, port, pid=client) == {"web": 1}
    allow(namespaceSelector={}, podSelector={"matchExpressions": [{"key": "role", "operator": "DoesNotExist"}]})
    wait_answer("web", vip, pid=other)
    allow(namespaceSelector=labelled(team="shop"))
    wait_answers(lambda answers: answers == {SHUT: 1}, vip, pid=client, limit=LIMIT)
    # A namespace's labels count as they are now.
    mine = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": {"team": "shop"}}}
    daemon.write(text(mine), "namespace.yaml")
    wait_answer("web", vip, pid=client)
    assert ask(vip, pid=other, limit=LIMIT) == {SHUT: 1}

    daemon.stop()
    daemon.start()
    wait_answers(lambda answers: answers == {REFUSED: 1}, vip, pid=client)
    assert not [rule for rule in admitted(daemon.instance) if "-o" in rule]
