"""NetworkPolicy on the real engine: who reaches a pod, through what, and what becomes of it over time."""

import subprocess
from collections import Counter
from typing import Any

from tests.e2e.daemon import Daemon
from tests.e2e.pods import FOR_EVER, Document, container, pod, text
from tests.e2e.traffic import address_of, ask, pid_of, server, service, wait_answers

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
