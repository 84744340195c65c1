"""Claims and their volumes: binds them, makes the directories, and keeps the data until somebody deletes the claim.

    <state-dir>/claims/<namespace>/<claim>     the data of a claim that has no PersistentVolume of its own

The decisions are `planning.binding`'s.  A claim whose document goes is kept, with its data, and told of once: a file
that was moved by mistake must never cost a database.  The journal has every claim, so that it is there after a
restart, and one that comes again under its name gets its data back.  Only a claim that is being deleted takes its data
with it.
"""

import asyncio
import logging
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from orchestrator.errors import Invalid
from orchestrator.objects import registry
from orchestrator.objects.claims import PersistentVolumeClaim
from orchestrator.objects.pod import Pod
from orchestrator.objects.storage import PersistentVolume, StorageClass
from orchestrator.objects.times import format_time
from orchestrator.planning.binding import Binding, Name, bind, is_bound, name_of, provisioned_name
from orchestrator.planning.claims import (
    bound_claim,
    claim_volume,
    claims_of,
    fate_of_data,
    is_provisioned,
    owned_volume,
    provisioned_volume,
    retained_in,
)
from orchestrator.planning.ops import EventNote
from orchestrator.planning.surroundings import ClaimVolume
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import KEPT, SPECS, Change, Expired, Key, Store

log = logging.getLogger(__name__)

CLAIM, VOLUME, CLASS = "PersistentVolumeClaim", "PersistentVolume", "StorageClass"
_BUCKET = "claims"
_MADE = "made for claims"
"""The owner of volumes that have no document."""
_TRASH = ".deleted"


class _Known(msgspec.Struct, frozen=True):
    """What the journal has of a claim."""

    claim: dict[str, Any]
    desired: dict[str, Any]
    volume: dict[str, Any] | None = None
    orphan: bool = False


class ClaimKeeper:
    """All claims of one instance.  `folder` holds the data of those that have no volume of their own."""

    def __init__(
        self, store: Store, journal: Journal, recorder: EventRecorder, folder: Path, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._journal = journal
        self._recorder = recorder
        self._folder = folder
        self._trash = folder / _TRASH
        self._clock = clock
        self._told: dict[Name, str] = {}
        """What was last told of a claim that waits."""
        self._of: dict[str, dict[str, ClaimVolume]] = {}

    def of(self, namespace: str) -> Mapping[str, ClaimVolume]:
        """Where the claims of a namespace have their data, by name."""
        return self._of.get(namespace, {})

    def restore(self) -> None:
        """At start, before the folder is applied: every claim of an earlier daemon is there again, as it was.

        Until the folder says otherwise its document counts as being there.
        """
        for name, document in self._journal.items(_BUCKET):
            try:
                known = msgspec.convert(document, _Known)
                claim, desired = registry.convert(known.claim), registry.convert(known.desired)
                volume = registry.convert(known.volume) if known.volume else None
            except (Invalid, msgspec.ValidationError) as error:
                # It stays in the journal: the version that wrote it may come back.
                log.warning("the journal's claim %s cannot be read: %s", name, error)
                continue
            self._store.put(KEPT if known.orphan else SPECS, claim, desired=desired)
            if volume is not None:
                self._store.put(_MADE, volume)

    async def run(self) -> None:
        """Follow volumes, classes, pods and claims, for ever."""
        watch = self._store.watch()
        self.reconcile()
        while True:
            await self._empty_trash()
            try:
                changes = await watch.next()
            except Expired:
                watch.restart()
                self.reconcile()
                continue
            if any(_concerns(change) for change in changes):
                self.reconcile()

    def reconcile(self) -> None:
        """Bind what can be bound, and tell what cannot; done again it changes nothing."""
        used = set(self._used())
        for claim in self._store.list(CLAIM):
            if claim.metadata.deletion_timestamp and name_of(claim) not in used:
                self._end(claim)
        claims: list[PersistentVolumeClaim] = self._store.list(CLAIM)
        volumes: list[PersistentVolume] = self._store.list(VOLUME)
        documented = {volume.metadata.name: volume for volume in volumes if not is_provisioned(volume)}
        classes: dict[str, StorageClass] = {made.metadata.name: made for made in self._store.list(CLASS)}
        bindings = bind(claims, documented, classes, used)
        owners: dict[str, PersistentVolumeClaim] = {}
        for claim in claims:
            binding = bindings[name_of(claim)]
            volume = documented.get(binding.volume) or self._provisioned(claim, binding, classes)
            self._settle(claim, binding, volume)
            if volume is not None:
                owners[binding.volume] = claim
        for volume in self._store.list(VOLUME):
            self._tell_volume(volume, owners.get(volume.metadata.name))
        self._publish()

    def _used(self) -> Iterator[Name]:
        for pod in self._store.list("Pod"):
            yield from ((pod.metadata.namespace, claim) for claim in claims_of(pod))

    # --- claims ---

    def _provisioned(
        self, claim: PersistentVolumeClaim, binding: Binding, classes: Mapping[str, StorageClass]
    ) -> PersistentVolume | None:
        """The volume that is made for a claim, with its directory; None when it needs none or that cannot be made."""
        if binding.volume != provisioned_name(claim):
            return None
        found: PersistentVolume | None = self._store.get(Key(VOLUME, "", binding.volume))
        if found is not None:
            # Where its directory is missing (a disk that is not there), an empty one in its place would do harm.
            capacity = {"storage": claim.spec.resources.requests["storage"]}
            self._store.fill_in(replace(found, spec=replace(found.spec, capacity=capacity)))
            return self._store.get(Key(VOLUME, "", binding.volume))
        directory = self._directory(claim)
        try:
            if not directory.is_dir():
                directory.mkdir(parents=True)
                # As the provisioners of local directories do it: whoever runs in the pod may write.
                directory.chmod(0o777)
        except OSError as error:
            text = f"failed to provision volume: cannot make {error.filename}: {error.strerror}"
            self._tell(claim, EventNote("Warning", "ProvisioningFailed", text))
            return None
        volume = provisioned_volume(claim, str(directory), classes)
        uid = str(uuid.uuid5(uuid.UUID(claim.metadata.uid), binding.volume))
        meta = replace(volume.metadata, uid=uid, creation_timestamp=format_time(self._clock()))
        volume = replace(volume, metadata=meta)
        self._store.put(_MADE, volume)
        return volume

    def _directory(self, claim: PersistentVolumeClaim) -> Path:
        return self._folder / claim.metadata.namespace / claim.metadata.name

    def _settle(self, claim: PersistentVolumeClaim, binding: Binding, volume: PersistentVolume | None) -> None:
        """Have the claim say what it has, in the store and in the journal, and tell what is new."""
        fresh = bound_claim(claim, binding, volume)
        failed = binding.provision and volume is None
        if binding.note is not None and not failed and (fresh.status != claim.status or not is_bound(claim)):
            self._tell(claim, binding.note)
        if fresh != claim:
            self._store.fill_in(fresh)
        self._keep(name_of(claim))

    def _keep(self, name: Name) -> None:
        record = self._store.record(Key(CLAIM, *name))
        if record is None:
            return
        known = self._journal.get(_BUCKET, "/".join(name))
        orphan = record.owner == KEPT
        volume = self._store.get(Key(VOLUME, "", record.object.spec.volume_name))
        document = {
            "claim": registry.encode(_unversioned(record.object)),
            "desired": registry.encode(record.desired),
            "volume": registry.encode(_unversioned(volume)) if volume and is_provisioned(volume) else None,
            "orphan": orphan,
        }
        self._journal.put(_BUCKET, "/".join(name), document)
        if orphan and not (known and known.get("orphan")):
            self._tell(
                record.object, EventNote("Normal", "Kept", f"its document is gone; {self._where(record.object)}")
            )

    def _where(self, claim: PersistentVolumeClaim) -> str:
        found = claim_volume(claim, self._store.get(Key(VOLUME, "", claim.spec.volume_name)))
        data = f"its data stays in {found.directory}" if found.directory else "it has no data"
        command = f"orchestrator delete pvc {claim.metadata.name} -n {claim.metadata.namespace}"
        return f"{data} until `{command}`, and is there again for a claim of this name"

    def _tell(self, claim: PersistentVolumeClaim, note: EventNote) -> None:
        if self._told.get(name_of(claim)) == note.message:
            return
        self._told[name_of(claim)] = note.message
        self._recorder.record(claim, note.type, note.reason, note.message)
        if note.reason == "Kept":
            log.warning("claim %s/%s: %s", *name_of(claim), note.message)

    # --- volumes ---

    def _tell_volume(self, volume: PersistentVolume, claim: PersistentVolumeClaim | None) -> None:
        told = owned_volume(volume, claim, self._clock())
        if (told.spec, told.status) != (volume.spec, volume.status):
            self._store.update_status(Key(VOLUME, "", volume.metadata.name), volume.metadata.uid, told.status)
            self._store.fill_in(told)

    def _publish(self) -> None:
        found: dict[str, dict[str, ClaimVolume]] = {}
        for claim in self._store.list(CLAIM):
            volume = self._store.get(Key(VOLUME, "", claim.spec.volume_name))
            found.setdefault(claim.metadata.namespace, {})[claim.metadata.name] = claim_volume(claim, volume)
        self._of = found

    # --- the end of a claim ---

    def _end(self, claim: PersistentVolumeClaim) -> None:
        """Put the data where no claim finds it, and let the claim go.

        By a rename, so that a crash leaves all of it or nothing under its name.
        """
        volume: PersistentVolume | None = self._store.get(Key(VOLUME, "", claim.spec.volume_name))
        if volume is not None and is_provisioned(volume):
            directory = self._directory(claim)
            retained = volume.spec.persistent_volume_reclaim_policy == "Retain"
            to = retained_in(directory, claim) if retained else self._trash / claim.metadata.uid
            try:
                to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                if directory.exists():
                    directory.rename(to)
            except OSError as error:
                text = f"cannot delete the data in {directory}: {error.strerror}"
                self._tell(claim, EventNote("Warning", "VolumeFailedDelete", text))
                return
            self._store.drop(Key(VOLUME, "", volume.metadata.name))
        self._journal.delete(_BUCKET, "/".join(name_of(claim)))
        self._told.pop(name_of(claim), None)
        log.info("claim %s/%s is deleted; %s", *name_of(claim), fate_of_data(claim, volume))
        self._store.finalize(Key(CLAIM, *name_of(claim)), claim.metadata.uid)

    async def _empty_trash(self) -> None:
        if self._trash.exists():
            await asyncio.to_thread(shutil.rmtree, self._trash, ignore_errors=True)


def _unversioned(obj: Any) -> Any:
    """Without what changes with every change of the status."""
    return replace(obj, metadata=replace(obj.metadata, resource_version=""))


def _concerns(change: Change) -> bool:
    if change.key.kind in (CLAIM, VOLUME, CLASS):
        return True
    uses = (claims_of(pod) for pod in (change.object, change.previous) if isinstance(pod, Pod))
    return change.key.kind == "Pod" and change.type != "MODIFIED" and any(uses)
