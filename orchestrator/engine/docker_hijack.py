"""The connection of an attached command: aiodocker's stream, with what it lacks.

It can close standard input and read on, it ends its output where the engine ends it, and it says that a write came
too late.
"""

import asyncio
from typing import Any

import aiodocker.stream


class Hijacked:
    """A connection that has become a command's streams (`docker_exec.Hijacked`)."""

    def __init__(self, stream: aiodocker.stream.Stream) -> None:
        self._stream = stream
        self._transport: asyncio.Transport | None = None

    async def read_out(self) -> Any:
        """The next message, with `stream` and `data`; None at the end."""
        await self._connected()
        return await self._stream.read_out()

    async def write_in(self, data: bytes) -> None:
        """Send to standard input.  `BrokenPipeError` when the command has ended."""
        transport = await self._connected()
        if transport.is_closing():
            raise BrokenPipeError("the command has ended")
        await self._stream.write_in(data)

    def write_eof(self) -> None:
        """Close standard input; output goes on."""
        if self._transport and not self._transport.is_closing():
            self._transport.write_eof()

    async def close(self) -> None:
        """Close the connection; what it still had to send is dropped."""
        await self._stream.close()
        if self._transport:
            # What a command has not read by now, nobody waits for: a plain close would wait for it for ever.
            self._transport.abort()

    async def _connected(self) -> asyncio.Transport:
        if self._transport is None:
            await self._stream._init()
            response = self._stream._resp
            transport = response.connection.transport if response and response.connection else None
            if transport is None:
                raise BrokenPipeError("the command has ended")
            transport.set_protocol(_HalfClosable(transport.get_protocol(), self._stream._queue))
            self._transport = transport
        return self._transport


class _HalfClosable(asyncio.Protocol):
    """aiohttp's protocol, but for the end of what the engine sends.

    The engine closes its sending half when a command has ended, and leaves the other half open while input that the
    command did not read stands in its way.  aiohttp would wait for that input to be taken before it told of the end.
    """

    def __init__(self, protocol: Any, output: Any) -> None:
        self._protocol = protocol
        self._output = output

    def data_received(self, data: bytes) -> None:
        self._protocol.data_received(data)

    def eof_received(self) -> bool:
        self._output.feed_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
