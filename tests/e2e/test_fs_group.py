"""fsGroup: which volumes belong to the pod's group, with which modes, and who can read and write then (V06)."""

from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text

USER, GROUP = 1000, 4242
SHOWN = 'for f in "$@"; do echo $(stat -L -c "%a %g" $f); done'


def volumes() -> dict[str, Document]:
    """A volume of each kind whose files belong to the group."""
    own = [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]
    return {
        "config": {"configMap": {"name": "v06-group", "defaultMode": 0o400}},
        "secret": {"secret": {"secretName": "v06-group", "items": [{"key": "a", "path": "deep/a", "mode": 0o400}]}},
        "projected": {"projected": {"sources": [{"secret": {"name": "v06-group"}}], "defaultMode": 0o444}},
        "downward": {"downwardAPI": {"items": own, "defaultMode": 0o600}},
        "disk": {"emptyDir": {}},
        "memory": {"emptyDir": {"medium": "Memory"}},
        "claim": {"persistentVolumeClaim": {"claimName": "v06-group"}},
    }


def claim(name: str) -> Document:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def test_V06_what_belongs_to_the_group_and_what_does_not(daemon: Daemon, tmp_path: Path) -> None:
    """A user of no right but the group reads what is read-only, whatever its mode, and writes what is not."""
    given = {**volumes(), "host": {"hostPath": {"path": str(tmp_path)}}}
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_text("the host's")
    (tmp_path / "file").chmod(0o600)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "v06-group"}, "stringData": {"a": "hush"}}
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in given]
    context = {"runAsUser": USER, "runAsGroup": USER, "fsGroup": GROUP, "supplementalGroups": [7]}
    made = [{"name": name, **source} for name, source in given.items()]
    group = pod("v06-group", container(FOR_EVER, volumeMounts=mounts), volumes=made, securityContext=context)
    daemon.write(text(config_map("v06-group", a="open"), secret, claim("v06-group"), group))
    daemon.wait_ready("v06-group")

    def run(script: str, *words: str, code: int = 0) -> list[str]:
        return daemon.exec("v06-group", "sh", "-c", script, "sh", *words, code=code).splitlines()

    assert run("id -G") == ["1000 7 4242"]
    read_only = ("/config/a", "/secret/deep/a", "/projected/a", "/downward/name")
    assert run(SHOWN, *read_only) == ["440 4242", "440 4242", "444 4242", "640 4242"]
    assert run('cat "$@"', *read_only) == ["openhushhushv06-group"]
    writable = ("/disk", "/memory", "/claim")
    assert run(SHOWN, *writable) == ["2777 4242"] * 3
    files = [f"{folder}/file" for folder in writable]
    run('for f in "$@"; do echo mine >$f; done', *files)
    assert run(SHOWN, *files) == ["644 4242"] * 3
    run("cat /host/file", code=1)
    assert (tmp_path / "file").stat().st_gid == 0
    assert tmp_path.stat().st_mode & 0o7777 == 0o755
    # What follows an edit belongs to the group too.
    daemon.write(text(config_map("v06-group", a="later"), secret, claim("v06-group"), group))
    run("timeout 30 sh -c 'until grep -q later /config/a; do sleep 0.05; done'")
    assert run(SHOWN, "/config/a") == ["440 4242"]


@pytest.mark.parametrize(("policy", "group"), [("Always", GROUP), ("OnRootMismatch", 0)])
def test_V06_a_change_policy_may_spare_what_is_right_at_its_root(daemon: Daemon, policy: str, group: int) -> None:
    name = f"v06-{policy.lower()}"
    directory = daemon.home / "state" / "claims" / "default" / name

    def using(pod_name: str) -> Document:
        main = container(FOR_EVER, volumeMounts=[{"name": "v", "mountPath": "/v"}])
        context = {"fsGroup": GROUP, "fsGroupChangePolicy": policy}
        source = {"name": "v", "persistentVolumeClaim": {"claimName": name}}
        return pod(pod_name, main, volumes=[source], securityContext=context)

    daemon.write(text(claim(name)), "claim.yaml")
    daemon.write(text(using(f"{name}-1")))
    daemon.wait_ready(f"{name}-1")
    daemon.exec(f"{name}-1", "sh", "-c", "touch /v/file && chgrp 0 /v/file")
    assert (directory / "file").stat().st_gid == 0
    daemon.write(text(using(f"{name}-2")))
    daemon.wait_ready(f"{name}-2")
    assert (directory / "file").stat().st_gid == group
