"""NetworkPolicy on the real engine: who reaches a pod, through what, and what becomes of it over time."""

import random
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from orchestrator.services.host_ports import nobody_has
from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.host import admitted
from tests.e2e.outside import outside
from tests.e2e.pods import FOR_EVER, Document, container, pod, text
from tests.e2e.traffic import REFUSED, address_of, ask, pid_of, range_of, server, service, telling_server, wait_answers

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


def free_ports(count: int) -> list[int]:
    """Ports of the host that nobody has, of those for Services."""
    return [port for port in random.sample(range(30900, 32700), 50) if nobody_has("TCP", port)][:count]


def rules_of(daemon: Daemon) -> str:
    """The daemon's table as the kernel has it, "" when there is none."""
    listed = subprocess.run(["nft", "list", "table", "ip", f"orchestrator-{daemon.instance}"], capture_output=True)
    return listed.stdout.decode()


def isolated(daemon: Daemon) -> set[str]:
    """The addresses of pods that nobody reaches but by a rule."""
    return set(re.findall(r"([\d.]+) : jump in-", rules_of(daemon)))


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
    deadline = time.monotonic() + SECONDS
    while admitted(daemon.instance):  # taken back after the table has changed, and iptables has no watch
        assert time.monotonic() < deadline


def test_N03_what_an_isolated_pod_may_ask_for(daemon: Daemon) -> None:
    """Egress: nothing, not even names; then pods by their labels and the names of their ports; then addresses."""
    other = server("np-e-other", "np-e-other", 9000)
    client = pod("np-e-client", FOR_EVER, labels={"role": "np-e-client"})
    chosen = labelled(role="np-e-client")
    daemon.write(text(policy("np-egress", podSelector=chosen, policyTypes=["Egress"])), "policy.yaml")
    daemon.write(text(server("np-e-web", "np-e-web"), other, client, service("np-e-web", "np-e-web")))
    for name in ("np-e-web", "np-e-other", "np-e-client"):
        daemon.wait_ready(name)
    web, vip = address(daemon, "np-e-web"), address_of(daemon, "np-e-web")
    far, me, them = address(daemon, "np-e-other"), pid_of(daemon, "np-e-client"), pid_of(daemon, "np-e-web")
    gateway = str(next(range_of(vip).supernet().hosts()))
    for ip, port in ((web, 8080), (vip, 80), (far, 9000)):
        assert ask(ip, port, pid=me, limit=LIMIT) == {SHUT: 1}
    assert ask(far, 9000, pid=them) == {"np-e-other": 1}
    assert ask(address(daemon, "np-e-client"), 1, pid=them) == {REFUSED: 1}

    # A question for a name is one to a pod of the cluster's; the host is open to its pods in all else.
    def finds_names() -> bool:
        words = ("timeout", "2", "nslookup", "np-e-web.default.svc.cluster.local", gateway)
        return daemon.run_cli("exec", "np-e-client", "--", *words).returncode == 0

    assert not finds_names()
    assert ask(gateway, 54, pid=me) == {REFUSED: 1}

    named = {"to": [{"podSelector": {}}], "ports": [{"port": "talk"}]}
    dns = {"namespaceSelector": labelled(**{"kubernetes.io/metadata.name": "kube-system"})}
    ask_names = {
        "to": [{**dns, "podSelector": labelled(**{"k8s-app": "kube-dns"})}],
        "ports": [{"port": 53, "protocol": "UDP"}],
    }
    daemon.write(text(policy("np-egress", podSelector=chosen, egress=[named, ask_names])), "policy.yaml")
    wait_answer("np-e-web", vip, pid=me)
    assert ask(far, 9000, pid=me) == {"np-e-other": 1}
    assert ask(web, 9999, pid=me, limit=LIMIT) == {SHUT: 1}
    assert finds_names()

    block = {"to": [{"ipBlock": {"cidr": f"{range_of(vip).supernet()}", "except": [f"{far}/32"]}}]}
    rule = policy("np-egress", podSelector=chosen, policyTypes=["Egress"], egress=[block])
    daemon.write(text(rule), "policy.yaml")
    wait_answers(lambda answers: answers == {SHUT: 1}, far, 9000, pid=me, limit=LIMIT)
    assert ask(vip, pid=me) == {"np-e-web": 1}


def test_N03_clients_of_other_machines_count_by_their_address(daemon: Daemon) -> None:
    """Through a NodePort and a hostPort; and no pod gets around by a port of the host."""
    node_port, host_port = free_ports(2)
    web = server("np-o", "np-o")
    web["spec"]["containers"][0]["ports"][0]["hostPort"] = host_port
    port = {"port": 80, "targetPort": "talk", "nodePort": node_port}
    with outside() as machine:
        block = {"from": [{"ipBlock": {"cidr": "198.18.0.0/15", "except": [f"{machine.address}/32"]}}]}
        shut = policy("np-o", podSelector=labelled(app="np-o"), ingress=[block])
        client = pod("np-o-client", FOR_EVER)
        daemon.write(text(shut), "policy.yaml")
        daemon.write(text(web, client, service("np-o", "np-o", port, type="NodePort")))
        for name in ("np-o", "np-o-client"):
            daemon.wait_ready(name)
        inside = pid_of(daemon, "np-o-client")
        for number in (node_port, host_port):
            wait_answer("np-o", "127.0.0.1", number)
            assert ask(machine.host, number, net=machine.net, limit=LIMIT) == {SHUT: 1}
            assert ask(machine.host, number, pid=inside, limit=LIMIT) == {SHUT: 1}
        block["from"] = [{"ipBlock": {"cidr": f"{machine.address}/32"}}]
        daemon.write(text(policy("np-o", podSelector=labelled(app="np-o"), ingress=[block])), "policy.yaml")
        for number in (node_port, host_port):
            wait_answer("np-o", machine.host, number, net=machine.net)
            assert ask(machine.host, number, pid=inside, limit=LIMIT) == {SHUT: 1}


def test_N07_N08_isolation_outlives_the_daemon_and_goes_with_the_pods(own_daemon: Daemon) -> None:
    """Nobody comes in while the daemon is killed and comes back, nor while a pod ends that another replaces."""
    daemon = own_daemon
    slow = "trap 'sleep 2; exit 0' TERM; nc -ll -p 8080 -e echo old & while :; do sleep 1000 & wait; done"
    old = pod("db", container(slow), labels={"app": "db"}, terminationGracePeriodSeconds=5)
    daemon.write(text(policy("shut", podSelector=labelled(app="db"))), "policy.yaml")
    daemon.write(text(old, pod("client", FOR_EVER)))
    for name in ("db", "client"):
        daemon.wait_ready(name)
    db, client = address(daemon, "db"), pid_of(daemon, "client")
    wait_answer("old", db, 8080)

    def knock(times: int) -> Counter[str]:
        return ask(db, 8080, pid=client, times=times, limit=0.1)

    with ThreadPoolExecutor() as beside:
        knocking = beside.submit(knock, 40)
        daemon.kill()
        assert knock(3) == {SHUT: 3}
        daemon.start()
        daemon.wait_ready("db")
        assert knocking.result() == {SHUT: 40}

    # Another pod of this name: the old one ends for two seconds, and is as shut as it was.
    before = daemon.pod("db")["metadata"]["uid"]
    daemon.write(text(pod("db", container(FOR_EVER), labels={"app": "db"}, hostname="new"), pod("client", FOR_EVER)))
    daemon.wait_pod("db", lambda found: found["metadata"]["uid"] != before)
    assert ask(db, 8080) == {"old": 1}
    assert knock(5) == {SHUT: 5}
    daemon.wait_ready("db")
    assert isolated(daemon) == {address(daemon, "db")}

    daemon.remove("test.yaml")
    for name in ("db", "client"):
        daemon.wait_gone(name)
    deadline = time.monotonic() + SECONDS
    while rules_of(daemon):  # the kernel has no watch
        assert time.monotonic() < deadline
    assert (
        f"orchestrator-{daemon.instance}"
        not in subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    )


def test_N03_without_rules_of_the_kernel_a_policy_says_that_it_does_not_hold(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon("--service-mode", "names")
    daemon.write(text(policy("shut", podSelector={})))
    daemon.start()
    event = daemon.wait_event("shut", "NetworkPolicyNotEnforced")
    assert "nothing here can change the kernel's rules" in event["message"]
    assert "NetworkPolicyNotEnforced" in daemon.cli("describe", "netpol", "shut")
