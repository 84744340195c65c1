"""What of pods that are gone may go: containers, files and records that are ours, and that nobody looks after.

Only what bears our labels, or lies in our own folders under a pod's uid, is ever looked at.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

PodName = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What there is, by the uid of its pod: containers of ours in the engine, files on disk, records in the journal."""

    containers: Mapping[str, PodName]
    files: frozenset[str] = frozenset()
    records: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Garbage:
    """What nobody looks after.  Containers are ended in order by a worker; files and records are removed."""

    pods: Mapping[str, PodName]
    files: frozenset[str]
    records: frozenset[str]


def garbage(remains: Remains, known: Collection[str]) -> Garbage:
    """Sort it out; `known` are the uids of the pods that are wanted or looked after.

    Files and records of a pod that has a container stay: its worker removes them when the container is gone.
    """
    needed = {*known, *remains.containers}
    pods = {uid: name for uid, name in remains.containers.items() if uid not in known}
    return Garbage(pods, remains.files - needed, remains.records - needed)


def is_uid(text: str) -> bool:
    """Whether a file's name is a pod's uid: whatever else lies in our folders is not ours."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
