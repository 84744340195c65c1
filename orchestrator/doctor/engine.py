"""The engine: whether it answers, what it speaks, who may use it, and the room on its disk."""

import stat
from collections.abc import Iterator
from pathlib import Path

from orchestrator.doctor.room import look_at_room
from orchestrator.doctor.scene import Scene, Survey
from orchestrator.engine.docker import DockerEngine
from orchestrator.engine.docker_client import NEWEST_API
from orchestrator.errors import OrchestratorError
from orchestrator.findings import Finding, error, ok, warning
from orchestrator.planning import labels

CHECK, DISK = "engine", "engine's disk"
_SECONDS = 5.0
"""For one container."""
_ROLES = ("sandbox", "init", "container")
_MENDS = (
    ("permission denied", "sudo usermod -aG docker $USER && newgrp docker"),
    ("no such socket", "sudo apt install docker.io && sudo systemctl start docker"),
    ("nobody listens", "sudo systemctl start docker"),
    ("as an engine", "unset DOCKER_HOST  # or name it with --engine-url unix:///var/run/docker.sock"),
    ("the engine is too old", "sudo apt install docker.io  # 20.10 or newer"),
    ("this program is too old", "sudo make install  # from newer sources of orchestrator"),
)


async def look(url: str) -> Survey:
    """Ask the engine; never raises."""
    try:
        engine = DockerEngine(url)
    except OrchestratorError as problem:
        return Survey(trouble=str(problem))
    try:
        info = await engine.info()
        listed = [c for role in _ROLES for c in await engine.list_containers({labels.ROLE: role}, _SECONDS)]
        ours = (found for found in listed if labels.is_ours(found.name, found.labels))
        return Survey(info, tuple(ours), tuple(await engine.list_networks()))
    except OrchestratorError as problem:
        return Survey(trouble=str(problem))
    finally:
        await engine.close()


async def check(scene: Scene) -> Iterator[Finding]:
    """The rows of this file."""
    return judge(scene)


def judge(scene: Scene) -> Iterator[Finding]:
    """Say how the engine is."""
    info, trouble, daemon = scene.survey.info, scene.survey.trouble, scene.patient.daemon
    if daemon is not None and daemon.engine_trouble:
        yield error(CHECK, f"the daemon says: {daemon.engine_trouble}", _mend(daemon.engine_trouble))
    elif trouble and daemon is not None and "permission denied" in trouble:
        yield ok(CHECK, f"{daemon.engine}, as the daemon says; you yourself may not use it")
    elif trouble:
        yield error(CHECK, trouble, _mend(trouble))
    if info is None:
        return
    spoken = min(_numbers(info.api_version), NEWEST_API)
    newer = f", of which {spoken[0]}.{spoken[1]} is spoken" if spoken != _numbers(info.api_version) else ""
    yield ok(CHECK, f"{info.name} {info.version} (API {info.api_version}{newer}) answers at {scene.patient.engine_url}")
    for name in sorted(container.name for container in scene.survey.containers if container.hung):
        text = f"it does not answer when it is asked for container {name}: nothing can be done with that one"
        yield warning(CHECK, text, "sudo systemctl restart docker  # daemons start what ends with it again")
    scheme, _, path = scene.patient.engine_url.partition("://")
    if scheme == "unix":
        yield from _rights(Path(path))
        if info.root:
            yield from look_at_room(DISK, Path(info.root), "docker system df && docker image prune")


def _rights(path: Path) -> Iterator[Finding]:
    """Whoever may use the engine's socket is root on this host."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if mode & stat.S_IWOTH:
        yield warning(CHECK, f"everybody on this host may use {path}, and so be root", f"sudo chmod o= {path}")


def _mend(trouble: str) -> str:
    return next((mend for words, mend in _MENDS if words in trouble), "sudo systemctl status docker")


def _numbers(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)
