"""Which images this daemon has pulled, for whom, and when they were last used; in the journal, for the next daemon.

The engine knows none of it.  Only what is written here is ever collected: another's images are another's.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, replace

from orchestrator.planning.image_collection import PulledImage
from orchestrator.state.journal import Journal

BUCKET = "images"


class ImageLedger:
    """All of them, by id."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._images = dict(journal.all(BUCKET, PulledImage))

    def all(self) -> Mapping[str, PulledImage]:
        """Every image that is written here, by id."""
        return dict(self._images)

    def get(self, image_id: str) -> PulledImage | None:
        """One of them."""
        return self._images.get(image_id)

    def id_of(self, name: str, platform: str) -> str:
        """The image that was pulled last under this name for this platform, "" for none."""
        found = [image for image in self._images.values() if (name, platform) in image.pulls]
        return max(found, key=lambda image: image.pulled_at).id if found else ""

    def is_by_choice(self, image_id: str) -> bool:
        """Whether somebody has it who asked for no platform: what a pod's annotation brought is for such pods alone."""
        known = self._images.get(image_id)
        return known is None or any(not platform for _, platform in known.pulls)

    def pulled(self, image_id: str, name: str, platform: str, now: float, *, new: bool) -> None:
        """A pull has ended well; `new` says that the image was not there before."""
        known = self._images.get(image_id)
        pulls = (*known.pulls, (name, platform)) if known else ((name, platform),)
        ours = known.ours if known else new
        self._keep(PulledImage(image_id, tuple(dict.fromkeys(pulls)), now, now, ours))

    def used(self, image_ids: Iterable[str], now: float) -> None:
        """Containers have these images now."""
        for image_id in image_ids:
            if known := self._images.get(image_id):
                self._keep(replace(known, used_at=now))

    def keep(self, present: Collection[str]) -> None:
        """Forget what somebody has removed: only these are left in the engine."""
        for image_id in self._images.keys() - {*present}:
            self.forget(image_id)

    def forget(self, image_id: str) -> None:
        """It is gone from the engine."""
        self._images.pop(image_id, None)
        self._journal.delete(BUCKET, image_id)

    def _keep(self, image: PulledImage) -> None:
        self._images[image.id] = image
        self._journal.put(BUCKET, image.id, asdict(image))
