"""`orchestrator delete` as a process: its words, its exit codes, and what it waits for."""

import asyncio

import pytest

from orchestrator.state.store import Key
from tests.component.api.house import PATIENCE, POD, SECRET, House

STILL = "; its spec is still in t.yaml, so it is made anew\n"


def key(name: str) -> Key:
    return Key("Pod", "default", name)


@pytest.fixture(autouse=True)
def pods(house: House) -> None:
    for name in ("web", "api"):
        house.apply(POD.replace("web", name))


def grace(house: House, name: str = "web") -> int | None:
    found = house.store.get(key(name))
    assert found is not None
    seconds: int | None = found.metadata.deletion_grace_period_seconds
    return seconds


async def node_ends(house: House, *names: str) -> None:
    """End pods as the node does: when each is seen to go."""
    watch = house.store.watch()
    waiting = set(names)
    async with asyncio.timeout(PATIENCE):
        while waiting:
            for change in await watch.next():
                if change.key.name in waiting and change.object.metadata.deletion_timestamp:
                    waiting.discard(change.key.name)
                    house.store.finalize(change.key, change.object.metadata.uid)


async def test_pods_are_deleted_and_waited_for_and_others_come(house: House) -> None:
    first = house.store.get(key("web")).metadata.uid  # type: ignore[union-attr]
    ended, _ = await asyncio.gather(house.cli("delete", "pod", "web", "api"), node_ends(house, "web", "api"))
    assert ended.out == f'pod "web" deleted{STILL}pod "api" deleted{STILL}'
    again = house.store.get(key("web"))
    assert again is not None
    assert again.metadata.uid != first


async def test_what_is_gone_from_the_folder_is_waited_for_until_it_is_gone(house: House) -> None:
    house.store.delete(key("web"))
    command = asyncio.create_task(house.cli("delete", "pod/web", "--force"))
    await node_ends(house, "web")
    assert (await command).out == 'pod "web" force deleted\n'
    assert house.store.get(key("web")) is None


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ((), 30),
        (("--grace-period", "7"), 7),
        (("--grace=7",), 7),
        (("--now",), 1),
        (("--force",), 0),
        (("--force", "--grace-period=0"), 0),
        # As in kubectl: nothing but --force kills.
        (("--grace-period=0",), 1),
        (("--grace-period=-1",), 30),
    ],
)
async def test_L11_the_options_are_kubectls(house: House, options: tuple[str, ...], given: int) -> None:
    ended = await house.cli("delete", "po", "web", "--no-wait", *options)
    assert ended.out == f'pod "web" {"force deleted" if given == 0 else "deleted"}{STILL}'
    assert grace(house) == given
    assert grace(house, "api") is None


async def test_all_and_selected_ones(house: House) -> None:
    assert (await house.cli("delete", "pods", "-l", "app=api", "--no-wait")).out == f'pod "api" deleted{STILL}'
    assert grace(house) is None
    assert (await house.cli("delete", "pods", "--all", "--no-wait")).out.count(" deleted;") == 2
    assert grace(house) == 30
    ended = await house.cli("delete", "pods", "--all", "-n", "empty")
    assert (ended.out, ended.err) == ("", "No resources found\n")


async def test_one_that_is_not_there_keeps_no_other_from_going(house: House) -> None:
    ended = await house.cli("delete", "pod", "gone", "web", "--no-wait", code=1)
    assert ended.err == 'Error from server (NotFound): pods "gone" not found\n'
    assert grace(house) == 30
    assert (await house.cli("delete", "pod", "gone", "--ignore-not-found")).err == ""


async def test_the_wait_can_have_an_end(house: House) -> None:
    ended = await house.cli("delete", "pod", "web", "--timeout", "1s", code=1)
    assert ended.out == f'pod "web" deleted{STILL}'
    assert ended.err == "error: timed out waiting for pods/web to go\n"


async def test_what_belongs_to_the_folder_says_so(house: House) -> None:
    house.apply(SECRET)
    ended = await house.cli("delete", "secret", "keys", code=1)
    assert ended.err == (
        'Error from server (MethodNotAllowed): cannot delete secrets "keys": the folder is the source: '
        "remove the document from t.yaml\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pod",), "resource(s) were provided, but no name was specified"),
        (("pod", "web", "--all"), "name cannot be provided when a selector or --all is specified"),
        (("pod", "web", "--now", "--grace-period=3"), "--now and --grace-period cannot be specified together"),
        (("pod", "web", "--force", "--grace-period=3"), "--force and --grace-period greater than 0 cannot be"),
        (("pod", "web", "--force", "--now"), "--force and --grace-period greater than 0 cannot be"),
    ],
)
async def test_wrong_use(house: House, words: tuple[str, ...], said: str) -> None:
    ended = await house.cli("delete", *words, code=2)
    assert said in ended.err
    assert grace(house) is None
