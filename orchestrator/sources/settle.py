"""What an edit of the folder means for the objects that are wanted.  Pure: the time is an argument.

file is            its objects become
-----------------  ------------------------------------------------------------------
good               what it says; if that drops objects, only after RECHECK of silence,
                   as an editor may be in the middle of writing it
broken             what it said when it was last good
emptied            what it said before: a full disk and a power cut leave files of no
                   bytes; whoever wants the objects gone removes the file
gone               nothing, after RECHECK: git and some editors remove a file before
                   they write it anew; what another file says by then has moved there
gone, and with it  what they were, for `empty_delay`: a path of the command line that was
all of its root    just emptied, moved or unmounted is more often an accident than a wish

At a start what files said when they were last good is an earlier daemon's word (`beginning`).  Until the specs are
applied for the first time, it stands in for what this one has not seen.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.objects.problem import error
from orchestrator.sources.beginning import Beginning
from orchestrator.sources.custom_kinds import accept_custom_kinds
from orchestrator.sources.files import Scan, Stamp
from orchestrator.sources.last_good import LastGood
from orchestrator.sources.located import FileLoad, Located, Sourced, told_once
from orchestrator.sources.yaml_loader import duplicate_problem

RECHECK = 0.1
"""Seconds of silence after which a file that lost objects, or is gone, is believed."""
RETURNING = 0.5
"""Seconds of silence after which a folder whose files came back is believed to be complete."""

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Settled:
    """What is wanted now.  `check_at` is when time alone may change it, None when it cannot.

    `unknown` are paths that were wrong at the start, and are, and of which not all is remembered that they said;
    `partly` are files of whose last good version only a part can be had.
    """

    objects: tuple[Sourced, ...]
    problems: tuple[Located, ...]
    notices: tuple[str, ...]
    check_at: float | None
    unknown: frozenset[str] = frozenset()
    partly: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Hold:
    """A folder that lost all of its files: since when, and when something last came back."""

    since: float
    returned: float | None = None


class Settler:
    """Holds each file's last good objects, and applies one scan after another."""

    def __init__(self, empty_delay: float = 10.0) -> None:
        self._empty_delay = empty_delay
        self._good: dict[str, tuple[Sourced, ...]] = {}
        self._roots: dict[str, str] = {}
        self._shrinking: dict[str, tuple[Stamp, float]] = {}
        self._gone_since: dict[str, float] = {}
        self._holds: dict[str, _Hold] = {}
        self._stamps: dict[str, Stamp] = {}
        self._emptied: dict[str, str] = {}
        """Files of no bytes, and what became of their objects."""
        self._removed: set[str] = set()
        """Files that were asked for by name, and whose objects went with them."""
        self._check_at: list[float] = []
        self._beginning = Beginning()

    def settle(
        self, scan: Scan, loads: Mapping[str, FileLoad], now: float, last_good: Mapping[str, LastGood] | None = None
    ) -> Settled:
        """Apply what is on disk at the time `now`.

        `last_good` is what an earlier daemon remembers; None when nothing is wrong, or this one has begun.
        """
        self._check_at = []
        loads = accept_custom_kinds(self._refuse_emptied(scan, loads, now, last_good or {}))
        remembered = self._remembered(scan, loads, last_good)
        good = {**remembered, **self._good}
        owners = {**_owners(remembered), **_owners(self._good)}
        wanted = {file: self._wanted(file, loaded, scan.files[file], now, good) for file, loaded in loads.items()}
        notices = [*self._beginning.notices(), *self._hold_folders(scan, now)]
        away = self._beginning.kept
        gone = [file for file in self._good if file not in wanted and file not in away]
        self._gone_since = {file: self._gone_since.get(file, now) for file in gone}
        kept = {file: self._good[file] for file in gone if self._keeps(file, scan)}
        passing = self._just_gone(self._gone_since.keys() - kept.keys(), wanted, now)
        passing |= self._not_said(away, wanted)
        chosen, clashes = _without_duplicates({**wanted, **passing, **kept}, good, owners)
        self._remember(scan, chosen)
        self._removed = {path for path in scan.missing if path in {*self._removed, *gone} - kept.keys()}
        problems = [Located(error((), message, self._meaning(path)), path) for path, message in scan.troubles]
        problems += [problem for loaded in loads.values() for problem in loaded.problems]
        objects = tuple(sourced for file in sorted(chosen) for sourced in chosen[file])
        told, check_at = told_once((*problems, *clashes)), min(self._check_at, default=None)
        return Settled(objects, told, tuple(notices), check_at, self._beginning.unknown, self._beginning.partly)

    def _meaning(self, path: str) -> str:
        return "its objects go with it" if path in self._removed else ""

    def _refuse_emptied(
        self, scan: Scan, loads: Mapping[str, FileLoad], now: float, last_good: Mapping[str, LastGood]
    ) -> dict[str, FileLoad]:
        """Take files of no bytes that said something for broken."""
        emptied: dict[str, str] = {}
        for file, stamp in scan.files.items():
            if stamp.size or file not in loads:
                continue
            before = self._emptied.get(file, "")
            words = before or self._said_by(file, last_good)
            seen, since = self._shrinking.get(file, (None, now))
            being_written = file in self._good and (seen != stamp or now - since < RECHECK)
            if words and (before or not being_written):
                emptied[file] = words
        self._emptied = emptied
        return {**loads, **{file: FileLoad(problems=(_emptied(file, words),)) for file, words in emptied.items()}}

    def _said_by(self, file: str, last_good: Mapping[str, LastGood]) -> str:
        """Say what becomes of the objects of a file, as far as anybody knows; "" where it had none."""
        known = last_good.get(file)
        if file in self._good:
            count = len(self._good[file])
        else:
            count = len(known.objects) + len(known.forgotten) if known else 0
        if not count and known and known.refused:
            return "what it said is not known any more"
        return _go_on(count) if count else ""

    def _remembered(
        self, scan: Scan, loads: Mapping[str, FileLoad], last_good: Mapping[str, LastGood] | None
    ) -> dict[str, tuple[Sourced, ...]]:
        """What files said that this daemon has not seen well; what cannot be looked at goes on as it was."""
        self._beginning.look(scan, loads, last_good, seen=self._good.keys())
        unseen = {file: known for file, known in (last_good or {}).items() if file not in self._good}
        for file in self._beginning.kept & unseen.keys():
            self._good[file], self._roots[file] = unseen[file].objects, unseen[file].root
            if self._roots[file] in scan.missing:
                self._holds.setdefault(self._roots[file], _Hold(math.inf))
        return {file: known.objects for file, known in unseen.items() if file in loads}

    def _wanted(
        self, file: str, loaded: FileLoad, stamp: Stamp, now: float, good: Mapping[str, tuple[Sourced, ...]]
    ) -> tuple[Sourced, ...]:
        if loaded.broken:
            return good.get(file, ())
        before = self._good.get(file, ())
        lost = {sourced.key for sourced in before} - {sourced.key for sourced in loaded.objects}
        if not lost:
            self._shrinking.pop(file, None)
            return loaded.objects
        seen, since = self._shrinking.get(file, (None, now))
        if seen != stamp:
            since = now
            self._shrinking[file] = (stamp, since)
        if now - since < RECHECK:
            self._check_at.append(since + RECHECK)
            return before
        del self._shrinking[file]
        return loaded.objects

    def _just_gone(
        self, files: Iterable[str], wanted: Mapping[str, tuple[Sourced, ...]], now: float
    ) -> dict[str, tuple[Sourced, ...]]:
        """What those of the files that went a moment ago said, and no other file says now."""
        recent = {file: until for file in files if now < (until := self._gone_since[file] + RECHECK)}
        self._check_at += recent.values()
        return self._not_said(recent, wanted)

    def _not_said(
        self, files: Iterable[str], wanted: Mapping[str, tuple[Sourced, ...]]
    ) -> dict[str, tuple[Sourced, ...]]:
        said = {sourced.key for objects in wanted.values() for sourced in objects}
        return {file: tuple(each for each in self._good[file] if each.key not in said) for file in files}

    def _hold_folders(self, scan: Scan, now: float) -> list[str]:
        """Begin and end the holds of folders; give what to tell of them."""
        notices: list[str] = []
        roots = {self._roots[file] for file, objects in self._good.items() if objects}
        present = set(scan.roots.values())
        changed = scan.files != self._stamps
        for root in sorted(roots):
            files = [file for file in self._good if self._roots[file] == root and self._good[file]]
            gone = [file for file in files if file not in scan.files]
            hold = self._holds.get(root)
            away = root not in present and not _unreadable(root, scan)
            if hold is None and away and not self._beginning.kept.issuperset(files):
                hold = self._holds[root] = _Hold(now)
            if hold is None:
                continue
            if root in present and (hold.returned is None or changed):
                hold.returned = now
            if root not in present:
                hold.returned = None
            until = hold.since + self._empty_delay if hold.returned is None else hold.returned + RETURNING
            if now >= until or not gone:
                del self._holds[root]
                continue
            if until < math.inf:
                self._check_at.append(until)
            if hold.returned is None:
                notices.append(self._notice(root, gone, scan, until))
        return notices

    def _notice(self, root: str, gone: Iterable[str], scan: Scan, until: float) -> str:
        objects = sum(len(self._good[file]) for file in gone)
        if until == math.inf:
            return f"{root} is not there: {_go_on(objects)} last time"
        state = "is gone" if root in scan.missing else "has no spec file any more"
        return (
            f"{root} {state}: {_its(objects)} will be deleted after {self._empty_delay:g} s unless the files come back"
        )

    def _keeps(self, file: str, scan: Scan) -> bool:
        return self._roots[file] in self._holds or _unreadable(file, scan)

    def _remember(self, scan: Scan, chosen: dict[str, tuple[Sourced, ...]]) -> None:
        self._good = chosen
        self._roots = {file: scan.roots.get(file) or self._roots[file] for file in chosen}
        self._stamps = dict(scan.files)
        self._shrinking = {file: seen for file, seen in self._shrinking.items() if file in chosen}


def _its(count: int) -> str:
    return f"its {count} object{'s' if count != 1 else ''}"


def _emptied(file: str, words: str) -> Located:
    return Located(error((), f"the file is empty: {words}", "remove the file if nothing of it is wanted"), file)


def _go_on(count: int) -> str:
    return f"{_its(count)} {'go on as they were' if count != 1 else 'goes on as it was'}"


def _owners(good: Mapping[str, tuple[Sourced, ...]]) -> dict[Key, str]:
    return {sourced.key: file for file, objects in good.items() for sourced in objects}


def _unreadable(file: str, scan: Scan) -> bool:
    return any(file == path or file.startswith(f"{path.rstrip('/')}/") for path in scan.unreadable)


def _without_duplicates(
    wanted: dict[str, tuple[Sourced, ...]], good: dict[str, tuple[Sourced, ...]], owners: dict[Key, str]
) -> tuple[dict[str, tuple[Sourced, ...]], list[Located]]:
    """Let every object have one file.

    The file that had it keeps it; one that defines it too is broken, and says what it said when it was last good.
    """
    claims: dict[Key, Sourced] = {}
    for file, objects in wanted.items():
        claims.update({sourced.key: sourced for sourced in objects if owners.get(sourced.key) == file})
    chosen: dict[str, tuple[Sourced, ...]] = {}
    problems: list[Located] = []
    for file, objects in wanted.items():
        clashes = [sourced for sourced in objects if claims.setdefault(sourced.key, sourced) is not sourced]
        problems += [duplicate_problem(sourced, claims[sourced.key]) for sourced in clashes]
        chosen[file] = objects
        if clashes:
            free = (sourced for sourced in good.get(file, ()) if claims.get(sourced.key, sourced).file == file)
            chosen[file] = tuple(free)
    return chosen, problems
