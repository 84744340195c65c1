"""`orchestrator doctor` finds a firewall of the host that is in the way of pods, and its mend lets them through."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.host import docker
from tests.e2e.pods import FOR_EVER, pod, text
from tests.e2e.test_doctor import examined, of
from tests.e2e.traffic import server, service

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nft, as what it looks for"
)
CHAIN = """
table inet {table} {{
    chain {hook} {{
        type filter hook {hook} priority 0; policy accept;
        ct state established,related accept
        iifname != "{bridge}" accept
        counter drop
    }}
}}
"""


@pytest.fixture
def table(own_daemon: Daemon) -> Iterator[str]:
    """The name of a table to be made, which is taken away in the end."""
    name = f"firewall-{own_daemon.instance}"
    yield name
    subprocess.run(["nft", "delete", "table", "inet", name], capture_output=True)


def test_doctor_finds_who_is_in_the_way_of_pods_and_names_go_on_through_hosts_files(
    own_daemon: Daemon, table: str
) -> None:
    daemon = own_daemon
    daemon.write(text(service("wall", "wall"), server("wall-a", "wall"), pod("wall-client", FOR_EVER)))
    daemon.wait_ready("wall-a")
    daemon.wait_ready("wall-client")
    network = docker("network", "ls", "-q", "--filter", f"label=orchestrator.dev/instance={daemon.instance}")
    bridge = docker("network", "inspect", "-f", '{{index .Options "com.docker.network.bridge.name"}}', network)
    assert [each["level"] for each in of(examined(daemon)[1], "firewall")] == ["ok"]

    def put_up(hook: str) -> None:
        script = CHAIN.format(table=table, hook=hook, bridge=bridge)
        subprocess.run(["nft", "-f", "-"], input=script, text=True, check=True)

    def mended(mend: str) -> None:
        subprocess.run(mend.replace("sudo ", ""), shell=True, check=True)
        assert [each["level"] for each in of(examined(daemon)[1], "firewall")] == ["ok"]

    put_up("input")
    code, findings = examined(daemon)
    (found,) = of(findings, "firewall")
    assert (code, found["level"]) == (0, "warning")
    assert "namespace default cannot ask the host for names (port 53, UDP and TCP)" in found["found"]
    assert f"chain input of nft's table inet {table}" in found["found"]
    for form in ("", ".default.svc.cluster.local"):
        words = f"timeout 20 nc wall{form} 80 </dev/null"
        assert daemon.exec("wall-client", "sh", "-c", words).strip() == "wall-a"
    mended(found["mend"])

    put_up("forward")
    code, findings = examined(daemon)
    (found,) = of(findings, "firewall")
    assert (code, found["level"]) == (1, "error")
    assert "namespace default do not reach each other" in found["found"]
    assert f"chain forward of nft's table inet {table}" in found["found"]
    mended(found["mend"])
