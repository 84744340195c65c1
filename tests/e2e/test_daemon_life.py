"""Case D02: what a daemon leaves behind when it ends, and what the next one takes over."""

from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.host import docker
from tests.e2e.pod_status import restarts
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text

pytestmark = pytest.mark.races


def test_D02_SIGTERM_leaves_pods_running_and_the_next_daemon_takes_them_over(own_daemon: Daemon) -> None:
    volume = {"name": "config", "configMap": {"name": "d02"}}
    mounts = [{"name": "config", "mountPath": "/config"}]
    own_daemon.write(
        text(config_map("d02", key="one"), pod("d02", container(FOR_EVER, volumeMounts=mounts), volumes=[volume]))
    )
    uid = own_daemon.wait_ready("d02")["metadata"]["uid"]
    before = own_daemon.life()
    assert own_daemon.stop() == 0
    assert own_daemon.life() == before
    assert not own_daemon.socket.exists()
    own_daemon.start()
    again = own_daemon.wait_ready("d02")
    assert (again["metadata"]["uid"], restarts(again)) == (uid, 0)
    # It is looked after again: an edit reaches the volume that the daemon before has made.
    own_daemon.write(
        text(config_map("d02", key="two"), pod("d02", container(FOR_EVER, volumeMounts=mounts), volumes=[volume]))
    )
    own_daemon.exec("d02", "sh", "-c", "until grep -q two /config/key; do sleep 0.05; done")
    assert own_daemon.life() == before


def test_D02_edits_made_without_a_daemon_are_followed_by_the_next(own_daemon: Daemon) -> None:
    own_daemon.write(text(pod("d02-stays", FOR_EVER)), "stays.yaml")
    own_daemon.write(text(pod("d02-edited", FOR_EVER)), "edited.yaml")
    own_daemon.write(text(pod("d02-goes", FOR_EVER)), "goes.yaml")
    for name in ("d02-stays", "d02-edited", "d02-goes"):
        own_daemon.wait_ready(name)
    before = own_daemon.life("d02-stays")
    own_daemon.stop()
    own_daemon.write(text(pod("d02-edited", f"echo edited; {FOR_EVER}")), "edited.yaml")
    own_daemon.remove("goes.yaml")
    own_daemon.write(text(pod("d02-new", FOR_EVER)), "new.yaml")
    own_daemon.start()
    own_daemon.wait_log("d02-edited", "edited")
    own_daemon.wait_ready("d02-new")
    own_daemon.wait_containers(lambda left: left == [], "d02-goes")
    assert own_daemon.life("d02-stays") == before


def test_D02_down_on_exit_ends_pods_in_order_and_leaves_nothing(own_daemon: Daemon, tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    noted.mkdir()
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo hook >> /noted/order"]}}}
    main = container(
        "trap 'echo term >> /noted/order; exit 0' TERM; while :; do sleep 1000 & wait; done",
        lifecycle=hook,
        volumeMounts=[{"name": "noted", "mountPath": "/noted"}],
    )
    volumes = [{"name": "noted", "hostPath": {"path": str(noted)}}, {"name": "secret", "secret": {"secretName": "d02"}}]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "d02"}, "stringData": {"key": "hidden"}}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "d02"},
        "spec": {"selector": {"app": "d02"}, "ports": [{"port": 80}]},
    }
    document = pod("d02-down", main, labels={"app": "d02"}, volumes=volumes, terminationGracePeriodSeconds=30)
    own_daemon.stop()
    own_daemon.write(text(secret, service, document))
    own_daemon.start("--down-on-exit")
    uid = own_daemon.wait_ready("d02-down")["metadata"]["uid"]
    assert [path for path in own_daemon.home.rglob("*") if uid in path.name]
    assert own_daemon.stop() == 0
    assert (noted / "order").read_text() == "hook\nterm\n"
    assert own_daemon.containers() == []
    mine = f"label=orchestrator.dev/instance={own_daemon.instance}"
    assert docker("network", "ls", "-q", "--filter", mine) == ""
    assert docker("volume", "ls", "-q", "--filter", mine) == ""
    mounts = Path("/proc/self/mountinfo").read_text()
    assert str(own_daemon.home) not in mounts
    assert [path for path in own_daemon.home.rglob("*") if uid in path.name] == []
