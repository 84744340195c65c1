"""What is asked for where a container's image is wanted: which image, for which platform, and as whom.

Two pods that ask for the same share one pull, its result and its back-off; a pod with other credentials has its own,
so that nobody waits for another's wrong password, and an edited Secret is tried at once.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from orchestrator.objects.annotations import PLATFORM
from orchestrator.objects.image_reference import parse_reference
from orchestrator.objects.pod import Pod
from orchestrator.objects.scalars import normal_platform
from orchestrator.planning.registry_credentials import Credential, keyring_of_secret, lookup
from orchestrator.planning.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One image as one pod asks for it; `platform` is "linux/arm64", or "" for the host's own.

    `invalid` says why the name is none.  `missing` are imagePullSecrets that cannot be had.
    """

    image: str
    platform: str = ""
    credentials: tuple[Credential, ...] = field(default=(), repr=False)
    invalid: str = field(default="", compare=False)
    missing: tuple[str, ...] = field(default=(), compare=False)


def asked_platform(pod: Pod) -> str:
    """The platform that a pod asks for ("linux/arm64"), "" for the host's own."""
    return normal_platform(pod.metadata.annotations.get(PLATFORM, ""))


def image_request(pod: Pod, image: str, around: Surroundings) -> ImageRequest:
    """What the pod asks for, with the credentials of its imagePullSecrets that are for this image's registry."""
    platform = asked_platform(pod)
    try:
        reference = parse_reference(image)
    except ValueError as error:
        return ImageRequest(image, platform, invalid=str(error))
    keyring: list[tuple[str, Credential]] = []
    missing = []
    for named in pod.spec.image_pull_secrets:
        secret = around.secrets.get(named.name)
        entries = keyring_of_secret(secret) if secret is not None else None
        if entries is None:
            missing.append(named.name)
        else:
            keyring += entries
    return ImageRequest(image, platform, lookup(keyring, reference), missing=tuple(missing))


def named_images(pod: Pod) -> Iterator[tuple[str, str]]:
    """The images that a pod names, as the engine lists them, each with the platform that it asks for."""
    platform = asked_platform(pod)
    for container in pod.spec.every_container:
        with suppress(ValueError):
            yield parse_reference(container.image).engine_name, platform


def unretrieved(missing: Sequence[str]) -> str:
    """The kubelet's words for imagePullSecrets that are not there, or hold no credentials."""
    names = ", ".join(missing)
    return f"Unable to retrieve some image pull secrets ({names}); attempting to pull the image may not succeed."
