"""Parts of volumes, and links that would lead out of them (V05; podman's CVE-2025-9566)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.host import mounts_below
from tests.e2e.pod_status import is_ready, restarts, status_of, waiting_reason
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text

REFUSED = "CreateContainerConfigError"


def whole(**more: Any) -> Document:
    return {"name": "v", "mountPath": "/v", **more}


def part(sub_path: str, **more: Any) -> Document:
    return {"name": "v", "mountPath": "/part", "subPath": sub_path, **more}


def bound(daemon: Daemon) -> list[str]:
    """What is mounted below the folders of the daemon's pods."""
    folder = daemon.home / "run" / "volumes"
    return [point for point in mounts_below(folder) if point != str(folder)]


def test_V05_a_folder_a_file_or_what_is_made(daemon: Daemon, tmp_path: Path) -> None:
    """Of a hostPath, a ConfigMap and an emptyDir."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("host")
    mounts = [
        {"name": "host", "mountPath": "/folder", "subPath": "there", "readOnly": True},
        {"name": "host", "mountPath": "/etc/file", "subPath": "there/file"},
        {"name": "config", "mountPath": "/etc/one.conf", "subPath": "one"},
        {"name": "scratch", "mountPath": "/made", "subPath": "not/there"},
        {"name": "scratch", "mountPath": "/scratch"},
    ]
    volumes = [
        {"name": "host", "hostPath": {"path": str(tmp_path)}},
        {"name": "config", "configMap": {"name": "v05-parts"}},
        {"name": "scratch", "emptyDir": {}},
    ]
    main = container(FOR_EVER, volumeMounts=mounts, securityContext={"runAsUser": 1000})
    daemon.write(text(config_map("v05-parts", one="ONE", two="TWO"), pod("v05-parts", main, volumes=volumes)))
    daemon.wait_ready("v05-parts")
    assert daemon.exec("v05-parts", "cat", "/folder/file", "/etc/file", "/etc/one.conf") == "hosthostONE"
    daemon.exec("v05-parts", "touch", "/folder/new", code=1)
    daemon.exec("v05-parts", "touch", "/made/mine")
    assert daemon.exec("v05-parts", "ls", "/scratch/not/there") == "mine\n"


@pytest.mark.parametrize("kind", ["emptyDir", "hostPath"])
def test_V05_a_link_that_leads_out_is_refused(daemon: Daemon, tmp_path: Path, kind: str) -> None:
    """One that a container of the pod has made; what leads somewhere inside is followed."""
    name = f"v05-out-{kind.lower()}"
    source: Document = {"emptyDir": {}} if kind == "emptyDir" else {"hostPath": {"path": str(tmp_path)}}
    links = "mkdir -p /v/real && ln -sfn real /v/inside && ln -sfn /etc /v/out && ln -sfn ../../.. /v/up"
    init = container(links, "links", volumeMounts=[whole()])
    out = [container(FOR_EVER, name, volumeMounts=[part(name)]) for name in ("out", "up", "inside")]
    daemon.write(text(pod(name, *out, initContainers=[init], volumes=[{"name": "v", **source}])))
    for bad in ("out", "up"):
        event = daemon.wait_event(name, "Failed", text=f"subPath '{bad}'")
        assert event["message"] == f"Error: subPath '{bad}' leads out of its volume"
        daemon.wait_pod(name, lambda found, bad=bad: waiting_reason(found, bad) == REFUSED)
    daemon.wait_pod(name, lambda found: bool(status_of(found, "inside")["ready"]))
    daemon.exec(name, "touch", "/part/mine", container="inside")


def test_V05_a_link_that_is_swapped_in_while_a_container_starts_leads_nowhere(daemon: Daemon) -> None:
    """One container puts a link in the place of the folder, over and over; another is restarted on that folder."""
    swap = "mkdir /v/p; touch /v/p/own; cd /v; while :; do mv p q; ln -s /etc p; rm p; mv q p; sleep 0.05; done"
    look = "if test -e /part/hostname; then echo leak; else ls /part; fi >>/v/log; exit 0"
    swapper = container(swap, "swapper", volumeMounts=[whole()])
    victim = container(look, "victim", volumeMounts=[whole(), part("p")])
    waits = container("until test -d /v/p; do sleep 0.1; done", "waits", volumeMounts=[whole()])
    scratch = [{"name": "v", "emptyDir": {}}]
    swapper["restartPolicy"] = "Always"
    daemon.write(text(pod("v05-swap", victim, initContainers=[swapper, waits], volumes=scratch)))
    daemon.wait_pod("v05-swap", lambda found: status_of(found, "swapper").get("started", False))
    enough = "until test -e /v/log && test $(wc -l </v/log) -ge 4; do sleep 0.1; done; cat /v/log"
    seen = daemon.exec("v05-swap", "timeout", "50", "sh", "-c", enough, container="swapper")
    # Where the folder was away for a moment, a new one was made; what nobody may see is the host's.
    assert "leak" not in seen


def test_V05_nothing_stays_mounted_when_a_pod_is_gone(own_daemon: Daemon) -> None:
    """Also where the daemon was killed, and the pod went meanwhile; the data of its claim is whole."""
    daemon = own_daemon
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "parts"}, "spec": spec}
    mounts = [
        part("deep/er"),
        {"name": "m", "mountPath": "/m"},
        {"name": "m", "mountPath": "/mp", "subPath": "x"},
    ]
    main = container("echo run >>/part/log; echo written; " + FOR_EVER, volumeMounts=mounts)
    volumes = [
        {"name": "v", "persistentVolumeClaim": {"claimName": "parts"}},
        {"name": "m", "emptyDir": {"medium": "Memory"}},
    ]
    daemon.write(text(claim), "claim.yaml")
    log = daemon.home / "state" / "claims" / "default" / "parts" / "deep" / "er" / "log"

    daemon.write(text(pod("v05-first", main, volumes=volumes)))
    daemon.wait_ready("v05-first")
    daemon.wait_log("v05-first", "written")
    assert len(bound(daemon)) == 3
    daemon.exec("v05-first", "sh", "-c", "kill 1", code=None)
    daemon.wait_pod("v05-first", lambda found: restarts(found) == 1 and is_ready(found))
    daemon.wait_log("v05-first", "written")
    assert len(bound(daemon)) == 3
    daemon.remove()
    daemon.wait_gone("v05-first")
    assert bound(daemon) == []

    daemon.write(text(pod("v05-second", main, volumes=volumes)))
    daemon.wait_ready("v05-second")
    daemon.wait_log("v05-second", "written")
    daemon.kill()
    daemon.remove()
    daemon.start()
    daemon.wait_gone("v05-second")
    assert bound(daemon) == []
    # What is kept of files is not of pods.
    assert {path.name for path in (daemon.home / "run" / "volumes").iterdir()} <= {"last-good"}
    assert log.read_text() == "run\nrun\nrun\n"


def test_V05_a_daemon_that_takes_all_down_leaves_no_mount(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon("--down-on-exit").start()
    mounts = [part("deep"), {"name": "m", "mountPath": "/m"}]
    volumes = [{"name": "v", "emptyDir": {}}, {"name": "m", "emptyDir": {"medium": "Memory"}}]
    daemon.write(text(pod("v05-down", container(FOR_EVER, volumeMounts=mounts), volumes=volumes)))
    daemon.wait_ready("v05-down")
    assert len(bound(daemon)) == 2
    assert daemon.stop() == 0
    assert mounts_below(daemon.home) == []


def test_V01_links_that_a_container_left_lead_no_write_of_ours_out(daemon: Daemon, tmp_path: Path) -> None:
    """A privileged container makes the ConfigMap's volume writable, and puts links to the host's files into it."""
    victim = tmp_path / "victim"
    victim.write_text("the host's")
    plant = f"""
    mount -o remount,rw /v && cd /v
    rm a ..data; ln -s {victim} a; ln -s {victim} new; ln -s {victim} ..data_tmp; ln -s {tmp_path} ..data
    """
    main = container(FOR_EVER, volumeMounts=[whole()], securityContext={"privileged": True})
    volumes = [{"name": "v", "configMap": {"name": "v01-links"}}]
    daemon.write(text(config_map("v01-links", a="old", victim="x"), pod("v01-links", main, volumes=volumes)))
    daemon.wait_ready("v01-links")
    daemon.exec("v01-links", "sh", "-c", plant)
    daemon.write(
        text(config_map("v01-links", a="edit", new="n", victim="evil"), pod("v01-links", main, volumes=volumes))
    )
    daemon.exec("v01-links", "timeout", "30", "sh", "-c", "until grep -qs evil /v/victim; do sleep 0.05; done")
    assert daemon.exec("v01-links", "cat", "/v/a", "/v/new", "/v/victim") == "editnevil"
    assert victim.read_text() == "the host's"
    assert [path.name for path in tmp_path.iterdir()] == ["victim"]
