"""What somebody whom the kernel keeps from the socket can do about it, in one sentence."""

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: groups of this login, and those that the user was put in meanwhile."""

    name: str
    groups: frozenset[str] = frozenset()
    member_of: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Door:
    """Whose the socket is, and whether its group may use it; None where that cannot be seen."""

    owner: str
    group: str
    group_may: bool


def how_to_get_in(path: Path) -> str:
    """Give the sentence for this process and the socket at `path`."""
    return advice(_door(path), _caller())


def advice(door: Door | None, caller: Caller) -> str:
    """Say why a caller is kept out, and what lets them in."""
    if door is None:
        return "you may not look into its folder; ask as the user who runs it"
    if not door.group_may or door.group in (door.owner, "root"):
        return f"only {door.owner} may use it, and you are {caller.name}"
    if door.group in caller.member_of - caller.groups:
        return f"you came into the group {door.group} after this login: log in again, or run `newgrp {door.group}`"
    return (
        f"you are not in group {door.group}: `sudo usermod -aG {door.group} {caller.name}`, "
        "then log in again (its members can do all that the daemon can)"
    )


def _door(path: Path) -> Door | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return Door(_user(found.st_uid), _group(found.st_gid), bool(found.st_mode & 0o020))


def _caller() -> Caller:
    name = _user(os.geteuid())
    now = {_group(gid) for gid in (os.getegid(), *os.getgroups())}
    return Caller(name, frozenset(now), frozenset(group.gr_name for group in grp.getgrall() if name in group.gr_mem))


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
