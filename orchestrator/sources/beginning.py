"""What stands in, at a start, for files that cannot be read or found: what an earlier daemon remembers of them.  Pure.

file is                                  its objects are
---------------------------------------  ------------------------------------------------------------
wrong, and remembered                    those of its last good version
out of reach (a link or a path of the    those of its last good version, until it can be looked at
specs that leads nowhere, ...)
wrong, and nothing is remembered, or     left out: it is *unknown*
what is cannot be read
gone, while another file is unknown      those of its last good version: it may have been renamed, and
                                         spoilt, while no daemon looked
gone                                     nothing
"""

from collections.abc import Iterable, Mapping, Set

from orchestrator.sources.files import Scan
from orchestrator.sources.last_good import LastGood
from orchestrator.sources.located import FileLoad


class Beginning:
    """Goes on until the last file that was wrong at the start is mended."""

    def __init__(self) -> None:
        self.unknown: frozenset[str] = frozenset()
        """Paths that are wrong, and of which not all is remembered that they said."""
        self.kept: frozenset[str] = frozenset()
        """Remembered files that are not there, and whose objects go on."""
        self._parts: dict[str, LastGood] = {}
        """Of wrong files whose last good version is not whole any more."""

    def look(
        self,
        scan: Scan,
        loads: Mapping[str, FileLoad],
        last_good: Mapping[str, LastGood] | None,
        seen: Set[str],
    ) -> None:
        """Take notice of what is wrong now; `seen` are the files that this daemon itself knows the objects of.

        `last_good` is None once an earlier daemon's word counts no more: then nothing comes, and what is mended goes.
        """
        away = {_plain(path) for path, _ in scan.troubles}
        wrong = away | {file for file, loaded in loads.items() if loaded.broken}
        gone = set(self.kept)
        if last_good is not None:
            fresh = wrong - _and_around(seen)
            self._parts |= {path: known for path in fresh if (known := last_good.get(path)) and _lacks(known)}
            whole = _and_around(file for file, known in last_good.items() if not known.refused)
            self.unknown |= fresh - whole
            gone |= last_good.keys() - seen
        self.unknown &= wrong
        self._parts = {path: known for path, known in self._parts.items() if path in wrong}
        out_of_reach = (file for file in gone if not away.isdisjoint(_and_around([file])))
        self.kept = frozenset(gone if self.unknown else out_of_reach) - loads.keys()

    @property
    def partly(self) -> frozenset[str]:
        """Wrong files whose last good version is more than what is wanted of it now."""
        return frozenset(self._parts)

    def notices(self) -> list[str]:
        """What to tell beside the problems of the files themselves."""
        told = []
        for path, known in sorted(self._parts.items()):
            if known.forgotten:
                names = ", ".join(known.forgotten)
                told.append(
                    f"{path}: Secrets are remembered in memory only, and are forgotten: {names}; "
                    "what needs them waits until the file is mended"
                )
            told += [f"{path}: its last good version is left out in part: {each}" for each in known.refused]
        if self.unknown:
            told.append(
                f"no good version is known of {', '.join(sorted(self.unknown))}: "
                "no pod of an earlier run is deleted until that is mended"
            )
        return told


def _lacks(known: LastGood) -> bool:
    return bool(known.forgotten or known.refused)


def _and_around(files: Iterable[str]) -> set[str]:
    """These paths, and all folders that they are in."""
    found: set[str] = set()
    for file in files:
        path = _plain(file)
        while path not in found:
            found.add(path)
            path = path.rpartition("/")[0]
    return found


def _plain(path: str) -> str:
    """Without the slash that a user may have put behind the name of a folder."""
    return path.rstrip("/")
