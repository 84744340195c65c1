import asyncio

import aiohttp
import pytest

from orchestrator.state import store as store_module
from orchestrator.state.store import Key
from tests.component.api.house import POD, House

PODS = "/api/v1/namespaces/default/pods"


async def test_changes_after_a_version_in_order(house: House) -> None:
    house.apply(POD)
    version = str(house.store.version)
    house.set_status("web", phase="Running")
    house.apply(POD.replace("web", "api"))
    house.store.delete(Key("Pod", "default", "web"))
    pod = house.store.get(Key("Pod", "default", "web"))
    assert pod is not None
    house.store.finalize(Key("Pod", "default", "web"), pod.metadata.uid)
    events = await house.watch(PODS, 4, resourceVersion=version)
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in events] == [
        ("MODIFIED", "web"),
        ("ADDED", "api"),
        ("MODIFIED", "web"),
        ("DELETED", "web"),
    ]


async def test_a_change_reaches_a_waiting_client(house: House) -> None:
    house.apply(POD)
    waiting = asyncio.create_task(house.watch("/api/v1/pods", 2))
    while not house.store._waiters:
        await asyncio.sleep(0)
    house.set_status("web", phase="Running")
    added, modified = await waiting
    assert (added["type"], modified["type"]) == ("ADDED", "MODIFIED")
    assert modified["object"]["status"]["phase"] == "Running"


async def test_what_leaves_a_selector_is_deleted_for_its_watcher(house: House) -> None:
    house.apply(POD)
    version = str(house.store.version)
    house.set_status("web", phase="Running")
    house.set_status("web", phase="Failed")
    query = {"fieldSelector": "status.phase=Running", "resourceVersion": version}
    assert [event["type"] for event in await house.watch(PODS, 2, **query)] == ["ADDED", "DELETED"]


async def test_initial_events_end_with_a_bookmark(house: House) -> None:
    house.apply(POD)
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    added, bookmark = await house.watch(PODS, 2, **query)
    assert added["type"] == "ADDED"
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert bookmark["object"]["metadata"]["resourceVersion"] == str(house.store.version)


async def test_a_version_that_is_too_old_or_from_another_life_is_gone(house: House) -> None:
    house.apply(POD)
    for number in range(store_module.HISTORY + 1):
        house.set_status("web", message=f"{number}")
    for version in ("1", "99999999"):
        code, status = await house.get(PODS, watch="true", resourceVersion=version)
        assert (code, status["reason"]) == (410, "Expired")


async def test_a_watch_ends_at_its_timeout_and_with_the_daemon(house: House) -> None:
    async with house.session.get(f"http://o{PODS}", params={"watch": "true", "timeoutSeconds": "1"}) as response:
        assert await response.read() == b""
    async with house.session.get(f"http://o{PODS}", params={"watch": "true"}) as response:
        await house.api.stop()
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_client_that_goes_away_leaves_no_waiter(house: House) -> None:
    async with house.session.get(f"http://o{PODS}", params={"watch": "true"}):
        while not house.store._waiters:
            await asyncio.sleep(0)
    async with asyncio.timeout(5):
        while house.store._waiters:
            await asyncio.sleep(0.01)
