"""The simulated engine's images, and the registry that it pulls from."""

import hashlib
from dataclasses import dataclass, field

from orchestrator.engine.base import Image, PullProgress
from orchestrator.errors import NotFound


def full_name(name: str) -> str:
    """The name as the engine keeps it: Docker Hub's prefix left out, the tag always there."""
    name = name.removeprefix("docker.io/").removeprefix("library/")
    return name if {":", "@"} & set(name.rpartition("/")[2]) else f"{name}:latest"


def _image(name: str, content: bytes, user: str = "", stop_signal: str = "") -> Image:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    repository = name.rpartition(":")[0]
    return Image(digest, (name,), (f"{repository}@{digest}",), "amd64", 1_000_000, user, stop_signal)


@dataclass(slots=True)
class SimulatedImages:
    """Images by name.  `registry` holds those that can be pulled."""

    local: dict[str, Image] = field(default_factory=dict)
    registry: dict[str, Image] = field(default_factory=dict)

    def add(self, name: str, *, user: str = "", stop_signal: str = "", local: bool = True) -> Image:
        """Make an image that the engine has, or (not `local`) that it can pull."""
        name = full_name(name)
        image = _image(name, name.encode(), user, stop_signal)
        (self.local if local else self.registry)[name] = image
        return image

    def load(self, tar: bytes, name: str, changes: tuple[str, ...]) -> Image:
        """Import a tar; of the changes, USER counts."""
        set_by = dict(change.split(" ", 1) for change in changes)
        name = full_name(name)
        content = tar + "\n".join(changes).encode()
        self.local[name] = _image(name, content, set_by.get("USER", ""))
        return self.local[name]

    def get(self, name: str) -> Image:
        """By name, digest or id."""
        for known, image in self.local.items():
            if full_name(name) == known or name == image.id or name in image.digests:
                return image
        raise NotFound(f"No such image: {name}")

    def pull(self, name: str) -> list[PullProgress]:
        """Take it from the registry; gives the steps that the engine would tell."""
        name = full_name(name)
        if name not in self.registry:
            raise NotFound(f"manifest for {name} not found: manifest unknown: manifest unknown")
        image = self.local[name] = self.registry[name]
        layer = image.id.removeprefix("sha256:")[:12]
        return [
            PullProgress("", f"Pulling from {name.rpartition(':')[0]}"),
            PullProgress(layer, "Downloading", image.size_bytes // 2, image.size_bytes),
            PullProgress(layer, "Pull complete"),
            PullProgress("", f"Status: Downloaded newer image for {name}"),
        ]
