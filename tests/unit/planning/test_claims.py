"""V04: which claim gets which volume."""

from typing import Any

import pytest
from msgspec.structs import replace

from orchestrator.objects.claims import PersistentVolumeClaim
from orchestrator.objects.storage import PersistentVolume, StorageClass
from orchestrator.planning.binding import Binding, bind
from orchestrator.planning.claims import bound_claim, owned_volume, unclaimed
from orchestrator.planning.surroundings import ClaimVolume
from tests.unit.planning.builders import decoded, pod

UID = "11111111-0000-4000-8000-000000000000"


def claim(name: str = "c", storage: str = "1Gi", **spec: Any) -> PersistentVolumeClaim:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}, **spec}
    head = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}}
    made: PersistentVolumeClaim = decoded({**head, "spec": wanted})
    return replace(made, metadata=replace(made.metadata, uid=UID))


def volume(name: str, storage: str = "1Gi", labels: dict[str, str] | None = None, **spec: Any) -> PersistentVolume:
    wanted = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": storage}, "hostPath": {"path": "/v"}, **spec}
    head = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "labels": labels or {}}}
    made: PersistentVolume = decoded({**head, "spec": wanted})
    return made


def storage_class(name: str, default: bool = False, **fields: Any) -> StorageClass:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass"}
    meta = {"name": name, "annotations": annotations}
    made: StorageClass = decoded({**head, "metadata": meta, "provisioner": "example.com/any", **fields})
    return made


def chosen(wanted: PersistentVolumeClaim, *objects: Any, used: bool = False) -> Binding:
    volumes = {one.metadata.name: one for one in objects if isinstance(one, PersistentVolume)}
    classes = {one.metadata.name: one for one in objects if isinstance(one, StorageClass)}
    key = (wanted.metadata.namespace, wanted.metadata.name)
    return bind([wanted], volumes, classes, {key} if used else ())[key]


def told(binding: Binding) -> str:
    assert binding.note is not None
    assert not binding.volume
    return f"{binding.note.reason}: {binding.note.message}"


def test_V04_without_a_volume_that_fits_one_is_made_whatever_the_class() -> None:
    for wanted in (claim(), claim(storageClassName="gp3")):
        binding = chosen(wanted, volume("small", "1Mi", storageClassName="gp3"))
        assert (binding.volume, binding.provision) == (f"pvc-{UID}", True)


@pytest.mark.parametrize(
    "other",
    [
        volume("a", "2Gi"),
        volume("a", "1Mi"),
        volume("a", storageClassName="slow"),
        volume("a", accessModes=["ReadOnlyMany"]),
        volume("a", volumeMode="Block"),
        volume("a", claimRef={"namespace": "default", "name": "somebody"}),
        volume("a", claimRef={"namespace": "default", "name": "c", "uid": "of another life"}),
    ],
)
def test_V04_the_smallest_volume_that_fits_is_taken(other: PersistentVolume) -> None:
    assert chosen(claim(), other, volume("b"), volume("c", "3Gi")).volume == "b"


def test_V04_labels_and_a_volume_s_own_choice_count() -> None:
    by_label = claim(selector={"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]})
    assert chosen(by_label, volume("a"), volume("b", labels={"disk": "ssd"})).volume == "b"
    naming = volume("z", "9Gi", claimRef={"namespace": "default", "name": "c"})
    assert chosen(claim(), volume("a"), naming).volume == "z"


def test_V04_a_volume_is_bound_once_and_who_is_named_comes_first() -> None:
    first, second = claim("a"), claim("b", volumeName="only")
    made = bind([first, second], {"only": volume("only")}, {}, ())
    assert made["default", "b"].volume == "only"
    assert made["default", "a"].provision


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ((), 'FailedBinding: persistent volume "v" not found'),
        ((volume("v", "1Mi"),), 'VolumeMismatch: Cannot bind to requested volume "v": requested PV is too small'),
        (
            (volume("v", storageClassName="x"),),
            'VolumeMismatch: Cannot bind to requested volume "v": storageClassName does not match',
        ),
        (
            (volume("v", accessModes=["ReadOnlyMany"]),),
            'VolumeMismatch: Cannot bind to requested volume "v": incompatible accessMode',
        ),
        (
            (volume("v", claimRef={"namespace": "default", "name": "somebody"}),),
            'FailedBinding: volume "v" already bound to a different claim.',
        ),
    ],
)
def test_V04_a_volume_that_is_named_and_cannot_be_had_is_told(there: tuple[Any, ...], words: str) -> None:
    assert told(chosen(claim(volumeName="v"), *there)) == words


def test_V04_what_classes_say() -> None:
    empty = claim(storageClassName="")
    assert "no storage class is set" in told(chosen(empty, storage_class("standard", default=True)))
    barren = storage_class("b", provisioner="kubernetes.io/no-provisioner")
    assert "no volume plugin matched" in told(chosen(claim(storageClassName="b"), barren))
    lazy = storage_class("l", volumeBindingMode="WaitForFirstConsumer")
    assert told(chosen(claim(storageClassName="l"), lazy)).startswith("WaitForFirstConsumer: ")
    assert chosen(claim(storageClassName="l"), lazy, used=True).provision
    assert told(chosen(claim(volumeMode="Block"))).startswith("ProvisioningFailed: ")
    # A claim without a class has the default one, also when volumes are looked for.
    found = chosen(claim(), storage_class("standard", default=True), volume("v", storageClassName="standard"))
    assert found.volume == "v"


def test_V04_what_is_bound_stays_and_is_lost_with_its_volume() -> None:
    better, own = volume("a"), volume("z", "5Gi")
    bound = bound_claim(claim(), Binding("z"), own)
    assert bound.status.capacity == {"storage": "5Gi"}
    assert chosen(bound, better, own) == Binding("z")
    lost = chosen(bound, better)
    assert lost.lost
    again = chosen(bound_claim(bound, lost, None), better, own)
    assert again == Binding("z")


def test_V04_a_volume_that_was_released_or_is_of_a_cluster_is_nobody_s() -> None:
    released = volume("a")
    released = replace(released, status=replace(released.status, phase="Released"))
    nfs = volume("b", nfs={"server": "s", "path": "/"}, hostPath=None)
    assert chosen(claim(), released, nfs).provision


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({}, '0/1 nodes are available: persistentvolumeclaim "c" not found.'),
        ({"c": ClaimVolume(problem="it waits")}, "0/1 nodes are available: it waits."),
        ({"c": ClaimVolume("/there")}, ""),
    ],
)
def test_V04_a_pod_waits_for_its_claims(claims: dict[str, ClaimVolume], words: str) -> None:
    spec = (
        "volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]\n"
        'containers: [{name: web, image: "web:1", volumeMounts: [{name: v, mountPath: /v}]}]'
    )
    assert unclaimed(pod(spec), claims) == words


def test_V04_a_volume_is_released_once_its_claim_is_gone_and_its_phase_says_since_when() -> None:
    fresh = owned_volume(volume("v"), None, 0.0)
    assert (fresh.status.phase, fresh.spec.claim_ref) == ("Available", None)
    bound = owned_volume(fresh, claim(), 60.0)
    assert bound.spec.claim_ref is not None
    assert (bound.status.phase, bound.spec.claim_ref.uid) == ("Bound", UID)
    assert owned_volume(bound, claim(), 120.0) == bound
    released = owned_volume(bound, None, 180.0)
    assert (released.status.phase, released.spec) == ("Released", bound.spec)
    assert owned_volume(released, None, 240.0) == released
    since = [each.status.last_phase_transition_time for each in (fresh, bound, released)]
    assert since == ["1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z", "1970-01-01T00:03:00Z"]
