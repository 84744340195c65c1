"""Which claim gets which volume, as Kubernetes' persistent volume controller decides it; nothing is made here.

A claim that is bound stays bound.  Others get, in this order: the volume that they name; a volume that names them; the
smallest one that fits; or, where their class makes volumes, a new directory of this host.  Every class makes such
directories, also one that has no StorageClass here (a cluster's "standard" or "gp3"), but one without a provisioner,
and "", which asks for a volume that is there.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from orchestrator.objects.claims import PersistentVolumeClaim
from orchestrator.objects.scalars import parse_quantity
from orchestrator.objects.storage import DEFAULT_CLASS, PersistentVolume, StorageClass
from orchestrator.planning.ops import EventNote

Name = tuple[str, str]
"""Namespace and name of a claim."""

NO_PROVISIONER = "kubernetes.io/no-provisioner"
_WAITS = EventNote("Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
_NO_VOLUME = "no persistent volumes available for this claim and no storage class is set"
_LOST = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"


@dataclass(frozen=True, slots=True)
class Binding:
    """What becomes of a claim: the name of its volume, whether that has to be made, and what is told of it."""

    volume: str = ""
    provision: bool = False
    lost: bool = False
    note: EventNote | None = None


def name_of(claim: PersistentVolumeClaim) -> Name:
    """Give a claim's namespace and name."""
    return claim.metadata.namespace, claim.metadata.name


def provisioned_name(claim: PersistentVolumeClaim) -> str:
    """The name of the volume that is made for a claim."""
    return f"pvc-{claim.metadata.uid}"


def is_bound(claim: PersistentVolumeClaim) -> bool:
    """Whether a claim has a volume, or had one that is gone."""
    return claim.status.phase in ("Bound", "Lost")


def bind(
    claims: Iterable[PersistentVolumeClaim],
    volumes: Mapping[str, PersistentVolume],
    classes: Mapping[str, StorageClass],
    used: Collection[Name],
) -> dict[Name, Binding]:
    """Decide for every claim; `volumes` are those with a document, `used` the claims that a pod mounts."""
    ordered = sorted(claims, key=name_of)
    made: dict[Name, Binding] = {}
    taken: set[str] = set()
    for claim in (claim for claim in ordered if is_bound(claim)):
        volume = claim.spec.volume_name
        gone = volume not in volumes and volume != provisioned_name(claim)
        note = EventNote("Warning", "ClaimLost", _LOST) if gone else None
        made[name_of(claim)] = Binding(volume, lost=gone, note=note)
        taken.add(volume)
    free = [claim for claim in ordered if not is_bound(claim)]
    for claim in sorted(free, key=lambda claim: not _is_chosen(claim, volumes.values())):
        there = [volume for name, volume in volumes.items() if name not in taken and _is_usable(volume)]
        binding = _choose(claim, there, volumes, classes, name_of(claim) in used)
        made[name_of(claim)] = binding
        taken.add(binding.volume)
    return made


def _is_usable(volume: PersistentVolume) -> bool:
    """Whether it lies on this host, and nobody's data is on it."""
    return bool(volume.spec.host_path or volume.spec.local) and volume.status.phase != "Released"


def _is_chosen(claim: PersistentVolumeClaim, volumes: Iterable[PersistentVolume]) -> bool:
    """Whether the claim names its volume, or a volume its claim: those come first."""
    return bool(claim.spec.volume_name) or any(_names(volume, claim) for volume in volumes)


def _names(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    ref = volume.spec.claim_ref
    if ref is None:
        return False
    return (ref.namespace, ref.name) == name_of(claim) and ref.uid in ("", claim.metadata.uid)


def _choose(
    claim: PersistentVolumeClaim,
    free: list[PersistentVolume],
    volumes: Mapping[str, PersistentVolume],
    classes: Mapping[str, StorageClass],
    used: bool,
) -> Binding:
    if claim.spec.volume_name:
        return _named(claim, free, volumes)
    own_class = class_of(claim, classes)
    found = classes.get(own_class or "")
    if found is not None and found.volume_binding_mode == "WaitForFirstConsumer" and not used:
        return Binding(note=_WAITS)
    fitting = [volume for volume in free if _fits(claim, volume, own_class or "")]
    if fitting:
        best = min(fitting, key=lambda v: (not _names(v, claim), _size(v), v.metadata.name))
        return Binding(best.metadata.name)
    if claim.spec.volume_mode == "Block":
        return Binding(note=EventNote("Warning", "ProvisioningFailed", "block volumes cannot be made on this host"))
    if own_class == "":
        return Binding(note=EventNote("Normal", "FailedBinding", _NO_VOLUME))
    if found is not None and found.provisioner == NO_PROVISIONER:
        text = f"no volume plugin matched name: {NO_PROVISIONER}"
        return Binding(note=EventNote("Warning", "ProvisioningFailed", text))
    volume = provisioned_name(claim)
    return Binding(
        volume,
        provision=True,
        note=EventNote("Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {volume}"),
    )


def class_of(claim: PersistentVolumeClaim, classes: Mapping[str, StorageClass]) -> str | None:
    """The claim's class, or the default one; None where there is neither."""
    if claim.spec.storage_class_name is not None:
        return claim.spec.storage_class_name
    marked = [name for name, made in classes.items() if made.metadata.annotations.get(DEFAULT_CLASS) == "true"]
    return min(marked, default=None)


def _named(
    claim: PersistentVolumeClaim, free: list[PersistentVolume], volumes: Mapping[str, PersistentVolume]
) -> Binding:
    """The volume that the claim asks for by name: it must be big enough, of its class, and nobody else's."""
    name = claim.spec.volume_name
    volume = volumes.get(name)
    if volume is None:
        return Binding(note=EventNote("Normal", "FailedBinding", f'persistent volume "{name}" not found'))
    problem = ""
    if _size(volume) < _wanted(claim):
        problem = "requested PV is too small"
    elif volume.spec.storage_class_name != (claim.spec.storage_class_name or ""):
        problem = "storageClassName does not match"
    elif volume.spec.volume_mode != claim.spec.volume_mode:
        problem = "incompatible volumeMode"
    elif not set(claim.spec.access_modes) <= set(volume.spec.access_modes):
        problem = "incompatible accessMode"
    elif not (volume.spec.host_path or volume.spec.local):
        problem = "it does not lie on this host"
    if problem:
        text = f'Cannot bind to requested volume "{name}": {problem}'
        return Binding(note=EventNote("Warning", "VolumeMismatch", text))
    if volume not in free or (volume.spec.claim_ref is not None and not _names(volume, claim)):
        text = f'volume "{name}" already bound to a different claim.'
        return Binding(note=EventNote("Warning", "FailedBinding", text))
    return Binding(name)


def _fits(claim: PersistentVolumeClaim, volume: PersistentVolume, own_class: str) -> bool:
    spec = claim.spec
    if _size(volume) < _wanted(claim) or volume.spec.volume_mode != spec.volume_mode:
        return False
    if volume.spec.claim_ref is not None:
        return _names(volume, claim)
    return (
        volume.spec.storage_class_name == own_class
        and set(spec.access_modes) <= set(volume.spec.access_modes)
        and (spec.selector is None or spec.selector.matches(volume.metadata.labels))
    )


def _size(volume: PersistentVolume) -> Fraction:
    return parse_quantity(volume.spec.capacity.get("storage", "0"))


def _wanted(claim: PersistentVolumeClaim) -> Fraction:
    return parse_quantity(claim.spec.resources.requests.get("storage", "0"))
