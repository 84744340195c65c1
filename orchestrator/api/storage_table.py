"""Claims and volumes as kubectl's tables show them.  Pure."""

from collections.abc import Iterable

from orchestrator.api.ages import age
from orchestrator.objects.claims import PersistentVolumeClaim
from orchestrator.objects.storage import PersistentVolume

CLAIM_COLUMNS = (
    "Name", "Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass", "Age",
    "VolumeMode",
)  # fmt: skip
VOLUME_COLUMNS = (
    "Name", "Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim", "StorageClass", "VolumeAttributesClass",
    "Reason", "Age", "VolumeMode",
)  # fmt: skip

_SHORT = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_UNSET = "<unset>"


def short_modes(modes: Iterable[str]) -> str:
    """Give "RWO,RWX" of access modes, in Kubernetes' order."""
    given = set(modes)
    return ",".join(short for mode, short in _SHORT.items() if mode in given)


def claim_cells(claim: PersistentVolumeClaim, now: float) -> tuple[str, ...]:
    """The row of a claim; what it has been given is told once it has a volume."""
    spec, status = claim.spec, claim.status
    bound = bool(spec.volume_name)
    return (
        claim.metadata.name,
        "Terminating" if claim.metadata.deletion_timestamp else status.phase,
        spec.volume_name,
        status.capacity.get("storage", "0") if bound else "",
        short_modes(status.access_modes) if bound else "",
        spec.storage_class_name or "",
        spec.volume_attributes_class_name or _UNSET,
        age(claim.metadata.creation_timestamp, now),
        spec.volume_mode,
    )


def volume_cells(volume: PersistentVolume, now: float) -> tuple[str, ...]:
    """The row of a volume."""
    spec, ref = volume.spec, volume.spec.claim_ref
    return (
        volume.metadata.name,
        spec.capacity.get("storage", "0"),
        short_modes(spec.access_modes),
        spec.persistent_volume_reclaim_policy,
        volume.status.phase,
        f"{ref.namespace}/{ref.name}" if ref else "",
        spec.storage_class_name,
        spec.volume_attributes_class_name or _UNSET,
        volume.status.reason,
        age(volume.metadata.creation_timestamp, now),
        spec.volume_mode,
    )
