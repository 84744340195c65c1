"""A container's life, as every engine tells it."""

import asyncio
import time

import pytest

from orchestrator.engine.base import EngineRefused, PortBinding
from orchestrator.errors import Conflict, NotFound
from tests.contract.bench import FAILS, IGNORES_TERM, WAITS, Bench

pytestmark = pytest.mark.contract


async def test_info_names_engine_and_machine(bench: Bench) -> None:
    info = await bench.engine.info()
    assert info.name
    assert info.version
    assert info.api_version >= "1.41"
    assert info.os == "linux"
    assert info.architecture in ("amd64", "arm64")
    assert info.cpus > 0
    assert info.memory_bytes > 1 << 20


async def test_a_created_container_is_told_as_it_was_asked_for(bench: Bench) -> None:
    before = time.time()
    container_id = await bench.engine.create(bench.config("web", stop_signal="SIGUSR1"))
    found = await bench.engine.inspect(container_id)
    assert (found.id, found.name, found.image, found.phase) == (container_id, bench.name("web"), bench.image, "created")
    assert bench.labels.items() <= found.labels.items()
    assert found.stop_signal == "SIGUSR1"
    assert before - 5 < found.created_at < time.time() + 5
    assert (found.started_at, found.finished_at, found.pid, found.error) == (0.0, 0.0, 0, "")
    assert found.image_id == (await bench.engine.image(bench.image)).id
    assert await bench.engine.inspect(bench.name("web")) == found


async def test_start_runs_it_and_again_is_fine(bench: Bench) -> None:
    container = await bench.run()
    await bench.engine.start(container)
    found = await bench.engine.inspect(container)
    assert found.phase == "running"
    assert found.pid > 0
    assert found.started_at >= found.created_at
    assert found.finished_at == 0.0


async def test_it_ends_with_its_programs_exit_code(bench: Bench) -> None:
    found = await bench.until(await bench.run(doing=FAILS), "exited")
    assert found.exit_code == 3
    assert found.finished_at >= found.started_at > 0
    assert not found.oom_killed
    assert found.pid == 0


async def test_an_ended_container_can_start_again(bench: Bench) -> None:
    container = await bench.run(doing=FAILS)
    first = await bench.until(container, "exited")
    await bench.engine.start(container)
    second = await bench.until(container, "exited")
    assert second.started_at > first.started_at


@pytest.mark.parametrize("signal", ["TERM", "SIGTERM", "15"])
async def test_kill_sends_the_signal(bench: Bench, signal: str) -> None:
    container = await bench.run()
    await bench.engine.kill(container, signal)
    assert (await bench.until(container, "exited")).exit_code == 143


async def test_a_program_may_ignore_term_but_not_kill(bench: Bench) -> None:
    container = await bench.run(doing=IGNORES_TERM)
    await bench.engine.kill(container, "TERM")
    await bench.engine.exec(container, ("true",))
    assert (await bench.engine.inspect(container)).phase == "running"
    await bench.engine.kill(container)
    assert (await bench.until(container, "exited")).exit_code == 137


async def test_killing_what_does_not_run_is_a_conflict(bench: Bench) -> None:
    container = await bench.engine.create(bench.config())
    with pytest.raises(Conflict, match="not running"):
        await bench.engine.kill(container)


async def test_remove_kills_and_gone_already_is_fine(bench: Bench) -> None:
    container = await bench.run()
    await asyncio.gather(bench.engine.remove(container), bench.engine.remove(container))
    with pytest.raises(NotFound, match="No such container"):
        await bench.engine.inspect(container)
    await bench.engine.remove(container)


async def test_a_name_is_taken_once(bench: Bench) -> None:
    await bench.engine.create(bench.config("twin"))
    with pytest.raises(Conflict, match="already in use"):
        await bench.engine.create(bench.config("twin"))


async def test_create_without_the_image(bench: Bench) -> None:
    with pytest.raises(NotFound, match="No such image"):
        await bench.engine.create(bench.config(image="no-such-image:1"))


async def test_what_is_not_there_is_not_found(bench: Bench) -> None:
    nobody = bench.name("nobody")
    for call in (
        bench.engine.inspect(nobody),
        bench.engine.start(nobody),
        bench.engine.kill(nobody),
        bench.engine.unpause(nobody),
        bench.engine.exec(nobody, ("true",)),
        bench.engine.exec_attach(nobody, ("true",), stdin=False, tty=False),
        anext(aiter(bench.engine.logs(nobody))),
    ):
        with pytest.raises(NotFound, match="No such container"):
            await call


async def test_list_takes_those_that_bear_all_labels_dead_ones_too(bench: Bench) -> None:
    mine = {**bench.labels, "orchestrator.dev/pod": "a"}
    created = await bench.engine.create(bench.config("created", labels=mine))
    running = await bench.run("running", labels=mine)
    ended = await bench.run("ended", FAILS, labels=mine)
    await bench.until(ended, "exited")
    await bench.engine.create(bench.config("other"))
    found = {each.id: each.phase for each in await bench.engine.list_containers(mine)}
    assert found == {created: "created", running: "running", ended: "exited"}
    assert len(await bench.engine.list_containers(bench.labels)) == 4
    assert await bench.engine.list_containers({**mine, "orchestrator.dev/pod": "b"}) == []


async def test_list_leaves_out_what_vanishes_meanwhile(bench: Bench) -> None:
    kept = await bench.engine.create(bench.config("kept"))
    going = [await bench.engine.create(bench.config(f"going-{number}")) for number in range(4)]
    async with asyncio.TaskGroup() as group:
        lists = [group.create_task(bench.engine.list_containers(bench.labels)) for _ in range(20)]
        for container in going:
            group.create_task(bench.engine.remove(container))
    assert all(kept in {each.id for each in done.result()} for done in lists)
    assert [each.id for each in await bench.engine.list_containers(bench.labels)] == [kept]


async def test_a_joined_container_needs_a_running_target(bench: Bench) -> None:
    sandbox = await bench.engine.create(bench.config("sandbox", ipc_mode="shareable"))
    joined = await bench.engine.create(bench.config("joined", network=f"container:{sandbox}"))
    with pytest.raises(Conflict, match="non running container"):
        await bench.engine.start(joined)
    refused = await bench.engine.inspect(joined)
    assert (refused.phase, refused.exit_code, refused.started_at) == ("created", 128, 0.0)
    assert "non running container" in refused.error
    await bench.engine.start(sandbox)
    await bench.engine.start(joined)
    found = await bench.engine.inspect(joined)
    assert (found.phase, found.error, found.addresses) == ("running", "", {})


async def test_joined_containers_outlive_the_target(bench: Bench) -> None:
    sandbox = await bench.run("sandbox", ipc_mode="shareable")
    joined = await bench.run("joined", network=f"container:{sandbox}")
    await bench.engine.kill(sandbox)
    assert (await bench.until(sandbox, "exited")).joined == ""
    await bench.engine.remove(sandbox)
    found = await bench.engine.inspect(joined)
    assert (found.phase, found.joined) == ("running", sandbox)


async def test_joining_what_is_not_there_is_refused_at_once(bench: Bench) -> None:
    with pytest.raises(EngineRefused, match="No such container"):
        await bench.engine.create(bench.config(network=f"container:{bench.name('nobody')}"))


async def test_a_host_port_is_given_once(bench: Bench, unused_tcp_port: int) -> None:
    network = await bench.engine.create_network(
        bench.name("net"), labels=bench.labels, subnet="10.219.7.0/24", ip_range="", gateway="10.219.7.1", bridge=""
    )
    ports = (PortBinding(80, unused_tcp_port, host_ip="127.0.0.1"),)
    await bench.run("first", network=network.name, ports=ports)
    with pytest.raises(EngineRefused, match="is in use by another container: end that, or choose another hostPort"):
        await bench.run("second", WAITS, network=network.name, ports=ports)
    found = await bench.engine.inspect(bench.name("second"))
    assert (found.phase, found.exit_code) == ("created", 128)
    assert str(unused_tcp_port) in found.error


async def test_unpause_of_what_is_not_paused_is_fine(bench: Bench) -> None:
    await bench.engine.unpause(await bench.run())
