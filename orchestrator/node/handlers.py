"""What probes and hooks do: exec, httpGet, tcpSocket, sleep (behaviour cases P02, P03, H01).

A handler only tells how it went; what follows is the plan's decision.  The texts are the kubelet's.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from orchestrator import __version__
from orchestrator.engine.base import Engine
from orchestrator.errors import OrchestratorError
from orchestrator.objects.container import Container
from orchestrator.objects.probes import HTTPGetAction, LifecycleHandler, Probe
from orchestrator.objects.scalars import IntOrString

MAX_BODY = 10 * 1024
_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a handler went; `warning` is a success worth an Event (a redirect to another host)."""

    ok: bool
    output: str = ""
    warning: bool = False


class Handlers:
    """Runs handlers against containers of one engine.  One HTTP session serves all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Give back all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def probe(self, probe: Probe, container: Container, engine_id: str, ip: str) -> Outcome:
        """One run of a probe, within its `timeoutSeconds`."""
        seconds = float(max(probe.timeout_seconds, 1))
        if probe.exec is not None:
            return await self._exec(engine_id, probe.exec.command, seconds)
        if probe.http_get is not None:
            return await self._http(probe.http_get, container, ip, seconds, "kube-probe")
        if probe.tcp_socket is not None:
            return await _tcp(probe.tcp_socket.host or ip, port_number(probe.tcp_socket.port, container), seconds)
        return Outcome(False, "this kind of probe is not supported yet")

    async def hook(
        self, hook: LifecycleHandler, container: Container, engine_id: str, ip: str, seconds: float | None
    ) -> Outcome:
        """A postStart or preStop hook, to its end or to `seconds`."""
        if hook.exec is not None:
            return await self._exec(engine_id, hook.exec.command, seconds, hook=True)
        if hook.http_get is not None:
            return await self._http(hook.http_get, container, ip, seconds or 3600.0, "kube-lifecycle")
        if hook.tcp_socket is not None:
            return await _tcp(hook.tcp_socket.host or ip, port_number(hook.tcp_socket.port, container), seconds or 60.0)
        if hook.sleep is not None:
            await asyncio.sleep(hook.sleep.seconds if seconds is None else min(hook.sleep.seconds, seconds))
            return Outcome(seconds is None or hook.sleep.seconds <= seconds)
        return Outcome(True)

    async def _exec(
        self, engine_id: str, command: Sequence[str], seconds: float | None, *, hook: bool = False
    ) -> Outcome:
        try:
            result = await self._engine.exec(engine_id, tuple(command), seconds=seconds)
        except OrchestratorError as error:
            return Outcome(False, str(error))
        output = result.output.decode(errors="replace")
        if result.timed_out:
            return Outcome(False, f'command timed out: "{" ".join(command)}" timed out after {_go_seconds(seconds)}')
        if result.exit_code and hook:
            words = f"command '{' '.join(command)}' exited with {result.exit_code}: {output}"
            return Outcome(False, words)
        return Outcome(result.exit_code == 0, output)

    async def _http(self, action: HTTPGetAction, container: Container, ip: str, seconds: float, agent: str) -> Outcome:
        try:
            port = port_number(action.port, container)
        except ValueError as error:
            return Outcome(False, str(error))
        host = action.host or ip
        path = action.path if action.path.startswith("/") else f"/{action.path}"
        url = f"{action.scheme.lower()}://{host}:{port}{path}"
        try:
            async with asyncio.timeout(seconds):
                return await self._get(url, _headers(action, agent))
        except TimeoutError:
            words = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            return Outcome(False, f'Get "{url}": {words}')
        except aiohttp.ClientConnectorError as error:
            return Outcome(False, f'Get "{url}": dial tcp {host}:{port}: {_reason(error.os_error)}')
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(False, f'Get "{url}": {error or type(error).__name__}')

    async def _get(self, url: str, headers: dict[str, str]) -> Outcome:
        """Follow redirects on the same host; one to another host is a success with a warning."""
        session = self._open()
        first = urlsplit(url).hostname
        for _ in range(_REDIRECTS):
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                location = response.headers.get("Location")
                if response.status in (301, 302, 303, 307, 308) and location:
                    target = response.url.join(type(response.url)(location))
                    if target.host != first:
                        return Outcome(True, f"Probe terminated redirects, Response body: {location}", warning=True)
                    url = str(target)
                    continue
                body = (await response.content.read(MAX_BODY)).decode(errors="replace")
                if 200 <= response.status < 400:
                    return Outcome(True, body)
                return Outcome(False, f"HTTP probe failed with statuscode: {response.status}")
        return Outcome(False, f'Get "{url}": stopped after {_REDIRECTS} redirects')

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=_unchecked(), limit=0, force_close=True)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


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


async def _tcp(host: str, port: int, seconds: float) -> Outcome:
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Outcome(False, f"dial tcp {host}:{port}: i/o timeout")
    except OSError as error:
        return Outcome(False, f"dial tcp {host}:{port}: {_reason(error)}")
    writer.close()
    return Outcome(True)


def _headers(action: HTTPGetAction, agent: str) -> dict[str, str]:
    headers = {"User-Agent": f"{agent}/{__version__}", "Accept": "*/*", "Connection": "close"}
    return headers | {header.name: header.value for header in action.http_headers}


def _reason(error: OSError) -> str:
    """As Go words a failed connect."""
    if isinstance(error, ConnectionRefusedError):
        return "connect: connection refused"
    return f"connect: {(error.strerror or str(error)).lower()}"


def _go_seconds(seconds: float | None) -> str:
    return f"{seconds:g}s" if seconds is not None else "its limit"


def _unchecked() -> ssl.SSLContext:
    """Probes over HTTPS check no certificate, as in Kubernetes."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
