"""NetworkPolicy where the host does not show bridged packets to its rules (bridge-nf-call-iptables is 0).

In a network of its own, with a bridge of our kind and two pods on it: nothing of this host's settings is touched.
"""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon import SECONDS
from tests.e2e.traffic import REFUSED, ask

APPLY = """
import asyncio, sys
from orchestrator.planning.isolation import isolation
from orchestrator.planning.policy import Member
from orchestrator.services.dataplane import DataPlane, Mode
from orchestrator.services.policy_rules import policy_rules
from orchestrator.objects import registry
document = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {}}
policy, _ = registry.decode(document)
rules = policy_rules(isolation([policy], [], [Member("default", {}, "10.9.0.3")]))
dataplane = DataPlane("unseen", Mode.KERNEL)
asyncio.run(dataplane.apply([], {}, {}, ["orc-test"], rules))
print(dataplane.policies_trouble)
"""


def run(*words: str, text: str = "") -> str:
    done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.strip()


@pytest.fixture
def room() -> Iterator[str]:
    """A network with the bridge "orc-test", and pods "NAME-a" at 10.9.0.2 and "NAME-b" at 10.9.0.3."""
    name = f"pol-{uuid.uuid4().hex[:8]}"
    pods = {f"{name}-a": "10.9.0.2", f"{name}-b": "10.9.0.3"}
    for each in (name, *pods):
        run("ip", "netns", "add", each)
    try:
        run("ip", "-n", name, "link", "add", "orc-test", "up", "type", "bridge")
        for number, (pod, address) in enumerate(pods.items()):
            cable = f"port{number}"
            run("ip", "-n", name, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", pod)
            run("ip", "-n", name, "link", "set", cable, "master", "orc-test", "up")
            run("ip", "-n", pod, "addr", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", pod, "link", "set", "eth0", "up")
        yield name
    finally:
        for each in (*pods, name):
            run("ip", "netns", "del", each)


def test_N03_policies_hold_where_the_host_does_not_show_bridged_packets(room: str) -> None:
    if not Path("/proc/sys/net/bridge").exists():
        pytest.skip("the kernel has no br_netfilter: modprobe br_netfilter")
    inside = ("ip", "netns", "exec", room)
    run(*inside, "sh", "-c", "echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables")
    nets = [f"/run/netns/{room}-{pod}" for pod in "ab"]
    # Nobody listens: who gets through is refused.
    assert ask("10.9.0.3", 80, net=nets[0]) == {REFUSED: 1}
    assert run(*inside, sys.executable, "-c", APPLY) == ""
    assert ask("10.9.0.3", 80, net=nets[0], limit=0.3) == {"TimeoutError": 1}
    assert ask("10.9.0.2", 80, net=nets[1]) == {REFUSED: 1}
