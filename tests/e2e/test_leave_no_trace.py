"""Case N08, byte for byte: a host after everything is deleted is the host before.

On an engine of its own, in a network of its own, so that nothing that differs can be another's.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.own_engine import DaemonThere, OwnEngine, own_engine
from tests.e2e.pods import Document, pod, text
from tests.e2e.traffic import server, service

STRANGERS = """
table ip strangers {
    chain first { type filter hook input priority 5; policy accept; ip saddr 192.0.2.1 drop; }
    chain second { ip daddr 192.0.2.2 accept; }
}
"""
LOOKS = {
    "rules": "nft list ruleset",
    "strangers' rules with their handles": "nft -a list table ip strangers",
    "iptables": "iptables-save",
    "routes": "ip route show table all",
    "rules of routing": "ip rule",
    "addresses": "ip addr",
    "networks": "docker network ls --no-trunc",
    "containers": "docker ps -a",
    # Those of the machine were copied, and go as they go there.
    "mounts": "grep -e {engine} -e {daemon} /proc/self/mounts | sort",
    "settings": "sh -c 'cd /proc/sys/net && grep -rs . ipv4 bridge core | sort'",
}
COUNTED = re.compile(r"(counter packets|bytes) \d+|\[\d+:\d+\]|# (Generated|Completed) .*")
"""What counts packets, and says when it was asked."""
VOLATILE = re.compile(r"^(ipv4/(tcp_mem|udp_mem|route/flush)|core/(netdev_rss_key|flow_limit)).*$", re.MULTILINE)
"""What the kernel reckons anew by itself."""


@pytest.fixture
def engine(image: str) -> Iterator[OwnEngine]:
    with own_engine(image) as made:
        # A newer engine makes its table raw with its first container, and keeps it.
        made.docker("network", "create", "--subnet", "10.221.79.0/24", "first")
        made.docker("run", "--rm", "--network", "first", image, "true")
        made.docker("network", "rm", "first")
        # What others have: a table, a network, and an administrator's word in the engine's chain.
        strangers = made.folder / "strangers.nft"
        strangers.write_text(STRANGERS)
        made.run("nft", "-f", str(strangers))
        made.docker("network", "create", "--subnet", "10.221.78.0/24", "strangers")
        made.run("iptables", "-I", "DOCKER-USER", "-s", "192.0.2.3", "-j", "DROP")
        yield made


def look(engine: OwnEngine, home: Path) -> dict[str, str]:
    found = {}
    for name, each in LOOKS.items():
        words = each.replace("{engine}", str(engine.folder)).replace("{daemon}", str(home))
        told = engine.docker(*words.split()[1:]) if words.startswith("docker") else engine.run("sh", "-c", words)
        found[name] = VOLATILE.sub("", COUNTED.sub("", told))
    return found


def rich() -> str:
    """Services of all types in two namespaces, with a Secret and a volume in memory."""
    both = [{"name": kind, "port": 80, "targetPort": 8080, "protocol": kind.upper()} for kind in ("tcp", "udp")]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "n08b"}, "stringData": {"key": "value"}}
    memory = pod("n08b-memory", "sleep 999")
    volumes = {"m": {"emptyDir": {"medium": "Memory"}}, "s": {"secret": {"secretName": "n08b"}}}
    memory["spec"]["volumes"] = [{"name": name, **volume} for name, volume in volumes.items()]
    memory["spec"]["containers"][0]["volumeMounts"] = [{"name": name, "mountPath": f"/{name}"} for name in volumes]
    away: list[Document] = [server("n08b-far", "n08b"), service("far", "n08b", type="NodePort")]
    for document in away:
        document["metadata"]["namespace"] = "n08bfar"
    return text(
        secret,
        memory,
        server("n08b-a", "n08b"),
        service("plain", "n08b", *both),
        service("sticky", "n08b", sessionAffinity="ClientIP"),
        service("headless", "n08b", {"port": 8080}, clusterIP="None"),
        service("node", "n08b", *both, type="NodePort"),
        service("balanced", "n08b", {"port": 23480, "targetPort": 8080}, type="LoadBalancer"),
        *away,
    )


def by_removing_files(daemon: Daemon) -> None:
    daemon.remove()
    daemon.wait_gone("n08b-far", namespace="n08bfar")
    for name in ("n08b-a", "n08b-memory"):
        daemon.wait_gone(name)
    assert daemon.stop() == 0


def after_a_kill(daemon: Daemon) -> None:
    daemon.kill()
    daemon.start()
    assert daemon.stop() == 0


@pytest.mark.parametrize("end", [by_removing_files, after_a_kill])
def test_N08_the_host_is_byte_for_byte_what_it_was(
    engine: OwnEngine, tmp_path: Path, image: str, end: Callable[[Daemon], None]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    before = look(engine, home)
    daemon = DaemonThere(engine, home, image, "--down-on-exit")
    try:
        daemon.start()
        daemon.write(rich())
        daemon.wait_ready("n08b-far", "n08bfar")
        for name in ("n08b-a", "n08b-memory"):
            daemon.wait_ready(name)
        daemon.wait_for("services", "balanced", lambda found: "ingress" in json.dumps(found.get("status", {})))
        during = look(engine, home)
        unseen = {name for name in LOOKS if during[name] == before[name]}
        assert unseen <= {"strangers' rules with their handles", "rules of routing"}
        end(daemon)
        after = look(engine, home)
        for name, was in before.items():
            assert after[name] == was, name
    finally:
        daemon.down()
