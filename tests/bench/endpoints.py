"""What one endpoint's change costs among 10, 100 and 1,000 Services, and how fast the rules of 300 are written anew.

So it is for a pod that comes or goes under twenty network policies, which let all pods in by name and by address.

The whole room of Services runs, with the store, the journal and the kernel's rules, in a network of its own; only the
engine is simulated, for what it makes here is a bridge.  Every Service has two ports and a pod; one has two pods, of
which one comes and goes.  What counts is from the pod's new status until the kernel has it, in CPU of the daemon and of
the commands it runs: that does not depend on what else the machine does.
"""

import asyncio
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.engine.base import Network
from orchestrator.engine.simulated import SimulatedEngine
from orchestrator.objects.container import Container
from orchestrator.objects.meta import LabelSelector, ObjectMeta
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.pod_status import PodCondition, PodStatus
from orchestrator.objects.policy import (
    IPBlock,
    NetworkPolicy,
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicySpec,
)
from orchestrator.objects.service import Service, ServicePort, ServiceSpec
from orchestrator.services import nft
from orchestrator.services.addresses import AddressBook
from orchestrator.services.commands import run
from orchestrator.services.controller import ServiceController
from orchestrator.services.dataplane import DataPlane, Mode
from orchestrator.services.dns_responder import Responder
from orchestrator.services.host_ports import HostPorts
from orchestrator.services.hosts import HostsFiles
from orchestrator.services.networks import Networks
from orchestrator.services.policy_keeper import PolicyKeeper
from orchestrator.settings import Settings
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import Desired, Key, Store

COUNTS = (10, 100, 1000)
FLIPS = 60
BAR = 2.0
"""How many times as much it may cost with a thousand Services as with ten: a hundred times would be linear."""
POLICIES, POLICIES_BAR = 20, 3.0
"""With policies all pods are compared and copied each time, a few microseconds each."""
MANY, SECONDS = 300, 0.200
"""Services whose rules are all written anew, and how long that may take (issue 5)."""
_IN_A_NAMESPACE = 250
_SERVICE_PORTS = (
    ServicePort(name="http", port=80, target_port=8080),
    ServicePort(name="admin", port=81, target_port=8081),
)


def main() -> int:
    """Measure in a network of our own, where no other's rules are; exit code 1 when a bar is missed."""
    if any(shutil.which(tool) is None for tool in ("nft", "ip", "unshare")):
        print("Services: not measured, for nft, ip or unshare is not there")
        return 0
    inside = f'mount -t sysfs none /sys && exec "{sys.executable}" -m tests.bench.endpoints'
    return subprocess.run(["unshare", "--net", "--mount", "sh", "-c", inside]).returncode


class _Bridges(SimulatedEngine):
    """An engine whose networks have a bridge on this host, as the real one's have."""

    async def create_network(
        self, name: str, *, labels: Mapping[str, str], subnet: str, ip_range: str, gateway: str, bridge: str
    ) -> Network:
        await run("ip", "link", "add", bridge, "type", "bridge")
        await run("ip", "addr", "add", f"{gateway}/22", "dev", bridge)
        await run("ip", "link", "set", bridge, "up")
        return await super().create_network(
            name, labels=labels, subnet=subnet, ip_range=ip_range, gateway=gateway, bridge=bridge
        )


@dataclass
class _Room:
    """A running room of Services."""

    store: Store
    controller: ServiceController
    hosts: HostsFiles

    def fill(self, count: int) -> None:
        """So many Services, each with its pod."""
        for number in range(count):
            namespace = f"ns{number // _IN_A_NAMESPACE}"
            spec = ServiceSpec(selector={"app": f"app{number}"}, ports=_SERVICE_PORTS)
            service = Service(metadata=ObjectMeta(name=f"web{number}", namespace=namespace), spec=spec)
            self.store.apply("bench", Desired(service, {}))
            self.pod(f"pod{number}", number)
        self.pod("flips", 0, ip="10.9.255.250")

    def pod(self, name: str, number: int, ip: str = "") -> None:
        namespace = f"ns{number // _IN_A_NAMESPACE}"
        meta = ObjectMeta(name=name, namespace=namespace, labels={"app": f"app{number}"})
        pod = Pod(metadata=meta, spec=PodSpec(containers=(Container(name="c", image="i"),)))
        applied = self.store.apply("bench", Desired(pod, {}))
        ip = ip or f"10.9.{number // 250}.{number % 250 + 1}"
        self.hosts.prepare(applied, ip)
        self.ready(Key("Pod", namespace, name), ip, True)

    def ready(self, key: Key, ip: str, ready: bool) -> None:
        pod = self.store.get(key)
        assert pod is not None
        condition = PodCondition(type="Ready", status="True" if ready else "False")
        self.store.update_status(key, pod.metadata.uid, PodStatus(phase="Running", pod_ip=ip, conditions=(condition,)))

    def isolate(self) -> None:
        """Policies that each select all pods of the first namespace, and let all pods in."""
        everyone = NetworkPolicyPeer(pod_selector=LabelSelector(), namespace_selector=LabelSelector())
        for number in range(POLICIES):
            block = NetworkPolicyPeer(ip_block=IPBlock(cidr=f"192.0.2.{number}/32"))
            rule = NetworkPolicyIngressRule(from_=(everyone, block))
            spec = NetworkPolicySpec(policy_types=("Ingress",), ingress=(rule,))
            policy = NetworkPolicy(metadata=ObjectMeta(name=f"open{number}", namespace="ns0"), spec=spec)
            self.store.apply("bench", Desired(policy, {}))

    async def flip(self, ready: bool) -> float:
        """Seconds until the kernel has followed the one pod, which is not ready while it has no address."""
        begun = time.perf_counter()
        self.ready(Key("Pod", "ns0", "flips"), "10.9.255.250" if ready else "", ready)
        await self.controller.settled()
        return time.perf_counter() - begun


@asynccontextmanager
async def _room(instance: str) -> AsyncIterator[_Room]:
    with tempfile.TemporaryDirectory() as folder:
        async with _room_in(Path(folder), instance) as room:
            yield room


@asynccontextmanager
async def _room_in(folder: Path, instance: str) -> AsyncIterator[_Room]:
    journal = Journal(folder / "journal.db")
    book = AddressBook(journal, "10.8.0.0/16", instance)
    store = Store(journal, time.time, [book.admit])
    store.on_drop(book.release)
    dataplane = DataPlane(instance, Mode.KERNEL)
    networks = Networks(_Bridges(), book, dataplane, instance)
    adopted = asyncio.Event()
    adopted.set()
    recorder, hosts, ports = EventRecorder(store, journal, time.time, "node"), HostsFiles(folder), HostPorts()
    policies = PolicyKeeper(store, recorder, dataplane, lambda: (), ())
    reach = ports, lambda: "192.0.2.7", policies, Responder(book, Settings((), dns="off"), ())
    controller = ServiceController(store, book, networks, dataplane, hosts, recorder, adopted, *reach)
    running = asyncio.create_task(controller.run())
    try:
        yield _Room(store, controller, hosts)
    finally:
        running.cancel()
        await asyncio.wait([running])
        await networks.clean()
        journal.close()


async def _one_change(count: int, *, isolated: bool = False) -> tuple[float, float]:
    """Seconds of one change by the clock (the median), and of CPU (the mean: the kernel counts in ticks of 4 ms)."""
    async with _room(f"bench{count}{isolated}") as room:
        room.fill(count)
        if isolated:
            room.isolate()
        await room.controller.settled()
        await room.flip(False)
        before = _cpu()
        took = [await room.flip(number % 2 == 0) for number in range(FLIPS)]
        return statistics.median(took), (_cpu() - before) / FLIPS


async def _written_anew() -> tuple[float, float]:
    """Seconds to write the rules of all Services: as a daemon that starts, and when every endpoint is another."""
    networks = [nft.Network("orc-bench", "10.8.2.0/23", "10.8.0.0/23")]
    loads, changes = [], []
    for _ in range(5):
        dataplane = DataPlane("rewrite", Mode.KERNEL)
        begun = time.perf_counter()
        await dataplane.apply(networks, _targets(first=10))
        loads.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        await dataplane.apply(networks, _targets(first=20))
        changes.append(time.perf_counter() - begun)
    return min(loads), min(changes)  # what others do on this machine only adds to it


def _targets(first: int) -> dict[str, nft.Targets]:
    """Every port of every Service leads to three pods."""
    pods = tuple((f"10.8.0.{first + number}", 8080) for number in range(3))
    ips = [f"10.8.{2 + number // 250}.{number % 250 + 1}" for number in range(MANY)]
    ports = [port.port for port in _SERVICE_PORTS]
    return {ip: nft.Targets({nft.Address(ip, "tcp", port): nft.Target(pods) for port in ports}) for ip in ips}


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


async def _bench() -> int:
    missed = await _flat("{} Services: CPU of one endpoint's change", BAR, isolated=False)
    missed += await _flat("{} pods, 20 policies: CPU of one's change", POLICIES_BAR, isolated=True)
    for title, seconds in zip(("loaded", "changed"), await _written_anew(), strict=True):
        words = f"{f'{MANY} Services x 2 ports, all rules {title}':44}{seconds * 1000:>6.0f} ms"
        missed += _told(f"{words}{'':>18}{SECONDS * 1000:>4.0f} ms", seconds <= SECONDS)
    return min(missed, 1)


async def _flat(title: str, bar: float, *, isolated: bool) -> int:
    costs = {count: await _one_change(count, isolated=isolated) for count in COUNTS}
    floor = costs[COUNTS[0]][1]
    missed = 0
    for count, (took, cpu) in costs.items():
        words = f"{title.format(count):44}{cpu * 1000:>6.1f} ms{took * 1000:>7.0f} ms{cpu / floor:>8.2f}{bar:>7.2f}"
        missed += _told(words, cpu <= bar * floor)
    return missed


def _told(words: str, good: bool) -> int:
    print(words if good else f"{words}  missed", flush=True)
    return int(not good)


if __name__ == "__main__":
    sys.exit(asyncio.run(_bench()))
