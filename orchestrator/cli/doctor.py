"""`orchestrator doctor`: what is wrong with this host, the engine or the daemon, and the command that mends it."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.client import Client
from orchestrator.cli.documents import Document, to_json
from orchestrator.cli.run import folders_and_engine
from orchestrator.errors import Forbidden, NotFound, OrchestratorError
from orchestrator.findings import Finding
from orchestrator.printable import unsteered
from orchestrator.settings import Settings, default_socket

if TYPE_CHECKING:
    from orchestrator.doctor.scene import Daemon, Patient

MOST = 5
"""Findings of one check that are shown without --all."""
_COLOURS = {"error": "red", "warning": "yellow", "ok": "green"}


@click.command(short_help="Say what is wrong with host and engine, and what mends it.")
@click.argument("specs", nargs=-1, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Choice(("json",)), help="As one JSON document.")
@click.option("-a", "--all", "whole", is_flag=True, help="Show what is well, too.")
@folders_and_engine
@click.pass_context
def command(ctx: click.Context, /, specs: tuple[Path, ...], output: str | None, whole: bool, **flags: Any) -> int:
    """Examine this host, the engine and the daemon, and say what is wrong, the most important first.

    A daemon that runs is asked about itself.  Without one, the options say where it would have its place, and SPECS
    what it would watch; give them as to `run`.  Nothing is changed: what mends a finding is a command to paste.

    Exit codes: 0 no errors (warnings or not), 1 there is an error, 2 wrong use.
    """
    import asyncio

    from orchestrator.doctor.examination import examine

    settings = Settings(specs=specs, **{name: value for name, value in flags.items() if value is not None})
    socket = ctx.obj.socket or (settings.socket if flags["run_dir"] else default_socket())
    found = asyncio.run(examine(patient_of(settings, socket)))
    if output == "json":
        click.echo(to_json(as_document(found)))
    else:
        colour = False if os.environ.get("NO_COLOR") else None
        click.echo("\n".join(report(found, whole=whole)), color=colour)
    return 1 if any(finding.level == "error" for finding in found) else 0


def patient_of(settings: Settings, socket: Path) -> "Patient":
    """Say whom to examine: the daemon at the socket, as it says itself, or the one that these settings would make."""
    from orchestrator.doctor.scene import Patient

    def without(refusal: OrchestratorError) -> "Patient":
        return Patient(
            instance=settings.instance,
            state_dir=settings.state_dir,
            run_dir=socket.parent,
            socket=socket,
            engine_url=settings.engine_url,
            pool=settings.pool,
            specs=settings.specs,
            refusal=str(refusal),
            forbidden=isinstance(refusal, Forbidden),
        )

    try:
        told = Client(socket).get("/orchestrator/v1/doctor")
    except NotFound as error:
        return without(OrchestratorError(f"the daemon at {socket} is too old to be asked: {error}"))
    except OrchestratorError as error:
        return without(error)
    return Patient(
        instance=told["instance"],
        state_dir=Path(told["stateDir"]),
        run_dir=Path(told["runDir"]),
        socket=socket,
        engine_url=told["engine"]["url"],
        pool=told["pool"],
        specs=tuple(map(Path, told["specs"])),
        daemon=_daemon(told),
    )


def _daemon(told: Document) -> "Daemon":
    from orchestrator.doctor.scene import Daemon

    engine = told["engine"]
    return Daemon(
        pid=told["pid"],
        version=told["version"],
        engine=f"{engine['name']} {engine['version']} (API {engine['apiVersion']})",
        engine_trouble=engine["error"],
        findings=tuple(Finding(**finding) for finding in told["findings"]),
    )


def report(found: Sequence[Finding], *, whole: bool) -> list[str]:
    """Give the lines for a terminal: what is to be mended, then what is well, in one line or (`whole`) in full."""
    lines = []
    shown: Counter[str] = Counter()
    width = max((len(finding.check) for finding in found), default=0)
    for finding in found:
        if finding.level == "ok" and not whole:
            continue
        shown[finding.check] += 1
        if shown[finding.check] > MOST and not whole:
            continue
        level = click.style(f"{finding.level:<7}", fg=_COLOURS[finding.level], bold=finding.level == "error")
        lines.append(f"{level}  {finding.check:<{width}}  {unsteered(finding.found)}")
        if finding.mend:
            lines.append(f"{'':9}{'':<{width}}  {click.style('$', dim=True)} {unsteered(finding.mend)}")
    lines += [
        f"{'':9}{check:<{width}}  and {n - MOST} more (--all)" for check, n in shown.items() if n > MOST and not whole
    ]
    well = list(dict.fromkeys(finding.check for finding in found if finding.level == "ok"))
    troubled = {finding.check for finding in found if finding.level != "ok"}
    if well and not whole:
        lines.append(
            f"{click.style('ok', fg='green')}       {', '.join(each for each in well if each not in troubled)}"
        )
    return [*lines, summary(found)]


def summary(found: Sequence[Finding]) -> str:
    """Give "1 error, 2 warnings", or that there are none."""
    counts = {level: sum(finding.level == level for finding in found) for level in ("error", "warning")}
    words = [f"{count} {level}{'' if count == 1 else 's'}" for level, count in counts.items() if count]
    return ", ".join(words) or "all is well"


def as_document(found: Sequence[Finding]) -> Document:
    """Give the examination for programs."""
    keys = ("check", "level", "found", "mend")
    counts = {level: sum(finding.level == level for finding in found) for level in ("error", "warning", "ok")}
    return {"findings": [{key: getattr(finding, key) for key in keys} for finding in found], "counts": counts}
