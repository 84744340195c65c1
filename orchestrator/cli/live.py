"""`run --live`: the daemon as a child in a session of its own, and its pods drawn here until all are ready.

Ctrl-C reaches only this process; it asks the child to end, once, and waits for it.  Where standard output is no
terminal, one plain line tells each change.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from orchestrator.cli.client import Client
from orchestrator.cli.picture import Picture, changes, take
from orchestrator.errors import OrchestratorError
from orchestrator.objects.times import format_time
from orchestrator.printable import unsteered
from orchestrator.settings import Settings, default_socket

if TYPE_CHECKING:
    from rich.console import RenderableType

EVERY = 0.25
"""Seconds between two pictures while something is awaited; each costs the daemon a few milliseconds."""
QUIET_EVERY = 1.0
MAX_LOG = 10 * 2**20
"""Bytes of the log at which a start begins a new one."""
_TAIL = 20
_HEADER = 2
"""Lines that are not a pod's: the table's header, and the one that the cursor is in."""
_NOTE = 2
"""Lines that a note may take."""


def follow(settings: Settings, arguments: list[str]) -> int:
    """Run the daemon and show it; gives the exit code: 0 after Ctrl-C, 1 when the daemon ended by itself."""
    log = _log_of(settings)
    with _daemon(arguments, log) as (child, log_start):
        live = _Live(settings, child, log)
        try:
            live.show()
        except KeyboardInterrupt:
            return live.stop()
        return _report_death(child, log, log_start)


class _Live:
    """The pictures of one daemon, from its start to its end."""

    def __init__(self, settings: Settings, child: subprocess.Popen[bytes], log: Path) -> None:
        self._settings = settings
        self._child = child
        self._log = log
        self._client = Client(settings.socket)
        self._since = format_time(time.time())
        self._last: Picture | None = None

    def show(self) -> None:
        """Draw until the daemon ends."""
        if sys.stdout.isatty():
            self._draw_until_settled()
        told = False
        while self._child.poll() is None:
            self._tell()
            if self._last is not None and self._last.settled and not told:
                told = True
                click.echo(self._how_to_look())
            self._wait(QUIET_EVERY if told else EVERY)

    def stop(self) -> int:
        """Ask the daemon to end and tell what it does until it has; a second Ctrl-C changes nothing."""
        self._child.send_signal(signal.SIGTERM)
        pods = "its pods too" if self._settings.down_on_exit else "its pods go on running"
        click.echo(f"\nstopping the daemon, {pods}")
        while self._child.poll() is None:
            try:
                self._tell()
                self._wait(EVERY)
            except KeyboardInterrupt:
                click.echo(f"still stopping; `kill -9 {self._child.pid}` gives up on it")
        if self._child.returncode != 0:
            click.echo(f"error: {how_it_ended(self._child.returncode)}; see {self._log}", err=True)
            return 1
        # The daemon's last words on its pods are its end: nobody is left to ask.
        for pod in self._last.pods if self._last and self._settings.down_on_exit else ():
            click.echo(f"{time.strftime('%H:%M:%S')}  {pod.namespace}/{pod.name}  gone")
        click.echo("stopped")
        return 0

    def _draw_until_settled(self) -> None:
        from rich.live import Live

        with Live(_drawing(None, 0), refresh_per_second=8, transient=False) as screen:
            while self._child.poll() is None:
                self._last = self._picture() or self._last
                screen.update(_drawing(self._last, screen.console.height))
                if self._last is not None and self._last.settled:
                    return
                self._wait(EVERY)

    def _tell(self) -> None:
        """Print what is new, one line each."""
        picture = self._picture()
        if picture is None:
            return
        stamp = time.strftime("%H:%M:%S")
        for line in changes(self._last, picture):
            click.echo(f"{stamp}  {line}")
        self._last = picture

    def _picture(self) -> Picture | None:
        """Give None while the daemon does not answer: it is starting or ending."""
        try:
            return take(self._client, self._since)
        except OrchestratorError:
            return None

    def _wait(self, seconds: float) -> None:
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def _how_to_look(self) -> str:
        socket = "" if self._settings.socket == default_socket() else f" --socket {self._settings.socket}"
        pods = self._last.pods if self._last else ()
        some = pods[0].name if pods else "POD"
        verbs = f"{_program()}{socket}"
        specs = " ".join(map(str, self._settings.specs))
        return "\n".join(
            (
                f"\n{'everything is ready' if pods else 'there are no pods'}; Ctrl-C ends it",
                *self._services(),
                "look further from another terminal:",
                f"  {verbs} get pods -o wide",
                f"  {verbs} describe pod {some}",
                f"  {verbs} logs -f {some}",
                f"  {verbs} exec -it {some} -- sh",
                f"edit a file in {specs} and watch this place",
                f"the daemon's log is {self._log}\n",
            )
        )

    def _services(self) -> list[str]:
        """Where each Service answers, from this host."""
        try:
            services = self._client.get("/api/v1/services")["items"]
        except OrchestratorError:
            return []
        return [
            f"service {service['metadata']['name']} answers at {service['spec']['clusterIP']}:{port['port']}"
            for service in services
            if service["spec"].get("clusterIP", "None") != "None"
            for port in service["spec"].get("ports", [])
        ]


def _program() -> str:
    """What to type: the bare name where the shell finds it, else the path that this process was started by."""
    called = Path(sys.argv[0])
    if shutil.which("orchestrator") or called.name != "orchestrator":
        return "orchestrator"
    return os.path.relpath(called)


def _log_of(settings: Settings) -> Path:
    """Where the daemon's lines go: beside its state, or with its socket where a disk takes no file."""
    refused: OSError | None = None
    for folder, mode in ((settings.state_dir, 0o700), (settings.run_dir, 0o755)):
        log = folder / "daemon.log"
        try:
            folder.mkdir(mode=mode, parents=True, exist_ok=True)
            _cut(log)
            log.open("ab").close()
        except OSError as error:
            refused = refused or error
        else:
            return log
    assert refused is not None
    raise OrchestratorError(f"cannot write {refused.filename}: {refused.strerror}") from refused


@contextmanager
def _daemon(arguments: list[str], log: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The daemon as a child, and where in the log its lines begin.  SIGTERM here is as good as Ctrl-C."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with log.open("ab") as output:
        start = output.tell()
        command = [sys.executable, "-m", "orchestrator", *arguments]
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield child, start
    finally:
        signal.signal(signal.SIGTERM, previous)
        if child.poll() is None:
            child.terminate()


def _cut(log: Path) -> None:
    """Let the log of earlier runs not grow for ever: past a limit it is put aside, in the place of the one before."""
    if log.exists() and log.stat().st_size > MAX_LOG:
        log.replace(log.with_name(f"{log.name}.1"))


def _report_death(child: subprocess.Popen[bytes], log: Path, start: int) -> int:
    """Say why the daemon ended by itself, in its own last words."""
    with log.open("rb") as file:
        file.seek(start)
        words = file.read().decode(errors="replace").splitlines()
    for line in words[-_TAIL:]:
        click.echo(unsteered(line), err=True)
    click.echo(f"error: {how_it_ended(child.returncode)}; its whole log is {log}", err=True)
    return 1


def how_it_ended(code: int) -> str:
    """Say how a daemon ended that gave this code, as `subprocess` tells it: -9 is SIGKILL."""
    if code >= 0:
        return f"the daemon ended with code {code}"
    return f"the daemon was ended by signal {-code} ({signal.strsignal(-code)}); its pods go on running"


def _drawing(picture: Picture | None, height: int) -> "RenderableType":
    """The table and what is wrong, in `height` lines: what is wrong is never what falls off the end."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    if picture is None:
        return Text("the daemon is starting ...", style="dim")
    notes = [Text(picture.engine_error, "red")] if picture.engine_error else []
    notes += [Text(f"specs: {text}", "red") for text in picture.problems]
    notes += [Text(f"warning: {each.text}", "yellow") for each in picture.open_warnings]
    for pull in picture.pulls:
        notes.append(Text("\n  ".join((f"pulling {pull.image}: {pull.summary}", *pull.layers)), "cyan"))
    pods = picture.rows(height - _HEADER - _NOTE * len(notes) - sum(len(pull.layers) for pull in picture.pulls))
    if hidden := len(picture.pods) - len(pods):
        ready = sum(pod.settled for pod in picture.pods)
        notes.insert(0, Text(f"... and {hidden} more; {ready} of {len(picture.pods)} are ready", "dim"))
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for column in ("NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"):
        table.add_column(column, no_wrap=True)
    for pod in pods:
        style = "green" if pod.settled else "yellow" if pod.status in ("Pending", "Running") else _style(pod.status)
        table.add_row(pod.namespace, pod.name, pod.ready, Text(pod.status, style), pod.restarts, pod.age)
    return Group(table, *notes)


def _style(status: str) -> str:
    calm = ("ContainerCreating", "PodInitializing", "Terminating", "Completed")
    return "yellow" if status in calm or status.startswith("Init:") else "red"
