from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.engine.docker import DockerEngine
from orchestrator.engine.simulated import SimulatedEngine
from tests.contract.bench import Bench
from tests.contract.proxy import Proxy
from tests.images import DOCKER_SOCKET, busybox_image, engine_answers


@pytest.fixture(scope="session")
def docker_image() -> str:
    """The test image of the real engine; skips where there is none."""
    if not engine_answers():
        pytest.skip(f"no Docker Engine answers at {DOCKER_SOCKET}")
    return busybox_image()


@pytest.fixture(params=["simulated", "docker"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """The bench, once on each engine."""
    if request.param == "simulated":
        engine = SimulatedEngine()
        bench = Bench(engine, "busybox:1", engine.go_away, engine.come_back)
        engine.images.add("busybox:1")
        yield bench
        await bench.clean()
        return
    image = request.getfixturevalue("docker_image")
    proxy = Proxy(tmp_path / "engine.sock")
    await proxy.mend()
    bench = Bench(DockerEngine(proxy.url), image, proxy.cut, proxy.mend)
    yield bench
    await bench.clean()
    await proxy.end()


@pytest.fixture
async def docker(docker_image: str) -> AsyncIterator[Bench]:
    """The bench on the real engine alone, without a proxy between."""
    bench = Bench(DockerEngine(f"unix://{DOCKER_SOCKET}"), docker_image, _never, _never)
    yield bench
    await bench.clean()


def _never() -> None:
    raise AssertionError("only the bench with a proxy can be cut off")
