"""ConfigMaps, Secrets and pods as files that follow their objects; emptyDirs; what is in memory only (V01-V03, V06)."""

import base64
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator.node.tmpfs import filesystem_of
from tests.e2e.daemon import Daemon, Document
from tests.e2e.pod_status import is_ready, restarts, status_of, waiting_reason
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text

IDLE = "exec sleep 1000"


def secret(name: str, **data: str) -> Document:
    """A Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def mounting(name: str, source: Document, script: str = IDLE, **fields: Any) -> Document:
    """A pod with one volume, at /v."""
    main = container(script, volumeMounts=[{"name": "v", "mountPath": "/v"}], **fields)
    return pod(name, main, volumes=[{"name": "v", **source}])


def files(daemon: Daemon, name: str) -> dict[str, tuple[str, str]]:
    """What is in /v by path: mode and content."""
    each = 'echo "$f $(stat -L -c %a "$f") $(base64 -w 0 "$f")"'
    script = f"cd /v && find . -follow -type f ! -path '*/..*' | while read f; do {each}; done"
    found = {}
    for line in daemon.exec(name, "sh", "-c", script).splitlines():
        path, mode, content = line.split(" ")
        found[path.removeprefix("./")] = mode, base64.b64decode(content).decode(errors="backslashreplace")
    return found


# --- V01: what the files are ---


def test_V01_config_map(daemon: Daemon) -> None:
    """Text and binary, in order of keys; the default mode; nobody may write."""
    source = config_map("v01-config", plain="text\n", **{"app.conf": "a = 1"})
    source["binaryData"] = {"raw": base64.b64encode(b"\x00\xff raw").decode()}
    daemon.write(text(source, mounting("v01-config", {"configMap": {"name": "v01-config", "defaultMode": 0o440}})))
    daemon.wait_ready("v01-config")
    found = files(daemon, "v01-config")
    assert {name: mode for name, (mode, _) in found.items()} == {"app.conf": "440", "plain": "440", "raw": "440"}
    contents = {name: content for name, (_, content) in found.items()}
    assert contents == {"app.conf": "a = 1", "plain": "text\n", "raw": "\0\\xff raw"}
    daemon.exec("v01-config", "sh", "-c", "echo x >/v/plain", code=1)


def test_V01_items_choose_paths_and_modes(daemon: Daemon) -> None:
    items = [{"key": "a", "path": "deep/er/a.txt"}, {"key": "b", "path": "b", "mode": 0o400}]
    volume = {"configMap": {"name": "v01-items", "items": items}}
    daemon.write(text(config_map("v01-items", a="A", b="B", c="C"), mounting("v01-items", volume)))
    daemon.wait_ready("v01-items")
    assert files(daemon, "v01-items") == {"b": ("400", "B"), "deep/er/a.txt": ("644", "A")}


def test_V01_secret(daemon: Daemon) -> None:
    """`data` and `stringData`; the latter wins."""
    source = secret("v01-secret", word="hush", both="string")
    source["data"] = {key: base64.b64encode(value).decode() for key, value in {"both": b"data", "raw": b"raw"}.items()}
    volume = {"secret": {"secretName": "v01-secret", "defaultMode": 0o400}}
    daemon.write(text(source, mounting("v01-secret", volume)))
    daemon.wait_ready("v01-secret")
    expected = {"both": ("400", "string"), "raw": ("400", "raw"), "word": ("400", "hush")}
    assert files(daemon, "v01-secret") == expected


def test_V01_projected_and_downward_api(daemon: Daemon) -> None:
    own = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}, "mode": 0o600},
        {"path": "deep/note", "fieldRef": {"fieldPath": "metadata.annotations['note']"}},
        {
            "path": "limit",
            "resourceFieldRef": {"containerName": "main", "resource": "limits.memory", "divisor": "1Mi"},
        },
    ]
    sources = [
        {"configMap": {"name": "v01-part", "items": [{"key": "a", "path": "from/config"}]}},
        {"secret": {"name": "v01-hush"}},
        {"secret": {"name": "v01-absent", "optional": True}},
        {"downwardAPI": {"items": own}},
    ]
    written = mounting(
        "v01-projected",
        {"projected": {"sources": sources, "defaultMode": 0o444}},
        resources={"limits": {"memory": "32Mi"}},
    )
    written["metadata"] |= {"labels": {"tier": "one", "app": "shop"}, "annotations": {"note": 'a "b"'}}
    daemon.write(text(config_map("v01-part", a="A"), secret("v01-hush", word="hush"), written))
    daemon.wait_ready("v01-projected")
    expected = {
        "from/config": ("444", "A"),
        "deep/note": ("444", 'a "b"'),
        "labels": ("444", 'app="shop"\ntier="one"'),
        "limit": ("444", "32"),
        "name": ("600", "v01-projected"),
        "word": ("444", "hush"),
    }
    assert files(daemon, "v01-projected") == expected
    # A label or an annotation is no reason to restart anything, and the file follows it.
    written["metadata"]["labels"]["tier"] = "two"
    written["metadata"]["annotations"]["note"] = "later"
    daemon.write(text(config_map("v01-part", a="A"), secret("v01-hush", word="hush"), written))
    daemon.exec("v01-projected", "timeout", "30", "sh", "-c", "until grep -q two /v/labels; do sleep 0.05; done")
    assert daemon.exec("v01-projected", "cat", "/v/deep/note") == "later"
    assert restarts(daemon.pod("v01-projected")) == 0


@pytest.mark.parametrize(
    ("kind", "source", "cure", "words"),
    [
        (
            "configmap",
            {"configMap": {"name": "v01-later"}},
            config_map("v01-later", a="A"),
            'configmap "v01-later" not found',
        ),
        ("secret", {"secret": {"secretName": "v01-later"}}, secret("v01-later", a="A"), 'secret "v01-later" not found'),
        (
            "key",
            {"configMap": {"name": "kept", "items": [{"key": "a", "path": "a"}]}},
            config_map("kept", a="A"),
            "references non-existent configmap key: a",
        ),
    ],
)
def test_V01_what_is_missing_is_named_and_awaited(
    daemon: Daemon, kind: str, source: Document, cure: Document, words: str
) -> None:
    name = f"v01-missing-{kind}"
    daemon.write(text(config_map("kept", other="x")), "kept.yaml")
    daemon.write(text(mounting(name, source)))
    event = daemon.wait_event(name, "FailedMount")
    assert event["message"] == f'MountVolume.SetUp failed for volume "v" : {words}'
    assert waiting_reason(daemon.pod(name)) == "ContainerCreating"
    daemon.write(text(cure), "kept.yaml")
    daemon.wait_ready(name)
    assert files(daemon, name)["a"] == ("644", "A")


def test_V01_what_is_optional_may_come_and_go(daemon: Daemon) -> None:
    volume = {"configMap": {"name": "v01-optional", "optional": True}}
    daemon.write(text(mounting("v01-optional", volume)))
    daemon.wait_ready("v01-optional")
    assert files(daemon, "v01-optional") == {}
    daemon.write(text(config_map("v01-optional", a="A")), "later.yaml")
    daemon.exec("v01-optional", "timeout", "30", "sh", "-c", "until test -e /v/a; do sleep 0.05; done")
    assert files(daemon, "v01-optional") == {"a": ("644", "A")}
    daemon.remove("later.yaml")
    daemon.exec("v01-optional", "timeout", "30", "sh", "-c", "while test -e /v/a; do sleep 0.05; done")
    assert files(daemon, "v01-optional") == {}
    assert restarts(daemon.pod("v01-optional")) == 0


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_V01_what_is_immutable_cannot_be_edited(daemon: Daemon, kind: str) -> None:
    """The edit is refused and told; the files stay; a label may change."""
    name = f"v01-fixed-{kind.lower()}"
    field = "data" if kind == "ConfigMap" else "stringData"
    fixed = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "immutable": True, field: {"a": "A"}}
    source = {"configMap": {"name": name}} if kind == "ConfigMap" else {"secret": {"secretName": name}}
    daemon.write(text(fixed), "fixed.yaml")
    daemon.write(text(mounting(name, source)))
    daemon.wait_ready(name)
    daemon.write(text(fixed | {field: {"a": "B"}}), "fixed.yaml")
    daemon.wait_problem("field is immutable when `immutable` is set")
    assert files(daemon, name)["a"][1] == "A"
    daemon.write(text(fixed | {"metadata": {"name": name, "labels": {"tier": "one"}}}), "fixed.yaml")
    daemon.wait_problem("")
    plural = "configmaps" if kind == "ConfigMap" else "secrets"
    daemon.wait_for(plural, name, lambda found: found["metadata"].get("labels") == {"tier": "one"})


# --- V02: they follow their objects ---

WATCHES = """
timeout 60 sh -c 'until grep -q new /v/a; do :; done; cat /v/b' >/tmp/a-then-b &
timeout 60 sh -c 'until grep -q new /v/b; do :; done; cat /v/a' >/tmp/b-then-a &
exec sleep 1000
"""


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_V02_an_edit_shows_all_keys_at_once(daemon: Daemon, kind: str) -> None:
    """Whoever sees one new key sees all of them; a removed key disappears; nothing restarts."""
    name = f"v02-{kind.lower()}"
    make = config_map if kind == "ConfigMap" else secret
    source = {"configMap": {"name": name}} if kind == "ConfigMap" else {"secret": {"secretName": name}}
    daemon.write(text(make(name, a="old", b="old", gone="old")), "source.yaml")
    daemon.write(text(mounting(name, source, WATCHES)))
    daemon.wait_ready(name)
    before = daemon.life(name)
    daemon.write(text(make(name, a="new", b="new", added="new")), "source.yaml")
    script = "until test -s /tmp/a-then-b -a -s /tmp/b-then-a; do sleep 0.05; done; cat /tmp/a-then-b /tmp/b-then-a"
    assert daemon.exec(name, "timeout", "60", "sh", "-c", script) == "newnew"
    assert {path: content for path, (_, content) in files(daemon, name).items()} == {
        "a": "new",
        "b": "new",
        "added": "new",
    }
    assert daemon.life(name) == before


def test_V02_an_edit_is_visible_within_a_second(daemon: Daemon) -> None:
    """From the save of the file to the change in the container; the quickest of three, for the machine may be busy."""
    script = "while :; do echo $(cut -d' ' -f1 /proc/uptime) $(cat /v/a); sleep 0.02; done"
    daemon.write(text(config_map("v02-quick", a="0")), "source.yaml")
    daemon.write(text(mounting("v02-quick", {"configMap": {"name": "v02-quick"}}, script)))
    daemon.wait_ready("v02-quick")
    took = []
    for edit in ("first", "second", "third"):
        saved = time.clock_gettime(time.CLOCK_BOOTTIME)
        daemon.write(text(config_map("v02-quick", a=edit)), "source.yaml")
        seen = next(line for line in daemon.wait_log("v02-quick", f" {edit}\n").splitlines() if line.endswith(edit))
        took.append(float(seen.split()[0]) - saved)
    assert min(took) < 1.0, took


def test_V02_env_and_sub_path_stay_as_they_were(daemon: Daemon) -> None:
    """Until the container is made anew: then both are as the object is."""
    main = container(
        FOR_EVER,
        env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "v02-stays", "key": "a"}}}],
        volumeMounts=[
            {"name": "v", "mountPath": "/v"},
            {"name": "v", "mountPath": "/etc/one.conf", "subPath": "a"},
        ],
    )
    daemon.write(text(config_map("v02-stays", a="old")), "source.yaml")
    volumes = [{"name": "v", "configMap": {"name": "v02-stays"}}]
    daemon.write(text(pod("v02-stays", main, volumes=volumes)))
    daemon.wait_ready("v02-stays")
    show = "cat /v/a /etc/one.conf; tr '\\0' '\\n' </proc/1/environ | grep ^A="
    assert daemon.exec("v02-stays", "sh", "-c", show) == "oldoldA=old\n"
    daemon.write(text(config_map("v02-stays", a="new")), "source.yaml")
    daemon.exec("v02-stays", "timeout", "30", "sh", "-c", "until grep -q new /v/a; do sleep 0.05; done")
    assert daemon.exec("v02-stays", "sh", "-c", show) == "newoldA=old\n"
    daemon.exec("v02-stays", "sh", "-c", "kill 1", code=None)
    daemon.wait_pod("v02-stays", lambda pod: restarts(pod) == 1 and is_ready(pod))
    assert daemon.exec("v02-stays", "sh", "-c", show) == "newnewA=new\n"


def test_V02_an_object_that_is_removed_leaves_the_files(daemon: Daemon) -> None:
    """As in Kubernetes: what runs keeps what it had; when the object is back, the files follow it."""
    daemon.write(text(config_map("v02-removed", a="old")), "source.yaml")
    daemon.write(text(mounting("v02-removed", {"configMap": {"name": "v02-removed"}})))
    daemon.wait_ready("v02-removed")
    daemon.remove("source.yaml")
    daemon.wait_gone("v02-removed", "configmaps")
    assert files(daemon, "v02-removed")["a"][1] == "old"
    daemon.write(text(config_map("v02-removed", a="new")), "source.yaml")
    daemon.exec("v02-removed", "timeout", "30", "sh", "-c", "until grep -q new /v/a; do sleep 0.05; done")
    assert is_ready(daemon.pod("v02-removed"))


# --- V03: emptyDir ---


@pytest.mark.parametrize("medium", ["", "Memory"])
def test_V03_an_empty_dir_is_shared_survives_restarts_and_dies_with_the_pod(daemon: Daemon, medium: str) -> None:
    name = f"v03-{medium.lower() or 'disk'}"
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    writer = container("echo run >>/v/log; " + FOR_EVER, "writer", **mount)
    reader = container(FOR_EVER, "reader", securityContext={"runAsUser": 1000}, **mount)
    volumes = [{"name": "v", "emptyDir": {"medium": medium}}]
    daemon.write(text(pod(name, writer, reader, volumes=volumes)))
    uid = daemon.wait_ready(name)["metadata"]["uid"]
    if medium:
        assert " /v tmpfs " in daemon.exec(name, "cat", "/proc/mounts", container="reader")
    daemon.exec(name, "sh", "-c", "echo by another user >/v/mine", container="reader")
    daemon.exec(name, "sh", "-c", "kill 1", container="writer", code=None)
    daemon.wait_pod(name, lambda pod: restarts(pod, "writer") == 1 and is_ready(pod))
    assert daemon.exec(name, "cat", "/v/log", "/v/mine", container="reader") == "run\nrun\nby another user\n"
    assert list(daemon.home.glob(f"*/volumes/{uid}"))
    daemon.remove()
    daemon.wait_gone(name)
    assert not list(daemon.home.glob(f"*/volumes/{uid}"))
    daemon.write(text(pod(name, writer, reader, volumes=volumes)))
    daemon.wait_ready(name)
    assert daemon.exec(name, "cat", "/v/log", container="reader") == "run\n"


# --- V06: in memory only ---


def test_V06_secrets_are_in_memory_only_and_for_those_who_may_read_them(daemon: Daemon) -> None:
    """On tmpfs, in a folder that only root may enter; a container's other users read what its mode lets them."""
    items = [{"key": "open", "path": "open", "mode": 0o444}, {"key": "shut", "path": "shut", "mode": 0o400}]
    volume = {"secret": {"secretName": "v06", "items": items}}
    written = mounting("v06", volume, securityContext={"runAsUser": 1000})
    daemon.write(text(secret("v06", open="for all", shut="for root"), written))
    uid = daemon.wait_ready("v06")["metadata"]["uid"]
    assert " /v tmpfs ro," in daemon.exec("v06", "cat", "/proc/mounts")
    assert daemon.exec("v06", "cat", "/v/open") == "for all"
    daemon.exec("v06", "cat", "/v/shut", code=1)
    folder = daemon.home / "run" / "volumes"
    assert filesystem_of(folder) == "tmpfs"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / uid / "v" / "open").read_text() == "for all"
    assert not [path for path in (daemon.home / "state").rglob("*") if path.is_file() and b"for root" in bytes_of(path)]
    daemon.remove()
    daemon.wait_gone("v06")
    assert not (folder / uid).exists()


def bytes_of(path: Path) -> bytes:
    """A file's content; nothing when it has gone meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def test_V06_projected_and_downward_api_are_in_memory_too(daemon: Daemon) -> None:
    sources = [{"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}}]
    daemon.write(text(mounting("v06-projected", {"projected": {"sources": sources}})))
    daemon.wait_ready("v06-projected")
    assert " /v tmpfs ro," in daemon.exec("v06-projected", "cat", "/proc/mounts")
    assert status_of(daemon.pod("v06-projected"))["ready"]


def test_V06_state_is_private_on_the_host_and_any_user_of_a_container_has_its_volumes(daemon: Daemon) -> None:
    """The engine mounts what lies behind folders that only root may enter."""
    mounts = [{"name": "config", "mountPath": "/config"}, {"name": "scratch", "mountPath": "/scratch"}]
    volumes = [{"name": "config", "configMap": {"name": "v06-private"}}, {"name": "scratch", "emptyDir": {}}]
    main = container(FOR_EVER, volumeMounts=mounts, securityContext={"runAsUser": 1000})
    daemon.write(text(config_map("v06-private", key="value"), pod("v06-private", main, volumes=volumes)))
    daemon.wait_ready("v06-private")
    assert daemon.exec("v06-private", "sh", "-c", "id -u; cp /config/key /scratch; cat /scratch/key") == "1000\nvalue"
    state, run = daemon.home / "state", daemon.home / "run"
    private = (state, state / "volumes", run / "volumes")
    assert [folder.stat().st_mode & 0o777 for folder in private] == [0o700] * 3
    assert (state / "journal.db").stat().st_mode & 0o777 == 0o600
    # Members of the socket's group must be able to reach it.
    assert run.stat().st_mode & 0o777 == 0o755
