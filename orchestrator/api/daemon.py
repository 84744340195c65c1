"""What Kubernetes has no word for: the daemon's own state, under /orchestrator/v1/, and whether it is well."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

from aiohttp import web

from orchestrator import __version__
from orchestrator.api.context import Context, json_response
from orchestrator.api.status import EngineStatus, PullStatus
from orchestrator.errors import Unavailable
from orchestrator.objects.times import format_time


async def get_status(context: Context, _request: web.Request) -> web.StreamResponse:
    """The daemon in one document: engine, folder and its problems, pods by phase, memory."""
    daemon = context.daemon()
    phases = Counter(pod.status.phase or "Pending" for pod in context.store.list("Pod"))
    return json_response(
        {
            "version": __version__,
            "instance": daemon.instance,
            "pid": os.getpid(),
            "startedAt": format_time(daemon.started_at),
            "rssBytes": _resident_bytes(),
            "specs": daemon.specs,
            "stateDir": daemon.state_dir,
            "syncing": daemon.syncing,
            "engine": _engine(daemon.engine),
            "dns": {"trouble": daemon.dns_trouble},
            "pods": dict(phases),
            "pulls": [_pull(each) for each in daemon.pulls],
            "problems": [
                {"place": problem.place, "message": problem.message, "severity": problem.severity}
                for problem in daemon.problems
            ],
        }
    )


def _pull(pull: PullStatus) -> dict[str, Any]:
    return {
        "image": pull.image,
        "platform": pull.platform,
        "since": format_time(pull.since),
        "layers": [
            {"id": each.layer, "status": each.status, "current": each.current, "total": each.total}
            for each in pull.layers
        ],
    }


async def get_doctor(context: Context, _request: web.Request) -> web.StreamResponse:
    """Where the daemon has its place, and what only it knows: `orchestrator doctor` looks at the rest by itself."""
    daemon = context.daemon()
    return json_response(
        {
            "version": __version__,
            "instance": daemon.instance,
            "pid": os.getpid(),
            "specs": daemon.specs,
            "stateDir": daemon.state_dir,
            "runDir": daemon.run_dir,
            "pool": daemon.pool,
            "engine": _engine(daemon.engine),
            "findings": daemon.findings,
        }
    )


async def healthz(_context: Context, _request: web.Request) -> web.StreamResponse:
    """Say ok: the loop answers."""
    return web.Response(text="ok")


async def readyz(context: Context, _request: web.Request) -> web.StreamResponse:
    """Say ok when the folder has been applied and the engine answers."""
    daemon = context.daemon()
    if daemon.engine.error:
        raise Unavailable(daemon.engine.error)
    if daemon.syncing:
        raise Unavailable("the spec folder has not been applied yet")
    return web.Response(text="ok")


def _engine(engine: EngineStatus) -> dict[str, str]:
    return {
        "url": engine.url,
        "name": engine.name,
        "version": engine.version,
        "apiVersion": engine.api_version,
        "error": engine.error,
    }


def _resident_bytes() -> int:
    """Our memory; 0 while there is no file descriptor left to ask the kernel with."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
