"""Claims and volumes that outlive pods, the daemon and their own documents (V04)."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.pod_status import condition
from tests.e2e.pods import FOR_EVER, container, pod, text


def claim(name: str, storage: str = "1Gi", **spec: Any) -> Document:
    """A claim."""
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": wanted}


def volume(name: str, path: Path, storage: str = "1Gi", labels: dict[str, str] | None = None, **spec: Any) -> Document:
    """A persistent volume in a folder of the host."""
    wanted = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": storage},
        "hostPath": {"path": str(path)},
        **spec,
    }
    meta = {"name": name, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": wanted}


def using(name: str, claim_name: str, script: str = "true", **source: Any) -> Document:
    """A pod with a claim's volume at /data; its log says when it is through with its script."""
    main = container(f"{script}; echo written; {FOR_EVER}", volumeMounts=[{"name": "data", "mountPath": "/data"}])
    mounted = {"name": "data", "persistentVolumeClaim": {"claimName": claim_name, **source}}
    return pod(name, main, volumes=[mounted])


def written(daemon: Daemon, name: str) -> None:
    """Wait until the pod is through with its script."""
    daemon.wait_ready(name)
    daemon.wait_log(name, "written")


def is_bound(found: Document) -> bool:
    return bool(found["status"]["phase"] == "Bound")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of the host."""
    made = tmp_path / "host"
    made.mkdir()
    yield made
    shutil.rmtree(made)


def test_V04_a_claim_gets_a_directory_and_says_so(daemon: Daemon) -> None:
    """Status, Event, tables and description are as a cluster has them."""
    daemon.write(text(claim("v04-plain"), using("v04-plain", "v04-plain", "echo kept >/data/file")))
    written(daemon, "v04-plain")
    found = daemon.get("persistentvolumeclaims", "v04-plain")
    name = f"pvc-{found['metadata']['uid']}"
    assert found["spec"]["volumeName"] == name
    assert found["status"] == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
    event = daemon.wait_event("v04-plain", "ProvisioningSucceeded")
    assert event["message"] == f"Successfully provisioned volume {name}"
    made = daemon.client.get(f"/api/v1/persistentvolumes/{name}")
    assert made["status"]["phase"] == "Bound"
    directory = daemon.home / "state" / "claims" / "default" / "v04-plain"
    assert made["spec"]["hostPath"]["path"] == str(directory)
    assert (directory / "file").read_text() == "kept\n"
    assert directory.stat().st_mode & 0o777 == 0o777
    head, row = daemon.cli("get", "pvc", "v04-plain").splitlines()
    assert head.replace("ACCESS MODES", "MODES").split() == [
        "NAME", "STATUS", "VOLUME", "CAPACITY", "MODES", "STORAGECLASS", "VOLUMEATTRIBUTESCLASS", "AGE",
    ]  # fmt: skip
    assert row.split()[:5] == ["v04-plain", "Bound", name, "1Gi", "RWO"]
    rows = [line.split() for line in daemon.cli("get", "pv").splitlines() if line.startswith(name)]
    assert rows[0][1:6] == ["1Gi", "RWO", "Delete", "Bound", "default/v04-plain"]
    described = daemon.cli("describe", "pvc", "v04-plain")
    told = dict(line.split(":", 1) for line in described.splitlines() if line[:1].isalpha())
    assert (told["Status"].strip(), told["Used By"].strip()) == ("Bound", "v04-plain")


def test_V04_a_pod_waits_for_its_claim_and_starts_by_itself(daemon: Daemon) -> None:
    daemon.write(text(using("v04-waits", "v04-later")))
    event = daemon.wait_event("v04-waits", "FailedScheduling")
    assert 'persistentvolumeclaim "v04-later" not found' in event["message"]
    waiting = daemon.pod("v04-waits")
    assert waiting["status"]["phase"] == "Pending"
    assert condition(waiting, "PodScheduled") == "False"
    assert "containerStatuses" not in waiting["status"]
    assert 'persistentvolumeclaim "v04-later" not found' in daemon.cli("describe", "pod", "v04-waits")
    daemon.write(text(claim("v04-later")), "later.yaml")
    daemon.wait_ready("v04-waits")


def test_V04_data_outlives_pods_and_the_document_of_their_claim(daemon: Daemon) -> None:
    """A claim whose document goes is kept; it comes back to the same data; only its deletion ends both."""
    daemon.write(text(claim("v04-lives")), "claim.yaml")
    daemon.write(text(using("v04-first", "v04-lives", "echo first >>/data/log")))
    written(daemon, "v04-first")
    uid = daemon.get("persistentvolumeclaims", "v04-lives")["metadata"]["uid"]
    daemon.remove()
    daemon.wait_gone("v04-first")
    daemon.remove("claim.yaml")
    event = daemon.wait_event("v04-lives", "Kept")
    directory = daemon.home / "state" / "claims" / "default" / "v04-lives"
    assert str(directory) in event["message"]
    assert "orchestrator delete pvc v04-lives" in event["message"]
    assert (directory / "log").read_text() == "first\n"
    daemon.write(text(claim("v04-lives"), using("v04-second", "v04-lives", "echo second >>/data/log")))
    written(daemon, "v04-second")
    assert daemon.exec("v04-second", "cat", "/data/log") == "first\nsecond\n"
    assert daemon.get("persistentvolumeclaims", "v04-lives")["metadata"]["uid"] == uid
    assert len(daemon.events("v04-lives", "Kept")) == 1


def test_V04_only_the_deletion_of_a_claim_ends_its_data(daemon: Daemon) -> None:
    """Refused while its document is there, and while a pod mounts it."""
    daemon.write(text(claim("v04-ends")), "claim.yaml")
    daemon.write(text(using("v04-ends", "v04-ends", "echo mine >/data/file")))
    written(daemon, "v04-ends")
    uid = daemon.get("persistentvolumeclaims", "v04-ends")["metadata"]["uid"]
    refused = daemon.run_cli("delete", "pvc", "v04-ends")
    assert refused.returncode == 1
    assert "its spec is still in" in refused.stderr
    assert "claim.yaml: remove it first" in refused.stderr
    daemon.remove("claim.yaml")
    daemon.wait_event("v04-ends", "Kept")
    refused = daemon.run_cli("delete", "pvc", "v04-ends")
    assert refused.returncode == 1
    assert "it is used by pod v04-ends" in refused.stderr
    directory = daemon.home / "state" / "claims" / "default" / "v04-ends"
    assert (directory / "file").read_text() == "mine\n"
    daemon.remove()
    daemon.wait_gone("v04-ends")
    said = daemon.cli("delete", "pvc", "v04-ends")
    assert said == f'persistentvolumeclaim "v04-ends" deleted; its data in {directory} goes with it\n'
    assert not directory.exists()
    assert daemon.run_cli("get", "pvc", "v04-ends").returncode == 1
    assert daemon.run_cli("get", "pv", f"pvc-{uid}").returncode == 1
    assert daemon.run_cli("delete", "pvc", "v04-ends").returncode == 1
    # A new claim of this name begins anew.
    daemon.write(text(claim("v04-ends"), using("v04-ends", "v04-ends")))
    daemon.wait_ready("v04-ends")
    assert daemon.exec("v04-ends", "ls", "/data") == ""


def test_V04_a_class_that_retains_and_a_volume_with_a_document_keep_their_data(daemon: Daemon, folder: Path) -> None:
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "v04-keeps"}}
    (folder / "file").write_text("theirs")
    documents = (
        {**head, "provisioner": "example.com/any", "reclaimPolicy": "Retain"},
        claim("v04-retained", storageClassName="v04-keeps"),
        volume("v04-theirs", folder),
    )
    daemon.write(text(*documents), "claims.yaml")
    daemon.write(text(claim("v04-theirs", storageClassName="", volumeName="v04-theirs")))
    for name in ("v04-retained", "v04-theirs"):
        daemon.wait_for("persistentvolumeclaims", name, is_bound)
    directory = daemon.home / "state" / "claims" / "default" / "v04-retained"
    (directory / "file").write_text("kept")
    uid = daemon.get("persistentvolumeclaims", "v04-retained")["metadata"]["uid"]
    daemon.remove()
    daemon.write(text(documents[0], documents[2]), "claims.yaml")
    for name in ("v04-retained", "v04-theirs"):
        daemon.wait_event(name, "Kept")
    assert f"kept in {directory}.{uid}" in daemon.cli("delete", "pvc", "v04-retained")
    assert (directory.with_name(f"v04-retained.{uid}") / "file").read_text() == "kept"
    assert not directory.exists()
    assert "its data stays in volume v04-theirs" in daemon.cli("delete", "pvc", "v04-theirs")
    assert (folder / "file").read_text() == "theirs"
    assert daemon.client.get("/api/v1/persistentvolumes/v04-theirs")["status"]["phase"] == "Released"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_V04_data_and_binding_outlive_the_daemon(own_daemon: Daemon, end: str) -> None:
    """Also a document that went while no daemon looked costs no data."""
    daemon = own_daemon
    daemon.write(text(claim("v04-daemon")), "claim.yaml")
    daemon.write(text(using("v04-daemon", "v04-daemon", "echo run >>/data/log")))
    written(daemon, "v04-daemon")
    before, life = daemon.get("persistentvolumeclaims", "v04-daemon"), daemon.life()
    getattr(daemon, end)()
    daemon.start()
    after = daemon.get("persistentvolumeclaims", "v04-daemon")
    assert (after["spec"], after["status"]) == (before["spec"], before["status"])
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert daemon.life() == life
    assert len(daemon.events("v04-daemon", "ProvisioningSucceeded")) == 1
    getattr(daemon, end)()
    daemon.remove("claim.yaml")
    daemon.start()
    daemon.wait_event("v04-daemon", "Kept")
    assert daemon.life() == life
    assert daemon.exec("v04-daemon", "cat", "/data/log") == "run\n"


def test_V04_a_claim_gets_the_volume_that_fits(daemon: Daemon, folder: Path) -> None:
    """The smallest that is big enough, of its class, its modes and its labels."""
    for name in ("small", "right", "big", "other"):
        (folder / name).mkdir()
        (folder / name / "name").write_text(name)
    fast = {"storageClassName": "v04-fast"}
    volumes = (
        volume("v04-small", folder / "small", "1Gi", {"disk": "ssd"}, **fast),
        volume("v04-right", folder / "right", "2Gi", {"disk": "ssd"}, **fast),
        volume("v04-big", folder / "big", "5Gi", {"disk": "ssd"}, **fast),
        volume("v04-other", folder / "other", "2Gi", {"disk": "hdd"}, **fast),
    )
    wanted = claim("v04-fits", "2Gi", selector={"matchLabels": {"disk": "ssd"}}, **fast)
    daemon.write(text(*volumes, wanted, using("v04-fits", "v04-fits")))
    daemon.wait_ready("v04-fits")
    assert daemon.exec("v04-fits", "cat", "/data/name") == "right"
    found = daemon.client.get("/api/v1/persistentvolumes/v04-right")
    assert found["status"]["phase"] == "Bound"
    assert found["spec"]["claimRef"]["name"] == "v04-fits"
    assert daemon.client.get("/api/v1/persistentvolumes/v04-big")["status"]["phase"] == "Available"


def test_V04_a_claim_may_name_its_volume_and_a_volume_its_claim(daemon: Daemon, folder: Path) -> None:
    for name in ("named", "naming"):
        (folder / name).mkdir()
        (folder / name / "name").write_text(name)
    affinity = {"required": {"nodeSelectorTerms": [{"matchFields": []}]}}
    local = {"local": {"path": str(folder / "named")}, "nodeAffinity": affinity, "storageClassName": "v04-named"}
    named = volume("v04-named", folder, **local)
    del named["spec"]["hostPath"]
    ref = {"namespace": "default", "name": "v04-naming"}
    daemon.write(
        text(
            named,
            claim("v04-named", volumeName="v04-named", storageClassName="v04-named"),
            using("v04-named", "v04-named"),
            volume("v04-naming", folder / "naming", claimRef=ref),
            claim("v04-naming", storageClassName=""),
            using("v04-naming", "v04-naming", readOnly=True),
        )
    )
    for name in ("named", "naming"):
        daemon.wait_ready(f"v04-{name}")
        assert daemon.exec(f"v04-{name}", "cat", "/data/name") == name
    daemon.exec("v04-naming", "touch", "/data/new", code=1)
    daemon.exec("v04-named", "touch", "/data/new")


def test_V04_a_claim_that_nothing_fits_waits_and_is_bound_when_a_volume_comes(daemon: Daemon, folder: Path) -> None:
    daemon.write(text(claim("v04-none", storageClassName=""), using("v04-none", "v04-none")))
    told = daemon.wait_event("v04-none", "FailedBinding")
    assert told["message"] == "no persistent volumes available for this claim and no storage class is set"
    told = daemon.wait_event("v04-none", "FailedScheduling")
    assert told["message"] == "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    daemon.write(text(volume("v04-none", folder)), "volume.yaml")
    daemon.wait_ready("v04-none")


def test_V04_a_claim_s_edit_may_only_ask_for_more(daemon: Daemon) -> None:
    daemon.write(text(claim("v04-edit")))
    daemon.wait_for("persistentvolumeclaims", "v04-edit", is_bound)
    daemon.write(text(claim("v04-edit", "2Gi")))
    daemon.wait_for(
        "persistentvolumeclaims", "v04-edit", lambda found: found["status"].get("capacity") == {"storage": "2Gi"}
    )
    daemon.write(text(claim("v04-edit", "2Gi", accessModes=["ReadWriteMany"])))
    daemon.wait_problem("spec is immutable after creation")
    daemon.write(text(claim("v04-edit", "1Gi")))
    daemon.wait_problem("field can not be less than previous value")
    daemon.write(text(claim("v04-edit", "2Gi")))
    daemon.wait_problem("")


def test_V04_a_class_may_wait_for_the_first_pod_and_may_make_nothing(daemon: Daemon) -> None:
    def storage_class(name: str, provisioner: str, **fields: Any) -> Document:
        head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
        return {**head, "provisioner": provisioner, **fields}

    lazy = storage_class("v04-lazy", "example.com/any", volumeBindingMode="WaitForFirstConsumer")
    documents = (
        lazy,
        storage_class("v04-barren", "kubernetes.io/no-provisioner"),
        claim("v04-lazy", storageClassName="v04-lazy"),
        claim("v04-barren", storageClassName="v04-barren"),
    )
    daemon.write(text(*documents), "claims.yaml")
    assert "first consumer" in daemon.wait_event("v04-lazy", "WaitForFirstConsumer")["message"]
    assert "no volume plugin matched" in daemon.wait_event("v04-barren", "ProvisioningFailed")["message"]
    daemon.write(text(using("v04-lazy", "v04-lazy")))
    daemon.wait_ready("v04-lazy")
    assert not is_bound(daemon.get("persistentvolumeclaims", "v04-barren"))


def test_V04_a_claim_shared_by_pods_is_one_folder(daemon: Daemon) -> None:
    shared = claim("v04-shared", accessModes=["ReadWriteMany"])
    writer = using("v04-writer", "v04-shared", "echo hello >/data/word")
    reader = using("v04-reader", "v04-shared", "until grep -s hello /data/word; do sleep 0.1; done")
    daemon.write(text(shared, writer, reader))
    assert daemon.wait_log("v04-reader", "hello")


def test_V04_two_daemons_share_no_claim(new_daemon: Callable[..., Daemon]) -> None:
    first, second = new_daemon().start(), new_daemon().start()
    script = "test ! -e /data/mine && touch /data/mine && echo alone"
    for daemon in (first, second):
        daemon.write(text(claim("same"), using("same", "same", script)))
    for daemon in (first, second):
        daemon.wait_log("same", "alone")
        assert (daemon.home / "state" / "claims" / "default" / "same" / "mine").exists()
