"""What probes and hooks do: exec, httpGet, tcpSocket, sleep (behaviour cases P02, P03, H01).

A handler only tells how it went; what follows is the plan's decision.  The texts are the kubelet's.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from orchestrator import __version__
from orchestrator.engine.base import Engine
from orchestrator.errors import OrchestratorError
from orchestrator.node.grpc_check import GrpcMissing, grpc_check
from orchestrator.node.http_get import host_port, http_get
from orchestrator.objects.container import Container
from orchestrator.objects.probes import GRPCAction, HTTPGetAction, LifecycleHandler, Probe, TCPSocketAction
from orchestrator.objects.scalars import IntOrString
from orchestrator.planning.environment import expand

MAX_BODY = 10 * 1024
_REDIRECTS = 10
_FOLLOWED = (301, 302, 303, 307, 308)
_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}
"""What this daemon or its host lacks; it tells nothing of the container."""
_URL_SAFE = "%/:=&?~#+!$,;'@()*[]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a handler went; `warning` is worth an Event although it is no failure (a redirect to another host).

    `unknown` says that it could not be run at all (the engine is away, or no descriptor is left): nothing is known of
    the container.
    """

    ok: bool
    output: str = ""
    warning: bool = False
    unknown: bool = False


class Handlers:
    """Runs handlers against containers of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def probe(self, probe: Probe, container: Container, engine_id: str, ip: str) -> Outcome:
        """One run of a probe, within its `timeoutSeconds`."""
        if not ip and probe.exec is None:
            return Outcome(False, "the pod has no address", unknown=True)
        seconds = float(max(probe.timeout_seconds, 1))
        if probe.exec is not None:
            # As the kubelet: `$(VAR)` is what stands in the spec, not what comes from elsewhere.
            written = {variable.name: variable.value for variable in container.env}
            argv = [expand(word, written) for word in probe.exec.command]
            return await self._exec(engine_id, argv, probe.exec.command, seconds)
        if probe.http_get is not None:
            return await self._http(probe.http_get, container, ip, seconds, "kube-probe")
        if probe.tcp_socket is not None:
            return await _tcp(probe.tcp_socket, container, ip, seconds)
        if probe.grpc is not None:
            return await _grpc(probe.grpc, ip, seconds)
        return Outcome(False, "the probe has no handler")

    async def hook(
        self, hook: LifecycleHandler, container: Container, engine_id: str, ip: str, seconds: float | None
    ) -> Outcome:
        """A postStart or preStop hook, to its end or to `seconds`."""
        if hook.exec is not None:
            return await self._exec(engine_id, hook.exec.command, hook.exec.command, seconds, hook=True)
        if hook.http_get is not None:
            return await self._http(hook.http_get, container, ip, seconds or 3600.0, "kube-lifecycle", hook=True)
        if hook.tcp_socket is not None:
            return await _tcp(hook.tcp_socket, container, ip, seconds or 60.0)
        if hook.sleep is not None:
            await asyncio.sleep(hook.sleep.seconds if seconds is None else min(hook.sleep.seconds, seconds))
            return Outcome(seconds is None or hook.sleep.seconds <= seconds)
        return Outcome(True)

    async def _exec(
        self, engine_id: str, argv: Sequence[str], command: Sequence[str], seconds: float | None, *, hook: bool = False
    ) -> Outcome:
        """Run `argv`; what is told of it is the `command` as the spec has it, without values."""
        try:
            result = await self._engine.exec(engine_id, tuple(argv), seconds=seconds)
        except OrchestratorError as error:
            return Outcome(False, str(error), unknown=True)
        output = result.output.decode(errors="replace")
        if result.timed_out:
            return Outcome(False, f'command timed out: "{" ".join(command)}" timed out after {_go_seconds(seconds)}')
        if result.exit_code and hook:
            words = f"command '{' '.join(command)}' exited with {result.exit_code}: {output}"
            return Outcome(False, words)
        return Outcome(result.exit_code == 0, output)

    async def _http(
        self, action: HTTPGetAction, container: Container, ip: str, seconds: float, agent: str, *, hook: bool = False
    ) -> Outcome:
        try:
            port = port_number(action.port, container)
        except ValueError as error:
            return Outcome(False, str(error))
        where = host_port(action.host or ip, port)
        path = action.path if action.path.startswith("/") else f"/{action.path}"
        url = f"{action.scheme.lower()}://{where}{quote(path, safe=_URL_SAFE)}"
        try:
            async with asyncio.timeout(seconds):
                return await _follow(url, _headers(action, agent), hook=hook)
        except TimeoutError:
            words = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            return Outcome(False, f'Get "{url}": {words}')
        except ConnectionResetError as error:
            return Outcome(False, f'Get "{url}": {error.strerror or error}')
        except OSError as error:
            return _not_connected(f'Get "{url}": dial tcp {where}', error)
        except ValueError as error:
            return Outcome(False, f'Get "{url}": {error}')


async def _follow(url: str, headers: dict[str, str], *, hook: bool) -> Outcome:
    """Follow redirects on the same host; any other that is the last answer is a success with a warning.

    A hook tells something to a server, it asks nothing: as in the kubelet, any answer is a success.
    """
    first = urlsplit(url).hostname
    for _ in range(_REDIRECTS):
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        port = parts.port or (443 if tls else 80)
        answer = await http_get(parts.hostname or "", port, target or "/", headers, tls=tls, max_body=MAX_BODY)
        if answer.status in _FOLLOWED and answer.location:
            there = _redirected(url, answer.location)
            if urlsplit(there).hostname == first:
                url = there
                continue
        body = answer.body.decode(errors="replace")
        if hook or 200 <= answer.status < 300:
            return Outcome(True, body)
        if 300 <= answer.status < 400:
            return Outcome(True, f"Probe terminated redirects, Response body: {body}", warning=True)
        return Outcome(False, f"HTTP probe failed with statuscode: {answer.status}")
    return Outcome(False, f'Get "{url}": stopped after {_REDIRECTS} redirects')


def _redirected(url: str, location: str) -> str:
    """Where a Location leads; ValueError for one that is no URL."""
    try:
        there = urljoin(url, location)
        _ = urlsplit(there).port
    except ValueError as error:
        raise ValueError(f'failed to parse Location header "{location}"') from error
    return there


def port_number(port: IntOrString, container: Container) -> int:
    """A port by its number, or by its name in the container's ports; ValueError when there is none."""
    if isinstance(port, int):
        return port
    for declared in container.ports:
        if declared.name == port:
            return declared.container_port
    if port.isdigit():
        return int(port)
    raise ValueError(f"couldn't find port: {port} in container {container.name}")


async def _tcp(action: TCPSocketAction, container: Container, ip: str, seconds: float) -> Outcome:
    host = action.host or ip
    try:
        port = port_number(action.port, container)
    except ValueError as error:
        return Outcome(False, str(error))
    where = host_port(host, port)
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Outcome(False, f"dial tcp {where}: i/o timeout")
    except OSError as error:
        return _not_connected(f"dial tcp {where}", error)
    writer.close()
    return Outcome(True)


async def _grpc(action: GRPCAction, ip: str, seconds: float) -> Outcome:
    address, agent = host_port(ip, action.port), f"kube-probe/{__version__}"
    try:
        return Outcome(*await grpc_check(address, action.service, seconds, agent))
    except GrpcMissing as error:
        return Outcome(False, str(error), unknown=True, warning=True)


def _headers(action: HTTPGetAction, agent: str) -> dict[str, str]:
    headers = {"User-Agent": f"{agent}/{__version__}", "Accept": "*/*", "Connection": "close"}
    return headers | {header.name: header.value for header in action.http_headers}


def _not_connected(what: str, error: OSError) -> Outcome:
    ours = error.errno in _OURS
    return Outcome(False, f"{what}: {_reason(error)}", unknown=ours, warning=ours)


def _reason(error: OSError) -> str:
    """As Go words a failed connect."""
    if isinstance(error, ssl.SSLError):
        return f"tls: {error.reason or error}".lower()
    if isinstance(error, socket.gaierror):
        return f"lookup: {error.strerror}".lower()
    if isinstance(error, ConnectionRefusedError):
        return "connect: connection refused"
    return f"connect: {os.strerror(error.errno).lower() if error.errno else error}"


def _go_seconds(seconds: float | None) -> str:
    return f"{seconds:g}s" if seconds is not None else "its limit"
