"""Images, as every engine keeps them."""

import io
import tarfile
from collections.abc import Iterator

import pytest

from orchestrator.engine.base import EngineRefused
from orchestrator.errors import Conflict, NotFound
from tests.contract.bench import Bench
from tests.images import remove_image

pytestmark = pytest.mark.contract


@pytest.fixture
def name(bench: Bench) -> Iterator[str]:
    name = f"orchestrator-test/{bench.run_id}:1"
    yield name
    remove_image(name)


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("empty"))
    return buffer.getvalue()


async def test_an_image_is_found_by_name_and_id(bench: Bench) -> None:
    image = await bench.engine.image(bench.image)
    assert image.id.startswith("sha256:")
    assert bench.image in image.tags
    assert image.architecture in ("amd64", "arm64")
    assert image.size_bytes > 0
    assert await bench.engine.image(image.id) == image


async def test_no_such_image(bench: Bench) -> None:
    with pytest.raises(NotFound, match="No such image"):
        await bench.engine.image("no-such-image:1")


async def test_an_imported_tar_is_an_image(bench: Bench, name: str) -> None:
    image_id = await bench.engine.import_image(_tar(), name, ("USER 1000", 'CMD ["/bin/true"]'))
    image = await bench.engine.image(name)
    assert (image.id, image.user) == (image_id, "1000")
    assert name in image.tags


async def test_a_pull_that_cannot_be_says_why(bench: Bench) -> None:
    # Port 1 of this machine serves nothing, least of all a registry.
    with pytest.raises((NotFound, EngineRefused), match=r"127\.0\.0\.1:1"):
        _ = [step async for step in bench.engine.pull("127.0.0.1:1/nothing:1")]


async def test_a_list_of_images_and_what_containers_have(bench: Bench, name: str) -> None:
    image_id = await bench.engine.import_image(_tar(), name, ('CMD ["/bin/true"]',))
    (listed,) = [image for image in await bench.engine.list_images() if image.id == image_id]
    assert listed.tags == (name,)
    assert image_id not in await bench.engine.used_images()
    container = await bench.engine.create(bench.config(image=name))
    assert image_id in await bench.engine.used_images()
    with pytest.raises(Conflict, match="conflict"):
        await bench.engine.remove_image(name)
    await bench.engine.remove(container)
    await bench.engine.remove_image(name)
    await bench.engine.remove_image(name)
    with pytest.raises(NotFound):
        await bench.engine.image(name)


async def test_an_image_says_what_it_runs_on(bench: Bench) -> None:
    info = await bench.engine.info()
    assert (await bench.engine.image(bench.image)).platform == f"linux/{info.architecture}"


async def test_a_registry_that_is_not_there_offers_no_platforms(bench: Bench) -> None:
    name = "127.0.0.1:1/nothing:1"
    try:
        assert await bench.engine.platforms(name, {"username": "u", "password": "p"}) == ()
    except (NotFound, EngineRefused) as error:
        assert "127.0.0.1:1" in str(error)  # noqa: PT017


async def test_a_pull_for_a_platform_that_is_none_is_refused(bench: Bench) -> None:
    with pytest.raises((NotFound, EngineRefused)):
        _ = [step async for step in bench.engine.pull("127.0.0.1:1/nothing:1", platform="linux/none")]
