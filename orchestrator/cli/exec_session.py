"""The WebSocket of an exec: this terminal on one side, the daemon's channels on the other (see `api.exec_stream`)."""

import json
import os
import select
import shutil
import signal
import socket
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from orchestrator.cli.client import server_error
from orchestrator.errors import Unavailable
from orchestrator.printable import unsteered

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
PROTOCOL = Subprotocol("v5.channel.k8s.io")


def run_session(sock: socket.socket, url: str, *, stdin: bool, terminal: bool) -> int:
    """Run the command behind `url` to its end; gives its exit code.  OrchestratorError when it could not be run."""
    sock.settimeout(None)
    try:
        connection = connect(
            f"ws://localhost{url}", sock=sock, subprotocols=[PROTOCOL], compression=None, max_size=None
        )
    except InvalidStatus as error:
        raise server_error(error.response.status_code, bytes(error.response.body or b"")) from error
    except (InvalidHandshake, OSError, TimeoutError) as error:
        raise Unavailable(f"cannot exec: the daemon does not answer: {error}") from error
    with connection, _raw_terminal(terminal), _resizes(terminal) as resized:
        sender = threading.Thread(target=_send, args=(connection, stdin, terminal, resized), daemon=True)
        sender.start()
        return _receive(connection)


def _receive(connection: ClientConnection) -> int:
    """Show what the command writes, until its Status comes."""
    outputs = {STDOUT: sys.stdout.buffer, STDERR: sys.stderr.buffer}
    try:
        for message in connection:
            channel, data = message[0], message[1:]
            if channel == ERROR:
                return exit_code(json.loads(data))
            if channel in outputs and isinstance(data, bytes):
                outputs[channel].write(data)
                outputs[channel].flush()
    except ConnectionClosed as error:
        raise Unavailable(f"the connection to the daemon broke: {error}") from error
    raise Unavailable("the daemon ended the connection before the command ended")


def exit_code(status: dict[str, object]) -> int:
    """Give the exit code that a Status tells of; a failure without one is told and gives 1."""
    if status.get("status") == "Success":
        return 0
    details = status.get("details")
    causes = details.get("causes", []) if isinstance(details, dict) else []
    for cause in causes:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    click.echo(unsteered(f"error: {status.get('message')}"), err=True)
    return 1


def _send(connection: ClientConnection, stdin: bool, terminal: bool, resized: int) -> None:
    """Pass on standard input and the terminal's size, in the one thread that sends."""
    reading = [resized, *([sys.stdin.fileno()] if stdin else [])]
    try:
        if terminal:
            connection.send(_size())
        while True:
            ready, _, _ = select.select(reading, [], [])
            if resized in ready:
                os.read(resized, 4096)
                connection.send(_size())
            if len(reading) > 1 and reading[1] in ready:
                data = os.read(reading[1], 65536)
                connection.send(bytes((STDIN,)) + data if data else bytes((CLOSE, STDIN)))
                if not data:
                    reading.pop()
    except (ConnectionClosed, OSError):
        return


def _size() -> bytes:
    columns, rows = shutil.get_terminal_size()
    return bytes((RESIZE,)) + json.dumps({"Width": columns, "Height": rows}).encode()


@contextmanager
def _raw_terminal(terminal: bool) -> Iterator[None]:
    """Hand every key to the command, and give the terminal back as it was."""
    if not terminal:
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextmanager
def _resizes(terminal: bool) -> Iterator[int]:
    """A pipe that becomes readable when the terminal's size changes."""
    reader, writer = os.pipe()

    def wake(_signal: int, _frame: FrameType | None) -> None:
        os.write(writer, b"w")

    previous = signal.signal(signal.SIGWINCH, wake) if terminal else None
    try:
        yield reader
    finally:
        if terminal:
            signal.signal(signal.SIGWINCH, previous)
        # The pipe stays open: the sending thread may still be waiting on it, and the process ends now.
