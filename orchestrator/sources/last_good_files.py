"""Keeps what each spec file said when it was last good, for the next daemon, should the file be wrong then (D05).

    <disk>/<digest of its path>.json      its documents; of Secrets the names alone
    <memory>/<digest of its path>.json    its Secrets, on a tmpfs: a reboot forgets them

A file's memory is replaced by one rename, and only when its objects changed.  What no file has any more is forgotten.
Everything here blocks.
"""

import hashlib
import logging
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from orchestrator.sources.last_good import LastGood, Unreadable, Written, path_in, read, write
from orchestrator.sources.located import Sourced

log = logging.getLogger(__name__)

_NONE: Mapping[str, str] = {}


class LastGoodFiles:
    """The memory of one daemon.  `disk` and `memory` are folders of its own, made when there is something to keep."""

    def __init__(self, disk: Path, memory: Path) -> None:
        self._disk, self._memory = disk, memory
        self._kept: dict[str, tuple[Sourced, ...]] = {}
        self.remembers = False
        """Whether anything was recalled."""
        self.begun = False
        """Whether this daemon has applied its specs."""
        self.in_memory = False
        """Whether `memory` lies on a tmpfs: Secrets are kept nowhere else."""

    def recall(self, roots: Iterable[str], there: Mapping[str, str] = _NONE) -> dict[str, LastGood] | None:
        """Give what an earlier daemon kept of the files below these paths, as they are called from here.

        Of files that are `there`, each with its root, it is known too whether something was kept that cannot be read.
        None once this daemon has begun: from then on it knows more than was kept.
        """
        if self.begun:
            return None
        places = [(root, os.path.abspath(root)) for root in roots]  # noqa: PTH100  links stay what they are
        names = {_name(os.path.abspath(file)): file for file in there}  # noqa: PTH100  as above
        found: dict[str, LastGood] = {}
        for kept in sorted(self._disk.glob("*.json")):
            try:
                plain = kept.read_bytes()
                path = path_in(plain)
                called = next((name for root, place in places if (name := _called(path, root, place))), None)
                if called is not None:
                    file, root = called
                    found[file] = read(Written(plain, self._secrets(kept.name)), file, root)
            except (OSError, Unreadable) as error:
                log.warning("what was kept of a spec file in %s cannot be read: %s", kept, error)
                if file := names.get(kept.name, ""):
                    found[file] = LastGood(there[file], (), refused=(f"what was kept of it cannot be read ({error})",))
        self.remembers = bool(found)
        return found

    def keep(self, objects: Iterable[Sourced], partly: Iterable[str] = ()) -> None:
        """Have exactly these, each under its file; OSError when that cannot be written.

        Of the files `partly` more was kept than is among the objects: it stays as it is.
        """
        wanted: dict[str, list[Sourced]] = {}
        for sourced in objects:
            wanted.setdefault(os.path.abspath(sourced.file), []).append(sourced)  # noqa: PTH100  as above
        untouched = set(map(os.path.abspath, partly))
        fresh = {path: tuple(said) for path, said in wanted.items() if path not in untouched}
        for folder in (self._disk, self._memory) if self.in_memory else (self._disk,):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, said in fresh.items():
            if self._kept.get(path) != said:
                self._write(path, write(path, said))
        secret = {path for path, said in fresh.items() if any(each.object.kind == "Secret" for each in said)}
        _forget_others(self._disk, map(_name, fresh.keys() | untouched))
        _forget_others(self._memory, map(_name, secret | untouched if self.in_memory else ()))
        self._kept = fresh

    def forget_secrets(self) -> None:
        """Let no Secret stay in memory: nothing runs any more that could want one."""
        _forget_others(self._memory, ())
        with suppress(OSError):
            self._memory.rmdir()

    def _write(self, path: str, memory: Written) -> None:
        # Secrets first: names without their Secrets would be told as forgotten.
        if memory.secret and self.in_memory:
            _replace(self._memory / _name(path), memory.secret)
        _replace(self._disk / _name(path), memory.plain)

    def _secrets(self, name: str) -> bytes:
        try:
            return (self._memory / name).read_bytes()
        except FileNotFoundError:
            return b""


def _called(path: str, root: str, place: str) -> tuple[str, str] | None:
    """What a file is called when it is found through this root, as `files.scan` has it; None when it is not."""
    if path == place:
        return root, root
    below = path.removeprefix(place.rstrip("/") + "/")
    return (f"{root.rstrip('/')}/{below}", root) if below != path else None


def _name(path: str) -> str:
    return f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.json"


def _replace(file: Path, content: bytes) -> None:
    """Have this content under this name, all of it or what was there before, whatever ends the process or the host."""
    with suppress(FileNotFoundError):
        if file.read_bytes() == content:
            return
    fresh = file.with_suffix(".fresh")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


def _forget_others(folder: Path, names: Iterable[str]) -> None:
    """Remove what is not called so: the folder is ours alone."""
    kept = set(names)
    with suppress(FileNotFoundError):
        for file in folder.iterdir():
            if file.name not in kept:
                file.unlink(missing_ok=True)
