"""The two stream formats of the Docker Engine API, cut into pieces: framed output, and JSON by lines."""

import struct
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import StreamReader

_HEADER = struct.Struct(">BxxxL")


async def frames(content: StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    """Chunks as (stream, data) of the multiplexed format: a header of stream and length, then the data.

    See "Stream format" at https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach.
    A frame that the connection's end cut short is given as far as it came.
    """
    buffer = bytearray()
    async for chunk in content.iter_any():
        buffer += chunk
        while len(buffer) >= _HEADER.size:
            stream, length = _HEADER.unpack_from(buffer)
            end = _HEADER.size + length
            if len(buffer) < end:
                break
            if length:
                yield stream, bytes(buffer[_HEADER.size : end])
            del buffer[:end]
    if len(buffer) > _HEADER.size:
        yield buffer[0], bytes(buffer[_HEADER.size :])


async def raw(content: StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    """Chunks of a terminal's output, all of stream 1."""
    async for chunk in content.iter_any():
        yield 1, chunk


async def json_lines(content: StreamReader) -> AsyncIterator[dict[str, Any]]:
    """One dict for each line, of any length."""
    buffer = bytearray()
    async for chunk in content.iter_any():
        buffer += chunk
        *lines, rest = buffer.split(b"\n")
        for line in lines:
            if line.strip():
                yield msgspec.json.decode(line)
        buffer = bytearray(rest)
    if buffer.strip():
        yield msgspec.json.decode(buffer)
