"""What of ConfigMaps and Secrets a container is made from: a digest for each key, in a label of the container.

What runs is compared with today's digests, so an edit is noticed whoever looked when it was made.  The digests are
keyed: `docker inspect` shows labels to whoever may ask the engine, and a plain hash of a short value can be guessed.

    orchestrator.dev/config: 5f1c9a02 ConfigMap/settings/LEVEL=9b1c02d4e7aa Secret/keys/token=02c5d1f3b8e0

The first word tells which version and which key made the digests.  Without the label, or with another first word, a
container was made by another version, or before the state folder was lost: nothing is known of it, and nothing is done.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.objects.config import config_map_files, secret_files
from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.planning.consumers import Use, uses_of
from orchestrator.planning.surroundings import Surroundings

_VERSION = b"1"
"""To be raised when a version counts other keys than this one: labels of another version tell nothing."""
_LENGTH = 6
"""Bytes of a digest: enough to tell versions of one key apart."""
_SHOWN = 3
"""Changes that a sentence names."""


@dataclass(frozen=True, slots=True, order=True)
class ConfigKey:
    """One key of a ConfigMap or Secret of the pod's namespace."""

    kind: str
    name: str
    key: str

    def __str__(self) -> str:
        return f'key "{self.key}" of {self.kind} "{self.name}"'


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What became of a key since a container was made; never its value."""

    of: ConfigKey
    word: str
    """ "changed", "was added" or "was removed"."""
    kept_in: tuple[str, ...]
    """Where the container goes on with what it was made from: "env", "volume NAME" (by a subPath)."""
    missed: bool = False
    """It was removed, and the container could not start again without it."""

    def __str__(self) -> str:
        return f"{self.of} {self.word}"


def became(*, before: bool, after: bool) -> str:
    """The word for a key that was there `before`, or is there `after`, with another value."""
    return "changed" if before and after else "was added" if after else "was removed"


def sentence(changes: tuple[ConfigChange, ...]) -> str:
    """Name the first changes: 'key "A" of ConfigMap "s" changed, key "B" of ConfigMap "s" was added'."""
    more = len(changes) - _SHOWN
    return ", ".join(map(str, changes[:_SHOWN])) + (f" and {more} more" if more > 0 else "")


def config_label(pod: Pod, container: Container, around: Surroundings) -> str:
    """The label's value for a container that is made now, "" where it reads no config."""
    consumed = tuple(uses_of(pod, container))
    if not consumed:
        return ""
    found: dict[ConfigKey, str] = {}
    for use in consumed:
        for key, value in _values(use, around).items():
            of = ConfigKey(use.kind, use.name, key)
            if _reads(use, of):
                found[of] = _digest(pod.metadata.namespace, of, value, around.digest_key)
    words = (f"{of.kind}/{of.name}/{of.key}={found[of]}" for of in sorted(found))
    return " ".join((_name_of(around.digest_key), *words))


def changes(pod: Pod, container: Container, label: str, today: str, around: Surroundings) -> tuple[ConfigChange, ...]:
    """What became of the keys of a container with this label; `today` is the one that it would be made with."""
    if not label or label == today:
        return ()
    before, after = _read(label, around.digest_key), _read(today, around.digest_key)
    if before is None or after is None:
        return ()
    consumed = tuple(uses_of(pod, container))
    keys = (of for of in sorted({*before, *after}) if before.get(of) != after.get(of))
    return tuple(_change(of, before, after, [use for use in consumed if _reads(use, of)], around) for of in keys)


def of_former_secret(label: str, namespace: str, around: Surroundings) -> bool:
    """Say whether a container with this label may have been made from a Secret's value that is another by now."""
    made_of = _read(label, around.digest_key)
    if made_of is None:
        return " Secret/" in label
    secrets = {of: digest for of, digest in made_of.items() if of.kind == "Secret"}
    return any(_digest_today(namespace, of, around) != digest for of, digest in secrets.items())


_Digests = Mapping[ConfigKey, str]


def _digest_today(namespace: str, of: ConfigKey, around: Surroundings) -> str:
    secret = around.secrets.get(of.name)
    value = secret_files(secret).get(of.key) if secret else None
    return "" if value is None else _digest(namespace, of, value, around.digest_key)


def _reads(use: Use, of: ConfigKey) -> bool:
    return (use.kind, use.name) == (of.kind, of.name) and (use.keys is None or of.key in use.keys)


def _change(of: ConfigKey, before: _Digests, today: _Digests, own: list[Use], around: Surroundings) -> ConfigChange:
    kept_in = tuple(dict.fromkeys(use.through for use in own if not use.live))
    if of in today:
        return ConfigChange(of, became(before=of in before, after=True), kept_in)
    gone = of.name not in (around.config_maps if of.kind == "ConfigMap" else around.secrets)
    missed = any(use.misses(gone=gone) for use in own)
    return ConfigChange(of, became(before=True, after=False), kept_in, missed)


def _values(use: Use, around: Surroundings) -> Mapping[str, bytes]:
    if use.kind == "Secret":
        secret = around.secrets.get(use.name)
        return secret_files(secret) if secret else {}
    config_map = around.config_maps.get(use.name)
    if config_map is None:
        return {}
    if use.through == "env":
        # An environment has no `binaryData`.
        return {key: value.encode() for key, value in config_map.data.items()}
    return config_map_files(config_map)


def _digest(namespace: str, of: ConfigKey, value: bytes, key: bytes) -> str:
    """Equal values of different keys have different digests: they tell nothing of one another."""
    head = "\0".join((namespace, of.kind, of.name, of.key, "")).encode()
    return hashlib.blake2b(head + value, key=key, digest_size=_LENGTH).hexdigest()


def _name_of(key: bytes) -> str:
    return hashlib.blake2b(_VERSION, key=key, digest_size=4).hexdigest()


def _read(label: str, key: bytes) -> _Digests | None:
    """What a label says; None for none, or one that was made with another key."""
    name, *words = label.split(" ")
    return dict(_pairs(words)) if name == _name_of(key) else None


def _pairs(words: list[str]) -> Iterator[tuple[ConfigKey, str]]:
    for word in words:
        path, _, digest = word.partition("=")
        match path.split("/"):
            case [("ConfigMap" | "Secret") as kind, name, key]:
                yield ConfigKey(kind, name, key), digest
