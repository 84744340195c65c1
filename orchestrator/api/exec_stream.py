"""`pods/{name}/exec`: a command in a container, over a WebSocket that carries several channels.

Every message begins with its channel's byte (subprotocol v5.channel.k8s.io): 0 stdin, 1 stdout, 2 stderr, 3 the
Status at the end, 4 the terminal's size as JSON, 255 "this channel is closed".
"""

import asyncio
import logging
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from orchestrator.api.context import Context, flag
from orchestrator.api.pods import attempts, container_name, find_pod, for_exec
from orchestrator.api.status_objects import exit_status, failure_of
from orchestrator.engine.base import Exec
from orchestrator.errors import Invalid, OrchestratorError

log = logging.getLogger(__name__)

STDIN, ERROR, RESIZE, CLOSE = 0, 3, 4, 255
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
START_TIMEOUT = 30.0
"""Seconds that the engine may take to start the command."""


class _Size(msgspec.Struct, rename="pascal"):
    width: int
    height: int


async def run_command(context: Context, request: web.Request) -> web.StreamResponse:
    """Query: command (one for each word), container, stdin, tty."""
    pod = find_pod(context, request.match_info["namespace"], request.match_info["name"])
    argv = tuple(request.query.getall("command", []))
    if not argv:
        raise Invalid("you must specify at least one command for the container")
    socket = web.WebSocketResponse(protocols=PROTOCOLS)
    if not socket.can_prepare(request).ok:
        raise Invalid("cannot exec without a WebSocket: Upgrade request required")
    name = container_name(pod, request.query.get("container", ""))
    run = for_exec(pod, name, await attempts(context, pod, name))
    async with asyncio.timeout(START_TIMEOUT):
        command = await context.engine.exec_attach(run.id, argv, stdin=flag(request, "stdin"), tty=flag(request, "tty"))
    try:
        await socket.prepare(request)
        await _connect(socket, command)
    finally:
        await command.close()
    return socket


async def _connect(socket: web.WebSocketResponse, command: Exec) -> None:
    """Carry both directions until the command ends or the client goes, whichever is first."""
    async with asyncio.TaskGroup() as group:
        showing = group.create_task(_show(socket, command))
        feeding = group.create_task(_feed(socket, command))
        showing.add_done_callback(lambda _task: feeding.cancel())
        feeding.add_done_callback(lambda _task: showing.cancel())
    # Not within `_show`: a close wakes `_feed`, whose end would cancel the close.
    await socket.close()


async def _show(socket: web.WebSocketResponse, command: Exec) -> None:
    try:
        await socket.send_bytes(bytes((ERROR,)) + msgspec.json.encode(await _end(socket, command)))
    except ConnectionResetError:
        return


async def _end(socket: web.WebSocketResponse, command: Exec) -> dict[str, Any]:
    """Send what the command writes; gives the Status that it ends with, or that says why its end cannot be seen."""
    try:
        async for stream, data in command.output():
            await socket.send_bytes(bytes((stream,)) + data)
        return exit_status(await command.exit_code())
    except OrchestratorError as error:
        return failure_of(error)


async def _feed(socket: web.WebSocketResponse, command: Exec) -> None:
    """Pass on what the client sends, until it goes.

    A command need not read its input, and may end before all of it has come: the rest is dropped, and its output and
    exit code still count.
    """
    async for message in socket:
        if message.type is not WSMsgType.BINARY or not message.data:
            continue
        try:
            await _pass_on(message.data[0], message.data[1:], command)
        except (OrchestratorError, OSError, msgspec.DecodeError) as error:
            log.debug("exec: what the client sent on channel %d is dropped: %s", message.data[0], error)


async def _pass_on(channel: int, data: bytes, command: Exec) -> None:
    if channel == STDIN and data:
        await command.write(data)
    elif channel == CLOSE and data == bytes((STDIN,)):
        await command.write_eof()
    elif channel == RESIZE:
        size = msgspec.json.decode(data, type=_Size)
        await command.resize(size.height, size.width)
