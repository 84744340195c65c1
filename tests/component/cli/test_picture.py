"""The live picture, taken of a real API."""

import asyncio

from orchestrator.cli.client import Client
from orchestrator.cli.picture import Picture, changes, take
from tests.component.api.house import House

PAGE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: page}
data: {text: %s}
"""


async def taken(house: House) -> Picture:
    return await asyncio.to_thread(take, Client(house.socket), "2026-01-01T00:00:00Z")


async def test_an_edit_of_a_config_map_is_seen(house: House) -> None:
    house.apply(PAGE % "hello")
    before = await taken(house)
    assert [what for what, _version in before.config] == ["configmap default/page"]
    house.apply(PAGE % "hello")
    assert changes(before, await taken(house)) == []
    house.apply(PAGE % "goodbye")
    assert changes(before, await taken(house)) == ["configmap default/page  changed"]
