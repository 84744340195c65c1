"""Fixtures: one daemon that most tests share, and daemons of their own for those that stop or kill it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon import POOLS, Daemon
from tests.e2e.front import EngineInFront
from tests.e2e.uplink import RANGES, guarded_uplink
from tests.faults import Faults
from tests.images import busybox_image, engine_answers
from tests.registry import Registry, running

STAYS = "stays.yaml"
USERS = {"anna": "correct-horse", "bert": "battery-staple"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a real engine; without one it is skipped with a sentence."""
    here = Path(__file__).parent
    missing = not engine_answers()
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if missing:
                item.add_marker(pytest.mark.skip(reason="no Docker Engine answers: run `make engine`"))


@pytest.fixture(scope="session", autouse=True)
def _uplink() -> Iterator[None]:
    """No packet for a pod's or a Service's address leaves this host, whatever the tests do (issue 5)."""
    with guarded_uplink(*RANGES) as uplink:
        yield
        leaked = uplink.leaked([*POOLS, "10.222.0.0/16"]) if uplink else []
    assert not leaked, f"packets left through the host's uplink: {leaked}"


@pytest.fixture(scope="session")
def image() -> str:
    """The name of the test image."""
    return busybox_image()


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[Daemon]:
    yield from _staying(tmp_path_factory.mktemp("shared"), image)


@pytest.fixture(scope="session")
def _shared_by_name(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[Daemon]:
    yield from _staying(tmp_path_factory.mktemp("names"), image, "--service-mode", "names")


def _staying(home: Path, image: str, *arguments: str) -> Iterator[Daemon]:
    daemon = Daemon(home, image, *arguments)
    # With one file that stays, the folder is never empty between two tests: nothing waits for it to fill again (D06).
    daemon.write("{apiVersion: v1, kind: ConfigMap, metadata: {name: stays}}", STAYS)
    daemon.start()
    yield daemon
    daemon.down()


@pytest.fixture
def daemon(_shared: Daemon) -> Iterator[Daemon]:
    """The shared daemon with an empty folder; what a test leaves there is removed, and its pods are gone after it."""
    yield _shared
    _empty(_shared)


@pytest.fixture(params=["_shared", "_shared_by_name"], ids=["kernel", "names"])
def either_daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """As `daemon`, once with Services in the kernel, and once by name alone: for what holds of both."""
    chosen: Daemon = request.getfixturevalue(request.param)
    yield chosen
    _empty(chosen)


def _empty(daemon: Daemon) -> None:
    for file in sorted(set(daemon.specs.rglob("*")) - {daemon.specs / STAYS}, reverse=True):
        file.unlink() if not file.is_dir() or file.is_symlink() else file.rmdir()
    for pod in daemon.client.get("/api/v1/pods")["items"]:
        meta = pod["metadata"]
        daemon.wait_gone(meta["name"], namespace=meta["namespace"])
    daemon.check()


@pytest.fixture
def new_daemon(tmp_path: Path, image: str) -> Iterator[Callable[..., Daemon]]:
    """Makes daemons (not started) that end with the test: `new_daemon("--pool", "10.9.0.0/16")`."""
    made: list[Daemon] = []

    def make(*arguments: str) -> Daemon:
        home = tmp_path / f"d{len(made)}"
        home.mkdir()
        made.append(Daemon(home, image, *arguments))
        return made[-1]

    yield make
    for daemon in made:
        daemon.down()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[Registry]:
    """A registry that everybody may pull from; what is pulled from it is removed at the end."""
    with running(Registry(tmp_path_factory.mktemp("registry"))) as made:
        yield made


@pytest.fixture(scope="session")
def private_registry(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[Registry]:
    """A registry with users."""
    with running(Registry(tmp_path_factory.mktemp("private"), users=USERS)) as made:
        yield made


@pytest.fixture(scope="session")
def tls_registry(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[Registry]:
    """A registry with users and a certificate."""
    with running(Registry(tmp_path_factory.mktemp("tls"), users=USERS, tls=True)) as made:
        yield made


@pytest.fixture
def faults(registry: Registry) -> Iterator[Faults]:
    """Something in front of the registry that fails as it is told."""
    with Faults(registry) as made:
        yield made


@pytest.fixture
def own_daemon(new_daemon: Callable[..., Daemon]) -> Daemon:
    """A running daemon of the test's own, to be stopped, killed and started again."""
    return new_daemon().start()


@pytest.fixture
def front(tmp_path: Path) -> Iterator[EngineInFront]:
    """An engine that can go away, and be ill in other ways; it is there, and well."""
    engine = EngineInFront(tmp_path / "front.sock")
    engine.come()
    yield engine
    engine.close()
