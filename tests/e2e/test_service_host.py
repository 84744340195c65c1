"""Case N08, and Services by name alone: what a daemon does to its host, and what it leaves there."""

import json
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from orchestrator.services.subnets import bridge_name
from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.host import docker
from tests.e2e.pod_status import is_ready
from tests.e2e.pods import FOR_EVER, pod, text
from tests.e2e.traffic import HAS_FILE, address_of, range_of, server, service, wait_answers

LOOKS = {
    "rules": "nft list ruleset",
    "routes": "ip route show table all",
    "addresses": "ip addr",
    "networks": "docker network ls",
    "mounts": "cat /proc/mounts",
}
OTHERS = re.compile(r"orch?-|orchestrator|veth|br-|docker/|pytest|172\.(1[89]|[23])|192\.168\.|10\.2[0-9][0-9]\.")
"""What other daemons and tests that run at the same time may make and remove meanwhile."""


def look(words: str) -> str:
    return subprocess.run(words.split(), capture_output=True, text=True, check=True, timeout=60).stdout


def marks(daemon: Daemon, *namespaces: str) -> list[str]:
    """Whatever of this daemon can be seen on the host is called so, or has such an address."""
    bridges = [bridge_name(daemon.instance, namespace) for namespace in namespaces]
    networks = [range_of(address_of(daemon, "n08", namespace)).supernet() for namespace in namespaces]
    ranges = [str(each[0]).removesuffix("0") for network in networks for each in network.subnets(new_prefix=24)]
    return [daemon.instance, *bridges, *ranges, str(daemon.home)]


def seen(mark_list: list[str]) -> set[str]:
    """In which looks at the host there is a mark."""
    return {name for name, words in LOOKS.items() if any(mark in look(words) for mark in mark_list)}


def unmarked() -> dict[str, set[str]]:
    """The host without what comes and goes with others: tables and chains of nft, routes, addresses, networks."""
    objects = json.loads(look("nft -j list chains"))["nftables"]
    chains = {"/".join((c["family"], c["table"], c["name"])) for each in objects if (c := each.get("chain"))}
    lines = {name: set(look(words).splitlines()) for name, words in LOOKS.items() if name != "rules"}
    lines["addresses"] = {line.split("valid_lft")[0] for line in look("ip -o addr").splitlines()}
    lines["networks"] = set(docker("network", "ls", "--format", "{{.ID}} {{.Name}}").splitlines())
    return {
        name: {line for line in found if not OTHERS.search(line)} for name, found in (lines | {"rules": chains}).items()
    }


@pytest.fixture
def strangers() -> Iterator[str]:
    """A network and a table of rules that the daemon did not make."""
    name = f"n08x{uuid.uuid4().hex[:6]}"
    docker("network", "create", "--subnet", "10.221.77.0/24", name)
    try:
        subprocess.run(["nft", "add", "table", "ip", name], check=True, timeout=60)
        yield name
        assert f"table ip {name}" in look("nft list tables")
    finally:
        subprocess.run(["nft", "delete", "table", "ip", name], check=True, timeout=60)
        docker("network", "rm", name)


@pytest.mark.alone
def test_N08_nothing_is_left_on_the_host(new_daemon: Callable[..., Daemon], strangers: str, image: str) -> None:
    # What the engine itself makes for its first container stays.
    docker("run", "--rm", "--network", strangers, image, "true")
    before = unmarked()
    assert any(strangers in line for line in before["networks"])
    daemon = new_daemon("--down-on-exit").start()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "n08"}, "stringData": {"key": "value"}}
    away = [server("n08-far", "n08"), service("n08", "n08")]
    for document in away:
        document["metadata"]["namespace"] = "n08far"
    daemon.write(text(secret, service("n08", "n08"), server("n08-a", "n08"), *away))
    daemon.wait_ready("n08-a")
    daemon.wait_ready("n08-far", "n08far")
    for namespace in ("default", "n08far"):
        wait_answers(lambda answers: "n08" in str(answers), address_of(daemon, "n08", namespace))
    own = marks(daemon, "default", "n08far")
    assert seen(own) >= {"rules", "routes", "addresses", "networks"}
    assert daemon.stop() == 0
    assert seen(own) == set()
    assert daemon.containers() == []
    assert unmarked() == before


def test_N08_removed_files_leave_nothing_but_the_daemon(own_daemon: Daemon) -> None:
    daemon = own_daemon
    daemon.write("{apiVersion: v1, kind: ConfigMap, metadata: {name: stays}}", "stays.yaml")
    daemon.write(text(service("n08", "n08"), server("n08-a", "n08")))
    daemon.wait_ready("n08-a")
    wait_answers(lambda answers: set(answers) == {"n08-a"}, address_of(daemon, "n08"))
    own = [mark for mark in marks(daemon, "default") if mark != str(daemon.home)]
    assert seen(own) >= {"rules", "routes", "addresses", "networks"}
    daemon.remove()
    daemon.wait_gone("n08-a")
    deadline = time.monotonic() + SECONDS
    while seen(own):  # the network goes after its last container, which no API tells
        assert time.monotonic() < deadline, seen(own)


def test_services_by_name_alone(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon("--service-mode", "names").start()
    servers = [server("names-a", "names"), server("names-b", "names", readiness=HAS_FILE)]
    daemon.write(text(service("by-name", "names"), *servers, pod("names-client", FOR_EVER)))
    daemon.wait_ready("names-client")
    first = daemon.wait_ready("names-a")["status"]["podIP"]
    assert "by-name" in daemon.wait_event("by-name", "ServedByName")["involvedObject"]["name"]
    shown = "echo $BY_NAME_SERVICE_HOST $BY_NAME_SERVICE_PORT $BY_NAME_PORT_80_TCP"
    assert daemon.exec("names-client", "sh", "-c", shown).split() == ["by-name", "8080", "tcp://by-name:8080"]
    reach = "until nc -w 2 $BY_NAME_SERVICE_HOST $BY_NAME_SERVICE_PORT </dev/null; do sleep 0.1; done"
    assert daemon.exec("names-client", "timeout", "20", "sh", "-c", reach).strip() == "names-a"
    # Ready pods only, as everywhere.
    daemon.exec("names-b", "touch", "/ready")
    second = daemon.wait_ready("names-b")["status"]["podIP"]
    wait_until(daemon, f"grep -q ^{second} /etc/hosts")
    daemon.exec("names-b", "rm", "/ready")
    daemon.wait_pod("names-b", lambda found: not is_ready(found))
    wait_until(daemon, f"! grep -q ^{second} /etc/hosts")
    wait_until(daemon, f"grep -q ^{first} /etc/hosts")
    assert daemon.instance not in look("nft list ruleset")
    assert f"local {range_of(address_of(daemon, 'by-name'))} dev" not in look("ip route show table local")


def wait_until(daemon: Daemon, condition: str) -> None:
    """Wait until a shell's condition holds in the client."""
    daemon.exec("names-client", "timeout", "20", "sh", "-c", f"until {condition}; do sleep 0.1; done")
