"""Claims and their volumes as objects: what they say once they are bound, what becomes of data, what pods get of them.

Which volume a claim gets is decided in `binding`.
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal, TypeVar

from msgspec.structs import replace

from orchestrator.objects.claims import PersistentVolumeClaim, PersistentVolumeClaimStatus
from orchestrator.objects.meta import ObjectMeta, ObjectReference
from orchestrator.objects.pod import Pod
from orchestrator.objects.storage import PersistentVolume, PersistentVolumeSpec, StorageClass
from orchestrator.objects.times import format_time
from orchestrator.objects.volumes import HostPathVolumeSource
from orchestrator.planning.binding import Binding, class_of, provisioned_name
from orchestrator.planning.surroundings import ClaimVolume

P = TypeVar("P", bound=PurePath)

PROVISIONER = "orchestrator.dev/directory"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
"""Annotation of a volume that was made for its claim: its data goes with the claim."""


def bound_claim(
    claim: PersistentVolumeClaim, binding: Binding, volume: PersistentVolume | None
) -> PersistentVolumeClaim:
    """The claim as it is with its volume."""
    if binding.lost:
        return replace(claim, status=replace(claim.status, phase="Lost"))
    if volume is None:
        return replace(claim, status=PersistentVolumeClaimStatus())
    modes, capacity = volume.spec.access_modes, dict(volume.spec.capacity)
    status = PersistentVolumeClaimStatus(phase="Bound", access_modes=modes, capacity=capacity)
    own_class = claim.spec.storage_class_name
    if own_class is None:
        # That of the default class, which admission fills in on a cluster.
        own_class = volume.spec.storage_class_name or None
    return replace(
        claim, spec=replace(claim.spec, volume_name=binding.volume, storage_class_name=own_class), status=status
    )


def owned_volume(volume: PersistentVolume, claim: PersistentVolumeClaim | None, now: float) -> PersistentVolume:
    """The volume as it is with the claim that has it.

    Available, Bound, or Released when its claim was deleted: then somebody's data is still on it.
    """
    was_bound = volume.status.phase in ("Bound", "Released")
    phase: Literal["Bound", "Released", "Available"] = "Bound" if claim else "Released" if was_bound else "Available"
    status = volume.status
    if status.phase != phase:
        status = replace(status, phase=phase, last_phase_transition_time=format_time(now))
    ref = _reference(claim) if claim is not None else volume.spec.claim_ref
    return replace(volume, spec=replace(volume.spec, claim_ref=ref), status=status)


def _reference(claim: PersistentVolumeClaim) -> ObjectReference:
    """What a volume says of its claim."""
    meta = claim.metadata
    return ObjectReference(
        api_version="v1", kind="PersistentVolumeClaim", namespace=meta.namespace, name=meta.name, uid=meta.uid
    )


def provisioned_volume(
    claim: PersistentVolumeClaim, directory: str, classes: Mapping[str, StorageClass]
) -> PersistentVolume:
    """The volume that is made for a claim: as big as it asks, for there is nothing that bounds a directory."""
    storage = claim.spec.resources.requests.get("storage", "0")
    own_class = class_of(claim, classes) or ""
    made_by = classes.get(own_class)
    spec = PersistentVolumeSpec(
        access_modes=claim.spec.access_modes,
        capacity={"storage": storage},
        claim_ref=_reference(claim),
        persistent_volume_reclaim_policy=made_by.reclaim_policy if made_by else "Delete",
        storage_class_name=own_class,
        host_path=HostPathVolumeSource(path=directory, type="Directory"),
    )
    meta = ObjectMeta(name=provisioned_name(claim), annotations={PROVISIONED_BY: PROVISIONER})
    return PersistentVolume(metadata=meta, spec=spec)


def is_provisioned(volume: PersistentVolume) -> bool:
    """Whether a volume was made for its claim."""
    return volume.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER


# --- its end ---


def fate_of_data(claim: PersistentVolumeClaim, volume: PersistentVolume | None) -> str:
    """What the deletion of a claim does to its data, in a sentence."""
    if volume is None or (volume.spec.host_path is None and volume.spec.local is None):
        return "it has no data"
    if not is_provisioned(volume):
        return f"its data stays in volume {volume.metadata.name}"
    assert volume.spec.host_path is not None
    directory = volume.spec.host_path.path
    if volume.spec.persistent_volume_reclaim_policy == "Retain":
        return f"its data is kept in {retained_in(PurePath(directory), claim)} (reclaimPolicy Retain)"
    return f"its data in {directory} goes with it"


def retained_in(directory: P, claim: PersistentVolumeClaim) -> P:
    """Where the data of a claim goes that its class retains: beside it, where no other claim finds it."""
    return directory.with_name(f"{directory.name}.{claim.metadata.uid}")


# --- for a pod ---


def claim_volume(claim: PersistentVolumeClaim, volume: PersistentVolume | None) -> ClaimVolume:
    """Where a claim's data lies, for the pods that mount it."""
    name = claim.metadata.name
    if claim.metadata.deletion_timestamp:
        return ClaimVolume(problem=f'persistentvolumeclaim "{name}" is being deleted')
    if claim.status.phase == "Lost":
        lost = claim.spec.volume_name
        return ClaimVolume(problem=f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{lost}"')
    if claim.status.phase != "Bound" or volume is None:
        return ClaimVolume(problem="pod has unbound immediate PersistentVolumeClaims")
    if volume.spec.local is not None:
        return ClaimVolume(volume.spec.local.path, "Directory", managed=True)
    assert volume.spec.host_path is not None
    source = volume.spec.host_path
    return ClaimVolume(source.path, source.type, managed=is_provisioned(volume))


def claims_of(pod: Pod) -> tuple[str, ...]:
    """The names of the claims that a pod mounts."""
    sources = (volume.persistent_volume_claim for volume in pod.spec.volumes)
    return tuple(dict.fromkeys(source.claim_name for source in sources if source is not None))


def unclaimed(pod: Pod, claims: Mapping[str, ClaimVolume]) -> str:
    """Why a pod cannot be placed on this host yet, in the scheduler's words: a claim is missing; "" when it can."""
    for name in claims_of(pod):
        found = claims.get(name)
        problem = f'persistentvolumeclaim "{name}" not found' if found is None else found.problem
        if problem:
            return f"0/1 nodes are available: {problem}."
    return ""
