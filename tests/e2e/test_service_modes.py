"""Cases N01, N02, N07: what holds of Services however they are carried, by the kernel or by name alone.

A client goes by what both give it: the names in its hosts file, and the variables in its environment.
"""

from collections.abc import Callable

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.host import docker
from tests.e2e.pod_status import is_ready
from tests.e2e.pods import FOR_EVER, pod, text
from tests.e2e.test_endpoint_slices import bare, by_hand
from tests.e2e.test_service_traffic import ENDS_ON_TERM
from tests.e2e.traffic import HAS_FILE, leads_to, server, service, wait_reached


def test_N01_names_and_variables_lead_to_the_ports_of_every_ready_pod(either_daemon: Daemon) -> None:
    daemon = either_daemon
    ports = [
        {"name": "named", "port": 80, "targetPort": "talk"},
        {"name": "numbered", "port": 81, "targetPort": 8080},
        {"name": "same", "port": 8080},
    ]
    late = server("mode-c", "mode", readiness=HAS_FILE)
    pods = [server("mode-a", "mode"), server("mode-b", "mode"), late]
    early = service("mode-early", "mode", publishNotReadyAddresses=True)
    hands = [bare("mode-hand"), bare("mode-other")]
    objects = [service("mode", "mode", *ports), early, *hands, *pods]
    daemon.write(text(*objects))
    a = daemon.wait_ready("mode-a")["status"]["podIP"]
    objects.append(by_hand("mode-slice", "mode-hand", (a, {"ready": True})))
    subsets = [{"addresses": [{"ip": a}], "ports": [{"port": 8080}]}]
    objects.append({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "mode-other"}, "subsets": subsets})
    daemon.write(text(*objects, pod("mode-client", FOR_EVER)))
    daemon.wait_ready("mode-client")
    daemon.wait_ready("mode-b")
    daemon.wait_event("mode-c", "Unhealthy")
    for port in ("", "named", "numbered", "same"):
        wait_reached(daemon, "mode-client", "mode", "mode-a", "mode-b", port=port)
    wait_reached(daemon, "mode-client", "mode-early", "mode-a", "mode-b", "mode-c")
    # Without a selector the port is whatever was written, not the Service's own.
    wait_reached(daemon, "mode-client", "mode-hand", "mode-a")
    wait_reached(daemon, "mode-client", "mode-other", "mode-a")
    forms = ("", ".default", ".default.svc", ".default.svc.cluster.local")
    (places,) = {frozenset(leads_to(daemon, "mode-client", f"mode{form}")) for form in forms}
    assert places


def test_N02_a_name_leads_to_a_pod_while_it_is_ready_and_until_it_ends(either_daemon: Daemon) -> None:
    daemon = either_daemon
    last_word = {"preStop": {"exec": {"command": ["sh", "-c", "until [ -e /go ]; do sleep 0.1; done"]}}}
    servers = [server(f"turn-{one}", "turn", readiness=HAS_FILE, terminationGracePeriodSeconds=60) for one in "ab"]
    for name, one in zip(("turn-a", "turn-b"), servers, strict=True):
        main = one["spec"]["containers"][0]
        main |= {"command": ["sh", "-c", ENDS_ON_TERM.format(name=name)], "lifecycle": last_word}
    daemon.write(text(service("turn", "turn"), pod("turn-client", FOR_EVER)))
    daemon.write(text(servers[0]), "a.yaml")
    daemon.write(text(servers[1]), "b.yaml")
    daemon.wait_ready("turn-client")
    inode = daemon.exec("turn-client", "stat", "-c", "%i", "/etc/hosts")
    for name in ("turn-a", "turn-b"):
        daemon.wait_event(name, "Unhealthy")
    wait_reached(daemon, "turn-client", "turn")
    for name, who in (("turn-a", ["turn-a"]), ("turn-b", ["turn-a", "turn-b"])):
        daemon.exec(name, "touch", "/ready")
        daemon.wait_ready(name)
        wait_reached(daemon, "turn-client", "turn", *who)
    daemon.exec("turn-a", "rm", "/ready")
    daemon.wait_pod("turn-a", lambda found: not is_ready(found))
    wait_reached(daemon, "turn-client", "turn", "turn-b")
    daemon.exec("turn-a", "touch", "/ready")
    daemon.wait_ready("turn-a")
    wait_reached(daemon, "turn-client", "turn", "turn-a", "turn-b")
    # Its hook holds it up, and it gets nothing new; what a container has mounted is still the file that is written.
    daemon.remove("b.yaml")
    daemon.wait_pod("turn-b", lambda found: "deletionTimestamp" in found["metadata"])
    wait_reached(daemon, "turn-client", "turn", "turn-a")
    assert daemon.exec("turn-client", "stat", "-c", "%i", "/etc/hosts") == inode
    daemon.remove("a.yaml")
    daemon.wait_pod("turn-a", lambda found: "deletionTimestamp" in found["metadata"])
    wait_reached(daemon, "turn-client", "turn")
    for name in ("turn-a", "turn-b"):
        daemon.exec(name, "touch", "/go")


@pytest.mark.parametrize("mode", ["auto", "names"])
@pytest.mark.races
def test_N07_names_lead_to_pods_without_the_daemon_and_through_its_restart(
    new_daemon: Callable[..., Daemon], mode: str
) -> None:
    daemon = new_daemon("--service-mode", mode)
    late = server("away-b", "away", readiness=HAS_FILE)
    daemon.write(text(service("away", "away"), server("away-a", "away"), late, pod("away-client", FOR_EVER)))
    daemon.start()
    for name in ("away-a", "away-client"):
        daemon.wait_ready(name)
    daemon.wait_event("away-b", "Unhealthy")
    wait_reached(daemon, "away-client", "away", "away-a")
    lives, client = daemon.life(), daemon.engine_id("away-client", "main")
    daemon.kill()
    words = "timeout 20 nc away.default.svc $AWAY_SERVICE_PORT </dev/null"
    assert docker("exec", client, "sh", "-c", words) == "away-a"
    daemon.start()
    wait_reached(daemon, "away-client", "away", "away-a")
    daemon.exec("away-b", "touch", "/ready")
    daemon.wait_ready("away-b")
    wait_reached(daemon, "away-client", "away", "away-a", "away-b")
    assert daemon.life() == lives
