"""The kernel tells who else changed the daemon's table: what others do counts, at whatever moment, and nothing else."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from orchestrator.services.commands import run
from orchestrator.services.dataplane import Mode, choose_mode
from orchestrator.services.nft_watch import TableWatch
from tests.images import DOCKER_SOCKET


@pytest.fixture
async def table() -> AsyncIterator[str]:
    mode, why = await choose_mode(f"unix://{DOCKER_SOCKET}")
    if mode is not Mode.KERNEL:
        pytest.skip(f"this kernel's rules cannot be changed: {why}")
    name = f"watched-{uuid.uuid4().hex[:8]}"
    yield name
    await run("nft", "-f", "-", script=f"add table ip {name}\ndelete table ip {name}\n")


async def nft(script: str) -> None:
    await run("nft", "-f", "-", script=script)


async def test_own_changes_are_no_news_and_those_of_others_are_even_beside_one_of_our_own(table: str) -> None:
    watch = TableWatch(table)
    many = ", ".join(f"10.{one}.{two}.1" for one in range(20) for two in range(200))
    with watch.listening():
        with watch.own_change():
            await nft(f"add table ip {table}\nadd set ip {table} s {{ type ipv4_addr; }}\n")
        with watch.own_change():
            await nft(f"add element ip {table} s {{ {many} }}\n")
        # Others' tables, another family's table of that name, and reading are nothing to us.
        for line in (f"add table ip {table}-not", f"delete table ip {table}-not", f"add table ip6 {table}"):
            await nft(f"{line}\n")
        await nft(f"delete table ip6 {table}\n")
        await run("nft", "list", "table", "ip", table)
        with watch.own_change():
            await nft(f"add chain ip {table} c\n")
        assert not watch.by_others.is_set()
        with watch.own_change():
            await nft(f"add rule ip {table} c accept\n")
            await nft(f"flush set ip {table} s\n")  # somebody who is faster than the end of our command
        assert watch.by_others.is_set()
        watch.by_others.clear()
        for change in (f"flush table ip {table}\n", f"flush set ip {table} huge\n"):
            with watch.own_change():
                huge = ", ".join(f"10.{one // 250}.{one % 250}.{two}" for one in range(300) for two in range(200))
                add = f"add set ip {table} huge {{ type ipv4_addr; }}\nadd element ip {table} huge {{ {huge} }}\n"
                await nft(add)  # more than the kernel keeps for us
            assert not watch.by_others.is_set()
            await nft(change)
            async with asyncio.timeout(20):
                await watch.by_others.wait()
            watch.by_others.clear()
