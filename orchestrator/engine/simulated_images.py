"""The simulated engine's images, and the registry that it pulls from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from orchestrator.engine.base import EngineRefused, Image, ListedImage, PullProgress
from orchestrator.errors import NotFound, OrchestratorError


def full_name(name: str) -> str:
    """The name as the engine keeps it: Docker Hub's prefix left out, the tag always there."""
    name = name.removeprefix("docker.io/").removeprefix("library/")
    return name if {":", "@"} & set(name.rpartition("/")[2]) else f"{name}:latest"


def _image(name: str, content: bytes, user: str = "", stop_signal: str = "", architecture: str = "amd64") -> Image:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    repository = name.rpartition(":")[0]
    return Image(digest, (name,), (f"{repository}@{digest}",), architecture, 1_000_000, user, stop_signal)


@dataclass(slots=True)
class SimulatedImages:
    """Images by name.  `registry` holds those that can be pulled, each name's with one for each platform.

    `passwords` are of those that are private; `pulls` tells what was pulled as whom, in order.
    """

    local: dict[str, Image] = field(default_factory=dict)
    registry: dict[str, dict[str, Image]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    pulls: list[tuple[str, str]] = field(default_factory=list)

    def add(
        self, name: str, *, user: str = "", stop_signal: str = "", local: bool = True, architecture: str = "amd64"
    ) -> Image:
        """Make an image that the engine has, or (not `local`) that it can pull."""
        name = full_name(name)
        content = name if architecture == "amd64" else f"{name} {architecture}"
        image = _image(name, content.encode(), user, stop_signal, architecture)
        if local:
            self._keep(name, image)
        else:
            self.registry.setdefault(name, {})[image.platform] = image
        return image

    def load(self, tar: bytes, name: str, changes: tuple[str, ...]) -> Image:
        """Import a tar; of the changes, USER counts."""
        set_by = dict(change.split(" ", 1) for change in changes)
        name = full_name(name)
        content = tar + "\n".join(changes).encode()
        return self._keep(name, _image(name, content, set_by.get("USER", "")))

    def get(self, name: str) -> Image:
        """By name, digest or id."""
        for known, image in self.local.items():
            if full_name(name) == known or name == image.id or name in image.digests:
                return image
        raise NotFound(f"No such image: {name}")

    def listed(self) -> list[ListedImage]:
        """All of them, each once."""
        return [
            ListedImage(image.id, image.tags, image.digests, image.size_bytes)
            for image in {image.id: image for image in self.local.values()}.values()
        ]

    def remove(self, name: str) -> None:
        """Take a name away; an image without one is gone."""
        found = self.get(name)
        for known in [known for known, image in self.local.items() if image.id == found.id]:
            if known == full_name(name) or name == found.id or name in found.digests:
                del self.local[known]

    def pull(self, name: str, auth: Mapping[str, str], platform: str) -> list[PullProgress]:
        """Take it from the registry; gives the steps that the engine would tell."""
        name = full_name(name)
        self.pulls.append((name, auth.get("username", "")))
        image = self._offered(name, auth, platform or "linux/amd64")
        self._keep(name, image)
        layer = image.id.removeprefix("sha256:")[:12]
        return [
            PullProgress("", f"Pulling from {name.rpartition(':')[0]}"),
            PullProgress(layer, "Downloading", image.size_bytes // 2, image.size_bytes),
            PullProgress(layer, "Pull complete"),
            PullProgress("", f"Status: Downloaded newer image for {name}"),
        ]

    def platforms(self, name: str) -> tuple[str, ...]:
        """What the registry has of it."""
        return tuple(self.registry.get(full_name(name), ()))

    def _offered(self, name: str, auth: Mapping[str, str], platform: str) -> Image:
        if self.passwords.get(name, "") != auth.get("password", "") and name in self.passwords:
            raise _unauthorized(auth)
        offered = self.registry.get(name)
        if not offered:
            raise NotFound(f"manifest for {name} not found: manifest unknown: manifest unknown")
        if platform in offered:
            return offered[platform]
        if len(offered) == 1:
            # What is no list has one image for whoever asks.
            return next(iter(offered.values()))
        raise EngineRefused(f"no matching manifest for {platform} in the manifest list entries")

    def _keep(self, name: str, image: Image) -> Image:
        """The name means this image from now on; the one that had it is known by its id alone."""
        before = self.local.get(name)
        if before is not None and before.id != image.id:
            self.local[before.id] = replace(before, tags=(), digests=())
        self.local.pop(image.id, None)
        self.local[name] = image
        return image


def _unauthorized(auth: Mapping[str, str]) -> OrchestratorError:
    return EngineRefused("unauthorized: authentication required" if auth else "no basic auth credentials")
