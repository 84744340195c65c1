"""What an edit of the folder means for the objects that are wanted.  Pure: the time is an argument.

file is            its objects become
-----------------  ------------------------------------------------------------------
good               what it says; if that drops objects, only after RECHECK of silence,
                   as an editor may be in the middle of writing it
broken             what it said when it was last good
gone               nothing, after RECHECK: git and some editors remove a file before
                   they write it anew; what another file says by then has moved there
gone, and with it  what they were, for `empty_delay`: a folder that was just emptied,
all of its folder  moved or unmounted is more often an accident than a wish
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.objects.problem import error
from orchestrator.sources.custom_kinds import accept_custom_kinds
from orchestrator.sources.files import Scan, Stamp
from orchestrator.sources.located import FileLoad, Located, Sourced, told_once
from orchestrator.sources.yaml_loader import duplicate_problem

RECHECK = 0.1
"""Seconds of silence after which a file that lost objects, or is gone, is believed."""
RETURNING = 0.5
"""Seconds of silence after which a folder whose files came back is believed to be complete."""

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Settled:
    """What is wanted now.  `check_at` is when time alone may change it, None when it cannot."""

    objects: tuple[Sourced, ...]
    problems: tuple[Located, ...]
    notices: tuple[str, ...]
    check_at: float | None


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
        self._check_at: list[float] = []

    def settle(self, scan: Scan, loads: Mapping[str, FileLoad], now: float) -> Settled:
        """Apply what is on disk at the time `now`."""
        self._check_at = []
        loads = accept_custom_kinds(loads)
        owners = {sourced.key: file for file, objects in self._good.items() for sourced in objects}
        wanted = {file: self._wanted(file, loaded, scan.files[file], now) for file, loaded in loads.items()}
        notices = self._hold_folders(scan, now)
        self._gone_since = {file: self._gone_since.get(file, now) for file in self._good if file not in wanted}
        kept = {file: self._good[file] for file in self._gone_since if self._keeps(file, scan)}
        passing = self._just_gone(self._gone_since.keys() - kept.keys(), wanted, now)
        chosen, clashes = _without_duplicates({**wanted, **passing, **kept}, self._good, owners)
        self._remember(scan, chosen)
        problems = [Located(error((), message), path) for path, message in scan.troubles]
        problems += [problem for loaded in loads.values() for problem in loaded.problems]
        objects = tuple(sourced for file in sorted(chosen) for sourced in chosen[file])
        return Settled(objects, told_once((*problems, *clashes)), tuple(notices), min(self._check_at, default=None))

    def _wanted(self, file: str, loaded: FileLoad, stamp: Stamp, now: float) -> tuple[Sourced, ...]:
        before = self._good.get(file, ())
        if loaded.broken:
            return before
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
        said = {sourced.key for objects in wanted.values() for sourced in objects}
        found = {}
        for file in files:
            until = self._gone_since[file] + RECHECK
            if now < until:
                self._check_at.append(until)
                found[file] = tuple(sourced for sourced in self._good[file] if sourced.key not in said)
        return found

    def _hold_folders(self, scan: Scan, now: float) -> list[str]:
        """Begin and end the holds of folders; give what to tell of them."""
        notices: list[str] = []
        roots = {self._roots[file] for file, objects in self._good.items() if objects}
        present = set(scan.roots.values())
        changed = scan.files != self._stamps
        for root in sorted(roots):
            files = [file for file in self._good if self._roots[file] == root and self._good[file]]
            gone = [file for file in files if file not in scan.files]
            was_file = files == [root]
            hold = self._holds.get(root)
            if hold is None and root not in present and not was_file and not _unreadable(root, scan):
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
            self._check_at.append(until)
            if hold.returned is None:
                notices.append(self._notice(root, gone, scan))
        return notices

    def _notice(self, root: str, gone: Iterable[str], scan: Scan) -> str:
        state = "is gone" if root in scan.missing else "has no spec file any more"
        count = sum(len(self._good[file]) for file in gone)
        return (
            f"{root} {state}: its {count} object{'s' if count != 1 else ''} will be deleted after "
            f"{self._empty_delay:g} s unless the files come back"
        )

    def _keeps(self, file: str, scan: Scan) -> bool:
        return self._roots[file] in self._holds or _unreadable(file, scan)

    def _remember(self, scan: Scan, chosen: dict[str, tuple[Sourced, ...]]) -> None:
        self._good = chosen
        self._roots = {file: scan.roots.get(file) or self._roots[file] for file in chosen}
        self._stamps = dict(scan.files)
        self._shrinking = {file: seen for file, seen in self._shrinking.items() if file in chosen}


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
