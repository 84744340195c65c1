"""What is left on the host of pods that are gone: by their uids, which name everything, and by their addresses."""

import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from orchestrator.node.memory import PODS, REPLACED, RESTARTS
from orchestrator.services.nft import table_name
from tests.e2e.daemon import Daemon
from tests.e2e.host import docker

SECONDS = 20.0
"""How long a daemon may take to tidy up after the last answer about a pod; far more than it takes."""
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_BUCKETS = (PODS, RESTARTS, REPLACED)


@dataclass(frozen=True, slots=True)
class Living:
    """Uids and namespaces of the pods that there are, and words that stand for what is gone: addresses, names."""

    uids: frozenset[str]
    namespaces: frozenset[str]
    gone: frozenset[str]


def remains(daemon: Daemon, living: Living) -> list[str]:
    """What is left, as soon as it is nothing, or after a while; a pod that is there and leaves no trace is told too."""
    deadline = time.monotonic() + SECONDS
    while (found := list(_look(daemon, living))) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _look(daemon: Daemon, living: Living) -> Iterator[str]:
    files = {name: place for place in ("run", "state") for name in _names(daemon.home / place)}
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    ours = [mount for mount in mounts if mount.startswith(str(daemon.home))]
    uids = [one["Config"]["Labels"]["orchestrator.dev/uid"] for one in daemon.containers()]
    records = _records(daemon.home / "state" / "journal.db")
    seen = {"file": files, "mount": ours, "container": uids, "record": records}
    for kind, names in seen.items():
        yield from (f"{kind} {name} is left" for name in names if not living.uids.issuperset(_UID.findall(name)))
    # Who finds nothing of a pod that is there would find nothing of one that is gone.
    for kind in ("file", "record"):
        known = {uid for name in seen[kind] for uid in _UID.findall(name)}
        yield from (f"no {kind} is found of pod {uid}" for uid in living.uids - known)
    yield from (f"network {name} is left" for name in _networks(daemon) if name not in living.namespaces)
    for place, text in _texts(daemon):
        yield from (f"{word} is left in {place}" for word in living.gone if re.search(rf"\b{re.escape(word)}\b", text))


def _names(folder: Path) -> Collection[str]:
    """The paths of all files and folders below it; some may go meanwhile."""
    return [f"{root}/{name}" for root, folders, files in os.walk(folder) for name in (*folders, *files)]


def _records(journal: Path) -> list[str]:
    """Keys of what the journal has of single pods; Events outlive theirs."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT bucket, key FROM entries").fetchall()
    return [f"{bucket}/{key}" for bucket, key in rows if bucket in _BUCKETS]


def _networks(daemon: Daemon) -> list[str]:
    """Namespaces that have a network in the engine."""
    label = f"label=orchestrator.dev/instance={daemon.instance}"
    form = '{{.Label "orchestrator.dev/namespace"}}'
    return docker("network", "ls", "--filter", label, "--format", form).split()


def _texts(daemon: Daemon) -> Iterator[tuple[str, str]]:
    """Places with addresses and names of pods: the rules of the kernel, and the hosts files of all pods."""
    if shutil.which("nft"):
        words = ("nft", "list", "table", "ip", table_name(daemon.instance))
        yield "nft", subprocess.run(words, capture_output=True, text=True).stdout
    for path in (daemon.home / "run" / "pods").glob("*/hosts"):
        try:
            yield str(path), path.read_text()
        except FileNotFoundError:
            continue
