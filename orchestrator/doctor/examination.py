"""The table of checks, and one examination: every row is asked, none of them can end it."""

import asyncio
import os
from collections.abc import Iterable

from orchestrator import logs
from orchestrator.doctor import access, addresses, clock, engine, firewall, folders, inotify, kernel, leftovers, rights
from orchestrator.doctor.scene import Check, Patient, Scene, Survey
from orchestrator.errors import OrchestratorError
from orchestrator.findings import LEVELS, Finding, warning

CHECKS: tuple[tuple[str, Check], ...] = (
    ("engine", engine.check),
    ("daemon", access.check),
    ("folders", folders.check),
    ("kernel", kernel.check),
    ("firewall", firewall.check),
    ("addresses", addresses.check),
    ("inotify", inotify.check),
    ("rights", rights.check),
    ("clock", clock.check),
    ("left-overs", leftovers.check),
)
"""In the order of the report, within a level."""
SECONDS = 60.0
"""For one row, at most: an engine may be slow."""


async def examine(patient: Patient) -> list[Finding]:
    """Look at everything; the most important first."""
    scene = Scene(patient, await _survey(patient.engine_url), root=os.geteuid() == 0)
    found = [finding for name, check in CHECKS for finding in await _ask(name, check, scene)]
    found += patient.daemon.findings if patient.daemon else ()
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))


async def _survey(url: str) -> Survey:
    try:
        return await engine.look(url)
    except Exception as surprise:
        return Survey(trouble=f"cannot ask the engine at {url}: this should not happen: {logs.described(surprise)}")


async def _ask(name: str, check: Check, scene: Scene) -> Iterable[Finding]:
    try:
        async with asyncio.timeout(SECONDS):
            return list(await check(scene))
    except TimeoutError:
        text = f"it could not be looked at within {SECONDS:.0f} s"
        return (warning(name, text, "orchestrator doctor --all  # once more, when this host has less to do"),)
    except (OSError, OrchestratorError) as problem:
        return (warning(name, f"it could not be looked at: {problem}", "sudo orchestrator doctor --all"),)
    except Exception as surprise:
        text = f"it could not be looked at: this should not happen: {logs.described(surprise)}"
        return (warning(name, text, "orchestrator --version  # report this line with it"),)
