import asyncio
import json

import pytest
from aiohttp import WSMsgType

from orchestrator.engine.base import ExecResult
from orchestrator.engine.simulated import Program
from orchestrator.errors import Unavailable
from orchestrator.planning.labels import ATTEMPT
from orchestrator.planning.runtime_config import ContainerConfig
from tests.component.api.house import IMAGE, POD, House

LOG = "/api/v1/namespaces/default/pods/web/log"
FIRST = Program(run_for=0, exit_code=1, output=((1, b"one\ntwo\n"),))
SECOND = Program(output=((1, b"three\n"), (2, b"four\n")))


async def read_log(house: House, **query: str) -> tuple[int, str]:
    async with house.session.get(f"http://o{LOG}", params=query) as response:
        text = await response.text()
        return response.status, text if response.status == 200 else json.loads(text)["message"]


async def restarted(house: House) -> None:
    """A pod whose container has died once and runs again."""
    pod = house.apply(POD)
    await house.run_container(pod, "app", 0, FIRST)
    await house.run_container(pod, "app", 1, SECOND)


async def test_the_log_of_the_newest_run_or_of_the_one_before(house: House) -> None:
    await restarted(house)
    assert await read_log(house) == (200, "three\nfour\n")
    assert await read_log(house, container="app", tailLines="1") == (200, "four\n")
    assert await read_log(house, limitBytes="3") == (200, "thr")
    assert await read_log(house, previous="true") == (200, "one\ntwo\n")


async def test_a_copy_of_a_container_with_all_its_labels_is_never_asked(house: House) -> None:
    await restarted(house)
    (found,) = [each for each in await house.engine.list_containers({}) if each.phase == "running"]
    house.engine.program("somebody", Program(output=((1, b"not yours\n"),)))
    config = ContainerConfig(name="somebody", image=IMAGE, labels={**found.labels, ATTEMPT: "7"})
    await house.engine.start(await house.engine.create(config))
    assert await read_log(house) == (200, "three\nfour\n")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"previous": "true"}, 'previous terminated container "app" in pod "web" not found'),
        ({}, 'container "app" in pod "web" is waiting to start: ContainerCreating'),
        ({"container": "side"}, 'container "side" in pod "web" is waiting to start: image can\'t be pulled'),
        ({"container": "none"}, "container none is not valid for pod web"),
        ({"tailLines": "x"}, "cannot read the log: tailLines must be a whole number, not 'x'"),
    ],
)
async def test_a_log_that_is_not_there_is_refused_in_the_kubelets_words(
    house: House, query: dict[str, str], message: str
) -> None:
    house.apply(POD)
    waiting = {"waiting": {"reason": "ErrImagePull"}}
    status = {"name": "side", "ready": False, "restartCount": 0, "image": "", "imageID": "", "state": waiting}
    house.set_status("web", containerStatuses=[status])
    assert await read_log(house, **query) == (400, message)


async def test_a_followed_log_ends_with_its_container(house: House) -> None:
    pod = house.apply(POD)
    container = await house.run_container(pod, "app", 0, SECOND)
    async with house.session.get(f"http://o{LOG}", params={"follow": "true"}) as response:
        assert await response.content.readline() == b"three\n"
        assert await response.content.readline() == b"four\n"
        house.engine.write(container, 1, b"five\n")
        assert await response.content.readline() == b"five\n"
        house.engine.crash(container)
        assert await response.content.read() == b""


async def test_the_default_container_may_be_annotated(house: House) -> None:
    note = "{name: web, annotations: {kubectl.kubernetes.io/default-container: side}, "
    pod = house.apply(POD.replace("{name: web, ", note))
    await house.run_container(pod, "side", 0, SECOND)
    assert await read_log(house) == (200, "three\nfour\n")


async def test_exec_carries_both_outputs_and_the_exit_code(house: House) -> None:
    program = Program(exec=lambda argv: ExecResult(3, " ".join(argv).encode()))
    await house.run_container(house.apply(POD), "app", 0, program)
    url = "http://o/api/v1/namespaces/default/pods/web/exec?command=echo&command=a%20b&stdout=true"
    async with house.session.ws_connect(url, protocols=("v5.channel.k8s.io",)) as socket:
        assert socket.protocol == "v5.channel.k8s.io"
        output = await socket.receive_bytes()
        status = await socket.receive_bytes()
    assert output == b"\x01echo a b"
    assert status[0] == 3
    assert json.loads(status[1:])["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


async def test_exec_of_a_command_that_does_not_read_its_input_gives_its_output_and_exit_code(house: House) -> None:
    released = asyncio.Event()

    async def ignore_input(argv: tuple[str, ...]) -> ExecResult:
        await released.wait()
        return ExecResult(7, b"bye")

    await house.run_container(house.apply(POD), "app", 0, Program(exec=ignore_input, reads=False))
    url = "http://o/api/v1/namespaces/default/pods/web/exec?command=true&stdin=true"
    async with house.session.ws_connect(url, autoping=False) as socket:
        for message in (b"\x00what nobody reads", b"\x04no size", b"\xff\x00", b"\x00more"):
            await socket.send_bytes(message)
        await socket.ping()
        # The answer to a ping follows what came before it.
        assert (await socket.receive()).type is WSMsgType.PONG
        released.set()
        assert await socket.receive_bytes() == b"\x01bye"
        status = await socket.receive_bytes()
    assert json.loads(status[1:])["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]


async def test_exec_says_why_the_end_of_a_command_cannot_be_seen(house: House) -> None:
    def lose_engine(argv: tuple[str, ...]) -> ExecResult:
        raise Unavailable("cannot reach the engine")

    await house.run_container(house.apply(POD), "app", 0, Program(exec=lose_engine))
    url = "http://o/api/v1/namespaces/default/pods/web/exec?command=true"
    async with house.session.ws_connect(url) as socket:
        status = await socket.receive_bytes()
    assert status[0] == 3
    assert json.loads(status[1:])["message"] == "cannot reach the engine"


async def test_exec_in_what_does_not_run_is_refused(house: House) -> None:
    await house.run_container(house.apply(POD), "app", 0, FIRST)
    async with asyncio.timeout(5):
        while not (await house.engine.list_containers({}))[0].finished_at:
            await asyncio.sleep(0)
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    url = "http://o/api/v1/namespaces/default/pods/web/exec"
    async with house.session.get(url, params={"command": "ls"}, headers=upgrade) as response:
        assert response.status == 400
        assert 'container "app" in pod "web" is not running' in (await response.json())["message"]
    for query, message in (({}, "at least one command"), ({"command": "ls"}, "Upgrade request required")):
        async with house.session.get(url, params=query) as response:
            assert response.status == 400
            assert message in (await response.json())["message"]
