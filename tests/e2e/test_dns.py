"""Names by DNS: what a hosts file cannot say, all else from the host's servers, and both without the daemon."""

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from orchestrator.services.dns_responder import HOSTS_FILES_ALONE
from orchestrator.services.dns_server import _bound
from orchestrator.services.subnets import candidates, parse_pool
from tests.e2e.daemon import Daemon
from tests.e2e.host import docker
from tests.e2e.names import NameServer, ask, name_server
from tests.e2e.outside import outside
from tests.e2e.pods import FOR_EVER, Document, pod, text
from tests.e2e.traffic import HAS_FILE, address_of, pid_of, server, service

EXT = "ext.example.com"
FAR = "192.0.2.77"
"""Where the host's name server says that everything is."""

NOTHING = ("EOFError", "ConnectionResetError")
SVC = "default.svc.cluster.local"


def alias(name: str, target: str) -> Document:
    """A Service that is another name for something."""
    spec = {"type": "ExternalName", "externalName": target}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


@dataclass(frozen=True)
class Upstream:
    server: NameServer
    resolv_conf: str
    elsewhere: str
    """The network of another machine, by its file."""


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    """The host's name server, and a resolv.conf that names it; beside it another machine."""
    with outside() as other, name_server(other.host, FAR) as host_server:
        path = tmp_path / "resolv.conf"
        path.write_text(f"nameserver {other.host}\nsearch host.example\n")
        yield Upstream(host_server, str(path), other.net)


def gateway(daemon: Daemon) -> str:
    """Where the pods of the namespace default ask."""
    return str(next(candidates(parse_pool(daemon.pool), f"{daemon.instance}/default"))[1])


def reverse(ip: str) -> str:
    """The question for an address's name."""
    return f"{IPv4Address(ip).reverse_pointer}/PTR"


def asked_servers(daemon: Daemon, name: str) -> list[str]:
    """Whom the engine's resolver asks for a pod."""
    servers: list[str] = json.loads(docker("inspect", "-f", "{{json .HostConfig.Dns}}", daemon.engine_id(name, "POD")))
    return servers


def test_N01_dns_says_what_a_hosts_file_cannot(new_daemon: Callable[..., Daemon], upstream: Upstream) -> None:
    daemon = new_daemon("--resolv-conf", upstream.resolv_conf)
    ports = [{"name": "talk", "port": 80, "targetPort": "talk"}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    heads = service("heads", "dns", {"name": "talk", "port": 8080}, clusterIP="None")
    stranger = pod("far", FOR_EVER)
    stranger["metadata"]["namespace"] = "other"
    on_host = pod("on-host", FOR_EVER, hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet")
    names = [alias("out", EXT), alias("in", f"web.{SVC}")]
    pods = [server("one", "dns", hostname="first", subdomain="heads"), server("two", "dns", readiness=HAS_FILE)]
    daemon.write(text(service("web", "dns", *ports), heads, *names, *pods, stranger, on_host))
    daemon.start()
    first = daemon.wait_ready("one")["status"]["podIP"]
    second = daemon.wait_pod("two", lambda found: bool(found["status"].get("podIP")))["status"]["podIP"]
    daemon.wait_ready("far", "other")
    daemon.wait_ready("on-host")
    vip, one = address_of(daemon, "web"), pid_of(daemon, "one")
    known = {
        f"web.{SVC}": f"A {vip}",
        f"WEB.{SVC}": f"A {vip}",
        f"web.{SVC}/AAAA": "",
        f"_talk._tcp.web.{SVC}/SRV": f"SRV 0 100 80 web.{SVC}.",
        f"_dns._udp.web.{SVC}/SRV": f"SRV 0 100 53 web.{SVC}.",
        f"_talk._tcp.heads.{SVC}/SRV": f"SRV 0 100 8080 first.heads.{SVC}.",
        f"heads.{SVC}": f"A {first}",
        f"first.heads.{SVC}": f"A {first}",
        reverse(vip): f"PTR web.{SVC}.",
        f"in.{SVC}": f"A {vip}; CNAME web.{SVC}.",
        f"out.{SVC}": f"A {FAR}; CNAME {EXT}.",
        f"{first.replace('.', '-')}.default.pod.cluster.local": f"A {first}",
        "dns-version.cluster.local/TXT": 'TXT "1.1.0"',
        f"nobody.{SVC}": "NXDOMAIN",
        f"{EXT}.{SVC}": "NXDOMAIN",
        "www.example.org": f"A {FAR}",
    }
    for pid in (one, pid_of(daemon, "far"), pid_of(daemon, "two")):
        assert dict(zip(known, ask(*known, pid=pid), strict=True)) == known
    # Without the engine in front: by TCP too, from the host, and the name of a pod that the engine would call its own.
    assert "options ndots:5" in daemon.exec("on-host", "cat", "/etc/resolv.conf").splitlines()
    assert asked_servers(daemon, "one")[0] == asked_servers(daemon, "on-host")[0] == gateway(daemon)
    for by, pid in (("udp", one), ("tcp", one), ("tcp", 0)):
        directly = ask(f"web.{SVC}", reverse(first), EXT, server=gateway(daemon), pid=pid, by=by)
        assert directly == [f"A {vip}", f"PTR first.heads.{SVC}.", "REFUSED"]
    assert ask(f"web.{SVC}", server=gateway(daemon), net=upstream.elsewhere, by="tcp")[0] in NOTHING
    # At once after a change, and nothing of a pod that is not ready.
    daemon.exec("two", "touch", "/ready")
    daemon.wait_ready("two")
    daemon.wait_for("endpoints", "heads", lambda found: len(found["subsets"][0].get("addresses", [])) == 2)
    assert ask(f"heads.{SVC}", pid=one) == ["; ".join(sorted([f"A {first}", f"A {second}"]))]
    # As its programs see it.
    assert FAR in daemon.exec("one", "nslookup", f"out.{SVC}")
    assert f"out    ExternalName   <none>       {EXT}".split() == daemon.cli("get", "svc", "out").split()[6:10]
    assert "OUT_" not in daemon.exec("one", "env")
    assert daemon.get("services", "out")["spec"].get("clusterIP", "") == ""
    assert daemon.client.status()["dns"] == {"trouble": ""}
    upstream.server.close()
    assert set(upstream.server.asked) == {f"{EXT}.", "www.example.org."}


@pytest.mark.races
def test_N07_names_resolve_while_the_daemon_is_down(new_daemon: Callable[..., Daemon], upstream: Upstream) -> None:
    daemon = new_daemon("--resolv-conf", upstream.resolv_conf)
    daemon.write(text(service("web", "n07dns"), alias("out", EXT), server("n07dns", "n07dns")))
    daemon.start()
    daemon.wait_ready("n07dns")
    pid, before = pid_of(daemon, "n07dns"), daemon.life()
    sandbox = daemon.engine_id("n07dns", "main")
    assert ask(f"out.{SVC}", pid=pid) == [f"A {FAR}; CNAME {EXT}."]
    daemon.kill()
    for name in ("web", "web.default", "web.default.svc", f"web.{SVC}"):
        assert docker("exec", sandbox, "timeout", "20", "sh", "-c", f"nc {name} 80 </dev/null") == "n07dns"
    assert ask("www.example.org", pid=pid) == [f"A {FAR}"]
    daemon.start()
    assert ask(f"out.{SVC}", f"_talk._tcp.web.{SVC}/SRV", pid=pid) == [f"A {FAR}; CNAME {EXT}.", "NXDOMAIN"]
    assert daemon.life() == before


def test_N01_without_a_responder_the_hosts_files_go_on_and_it_replaces_no_pod(
    new_daemon: Callable[..., Daemon],
) -> None:
    daemon = new_daemon()
    daemon.write(text(service("web", "nodns"), alias("out", EXT), server("nodns", "nodns")))
    place = gateway(daemon)
    with _bound(socket.SOCK_DGRAM, place, 53):
        daemon.start()
        daemon.wait_ready("nodns")
        why = f"port 53/UDP of {place} is taken by "
        assert why in daemon.client.status()["dns"]["trouble"]
        assert why in daemon.wait_event("out", "NotResolved")["message"]
        assert daemon.log.read_text().count(HOSTS_FILES_ALONE) == 1
        assert why in daemon.cli("doctor", code=None)
        assert asked_servers(daemon, "nodns") == []
        reached = f"for name in web web.{SVC}; do until nc -w 2 $name 80 </dev/null; do sleep 0.1; done; done"
        assert daemon.exec("nodns", "timeout", "60", "sh", "-c", reached).split() == ["nodns"] * 2
        daemon.stop()
    before = daemon.life()
    daemon.start("--dns", "off")
    assert daemon.client.status()["dns"]["trouble"] == "--dns off asks for it"
    daemon.restart()
    assert daemon.client.status()["dns"]["trouble"] == ""
    assert ask(f"web.{SVC}", server=place) == [f"A {address_of(daemon, 'web')}"]
    assert daemon.life() == before
