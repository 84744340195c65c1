"""Commands in containers, as every engine runs them."""

import asyncio
import contextlib

import pytest

from orchestrator.engine.base import Exec, ExecResult
from orchestrator.engine.simulated import Program
from orchestrator.errors import Conflict, Unavailable
from tests.contract.bench import WAITS, Bench, Doing

pytestmark = pytest.mark.contract


async def test_exec_gives_output_and_exit_code(bench: Bench) -> None:
    result = await bench.engine.exec(await bench.run(), ("sh", "-c", "echo hello; exit 3"))
    assert (result.exit_code, result.output, result.timed_out) == (3, b"hello\n", False)


async def test_exec_reads_all_and_keeps_the_end(bench: Bench) -> None:
    script = "yes | head -c 1000000; echo end"
    result = await bench.engine.exec(await bench.run(), ("sh", "-c", script), max_output=5000)
    assert (result.exit_code, result.output) == (0, b"y\n" * 2498 + b"end\n")


async def test_exec_of_no_such_program(bench: Bench) -> None:
    result = await bench.engine.exec(await bench.run(), ("no-such-program",))
    assert result.exit_code in (126, 127)  # 127 from Docker 28.0 on
    assert b"executable file not found" in result.output


async def test_exec_is_killed_at_its_time_limit(bench: Bench) -> None:
    async with asyncio.timeout(10):
        result = await bench.engine.exec(await bench.run(), ("sleep", "1000"), seconds=0.3)
    assert (result.exit_code, result.timed_out) == (137, True)


async def test_exec_ends_with_its_container(bench: Bench) -> None:
    container = await bench.run()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        begins = ("sh", "-c", "touch /tmp/begun; sleep 1000")
        running = group.create_task(bench.engine.exec(container, begins, seconds=100))
        await bench.engine.exec(container, ("sh", "-c", "until [ -e /tmp/begun ]; do sleep 0.05; done"))
        await bench.engine.kill(container)
    assert (running.result().exit_code, running.result().timed_out) == (137, False)


async def test_exec_needs_a_running_container(bench: Bench) -> None:
    container = await bench.engine.create(bench.config())
    with pytest.raises(Conflict, match="not running"):
        await bench.engine.exec(container, ("true",))
    with pytest.raises(Conflict, match="not running"):
        await bench.engine.exec_attach(container, ("true",), stdin=False, tty=False)


async def test_many_at_once(bench: Bench) -> None:
    container = await bench.run()
    command = ("sh", "-c", "echo hello; exit 3")
    results = await asyncio.gather(*(bench.engine.exec(container, command) for _ in range(10)))
    assert {(result.exit_code, result.output) for result in results} == {(3, b"hello\n")}


async def _all(attached: Exec) -> bytes:
    async with asyncio.timeout(10):
        return b"".join([data async for _, data in attached.output()])


async def _write_on(attached: Exec) -> None:
    async with asyncio.timeout(10):
        while True:
            await attached.write(bytes(65536))


async def test_an_attached_command_gives_output_and_exit_code(bench: Bench) -> None:
    command = ("sh", "-c", "echo hello; exit 3")
    attached = await bench.engine.exec_attach(await bench.run(), command, stdin=False, tty=False)
    assert await _all(attached) == b"hello\n"
    assert await attached.exit_code() == 3
    await attached.close()


async def test_an_attached_command_reads_its_standard_input_to_the_end(bench: Bench) -> None:
    attached = await bench.engine.exec_attach(await bench.run(), ("cat",), stdin=True, tty=False)
    await attached.write(b"one ")
    await attached.write(b"two")
    await attached.write_eof()
    assert await _all(attached) == b"one two"
    assert await attached.exit_code() == 0
    await attached.close()


async def test_close_may_come_early_and_twice(bench: Bench) -> None:
    attached = await bench.engine.exec_attach(await bench.run(), ("cat",), stdin=True, tty=False)
    await attached.close()
    await attached.close()


async def test_an_attached_command_that_does_not_read_its_input_is_seen_to_its_end(bench: Bench) -> None:
    ends = Program(exec=lambda argv: ExecResult(7, b"bye\n"), reads=False)
    container = await bench.run(doing=Doing(WAITS.shell, ends))
    attached = await bench.engine.exec_attach(
        container, ("sh", "-c", "echo bye; sleep 0.1; exit 7"), stdin=True, tty=False
    )
    writing = asyncio.create_task(_write_on(attached))
    assert await _all(attached) == b"bye\n"
    # The engine closes its end when it has seen the command's: a write then fails, or nobody takes it any more.
    writing.cancel()
    with contextlib.suppress(Unavailable, asyncio.CancelledError):
        await writing
    assert await attached.exit_code() == 7
    await attached.close()
