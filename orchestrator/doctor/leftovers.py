"""What instances left whose daemon does not run: containers, networks, rules, mounts.

A daemon that is stopped leaves its pods running on purpose, so nothing here is taken away: it is told of.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.doctor.scene import Scene
from orchestrator.errors import OrchestratorError
from orchestrator.findings import Finding, ok, warning
from orchestrator.locks import holder_of
from orchestrator.node.mounts import own_tmpfs
from orchestrator.planning import labels
from orchestrator.services.commands import run
from orchestrator.services.nft import table_name
from orchestrator.services.openings import ARRIVING, FORWARDED, Chain

CHECK = "left-overs"
_TABLE = re.compile(r"^table ip (orchestrator-\S+)$", re.MULTILINE)


@dataclass(slots=True)
class Instance:
    """What there is of one instance."""

    running: int = 0
    ended: int = 0
    networks: int = 0
    uids: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Facts:
    """Instances by name with those of them whose daemon runs; nft tables; mounts of ours, by their folder.

    `admitted` are the rules of chains that are not ours, as words for iptables (-t filter -A DOCKER-USER ...).
    """

    own: str
    instances: dict[str, Instance]
    alive: frozenset[str] = frozenset()
    tables: tuple[str, ...] = ()
    mounts: tuple[Path, ...] = ()
    admitted: tuple[str, ...] = ()


async def check(scene: Scene) -> Iterator[Finding]:
    """The rows of this file."""
    survey = scene.survey
    if survey.trouble:
        # Whatever is found may be of pods that run.
        return iter(())
    instances: defaultdict[str, Instance] = defaultdict(Instance)
    for container in survey.containers:
        found = instances[container.labels.get(labels.INSTANCE, "")]
        found.uids.add(container.labels.get(labels.UID, ""))
        found.running += container.phase in ("running", "paused", "restarting")
        found.ended += container.phase not in ("running", "paused", "restarting")
    for network in survey.networks:
        name = network.labels.get(labels.INSTANCE, "")
        if name and network.name.startswith(f"{labels.prefix_of(name)}_"):
            instances[name].networks += 1
    engine = (survey.info.id if survey.info else "") or scene.patient.engine_url
    tables = _TABLE.findall(await _told("nft", "list", "tables", "ip")) if scene.root else []
    admitted = [line for chain in (FORWARDED, ARRIVING) for line in await _rules(chain)] if scene.root else []
    alive = frozenset(name for name in {*instances, *map(_instance_of, tables)} if holder_of(name, engine))
    return judge(
        Facts(
            own=scene.patient.instance,
            instances=dict(instances),
            alive=alive,
            tables=tuple(tables),
            mounts=tuple(own_tmpfs()),
            admitted=tuple(admitted),
        )
    )


async def _rules(chain: Chain) -> list[str]:
    listing = await _told("iptables", "-w", "5", "-t", chain.table, "-S", chain.name)
    return [f"-t {chain.table} {line}" for line in listing.splitlines()]


async def _told(*command: str) -> str:
    """What a command prints, "" where it is not there or may not be used."""
    try:
        return await run(*command)
    except OrchestratorError:
        return ""


def judge(facts: Facts) -> Iterator[Finding]:
    """Say what nobody looks after, and what takes it away."""
    found = [*_instances(facts), *_tables_alone(facts), *_mounts_alone(facts)]
    if not found:
        yield ok(CHECK, "nothing is here of instances whose daemon does not run")
    yield from found


def _instances(facts: Facts) -> Iterator[Finding]:
    for name in sorted(facts.instances.keys() - facts.alive - {facts.own}):
        seen = facts.instances[name]
        parts = [
            _count(seen.running, "container that runs", "containers that run"),
            _count(seen.ended, "container that ended", "containers that ended"),
            _count(seen.networks, "network", "networks"),
        ]
        text = f"instance {name} has {', '.join(filter(None, parts))}, and no daemon: start one, or take it away"
        yield warning(CHECK, text, " ; ".join(_removal(name, seen, facts)))


def _removal(name: str, seen: Instance, facts: Facts) -> Iterator[str]:
    # By name too: what bears our labels under another name is somebody's copy.
    begins = shlex.quote(f"^{labels.prefix_of(name)}_")
    label = f"--filter label={shlex.quote(f'{labels.INSTANCE}={name}')} --filter name={begins}"
    if seen.running or seen.ended:
        yield f"docker rm -fv $(docker ps -aq {label})"
    if seen.networks:
        yield f"docker network rm $(docker network ls -q {label})"
    table = table_name(name)
    if table in facts.tables:
        yield f"sudo nft delete table ip {table}"
    for rule in facts.admitted:
        if table in rule.split():
            yield f"sudo iptables -w 10 {rule.replace(' -A ', ' -D ', 1)}"


def _tables_alone(facts: Facts) -> Iterator[Finding]:
    """Rules of which neither a container nor a network is left."""
    known = {*facts.instances, *facts.alive, facts.own}
    for table in sorted(table for table in facts.tables if _instance_of(table) not in known):
        yield warning(CHECK, f"the rules {table} lead to nothing any more", f"sudo nft delete table ip {table}")


def _instance_of(table: str) -> str:
    return table.removeprefix(table_name(""))


def _mounts_alone(facts: Facts) -> Iterator[Finding]:
    """Volumes in memory of pods that no engine knows, below no daemon's folder."""
    uids = {uid for seen in facts.instances.values() for uid in seen.uids}
    for mount in facts.mounts:
        if uids.isdisjoint(mount.parts) and not _in_use(mount, uids):
            text = f"{mount} is a volume in memory of a pod that is gone"
            yield warning(CHECK, text, f"sudo umount {shlex.quote(str(mount))}")


def _in_use(mount: Path, uids: set[str]) -> bool:
    """Whether a pod that is there, or a daemon, has its secrets there: the tmpfs of a whole run folder."""
    if mount.name != "volumes":
        return False
    return (mount.parent / "orchestrator.sock").exists() or any((mount / uid).exists() for uid in uids)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}" if number else ""
