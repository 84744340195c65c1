"""DELETE over the socket, as a client of Kubernetes sends it."""

import json
from typing import Any

import pytest

from orchestrator.state.store import Key
from tests.component.api.house import POD, SECRET, House

PODS = "/api/v1/namespaces/default/pods"
WEB = Key("Pod", "default", "web")


async def delete(house: House, path: str, body: Any = None, **query: str) -> tuple[int, Any, list[str]]:
    """Gives the HTTP status, the document and the warnings."""
    data = None if body is None else json.dumps(body)
    async with house.session.delete(f"http://o{path}", params=query, data=data) as response:
        return response.status, json.loads(await response.read()), response.headers.getall("Warning", [])


@pytest.mark.parametrize(
    ("body", "query", "grace"),
    [
        (None, {}, 30),
        (None, {"gracePeriodSeconds": "7"}, 7),
        (None, {"gracePeriodSeconds": "-1"}, 1),
        ({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}, {}, 30),
        ({"gracePeriodSeconds": 0}, {}, 0),
        # As in Kubernetes, a body stands for all of it.
        ({"gracePeriodSeconds": 5}, {"gracePeriodSeconds": "7"}, 5),
    ],
)
async def test_L11_a_pod_is_given_as_it_goes(house: House, body: Any, query: dict[str, str], grace: int) -> None:
    uid = house.apply(POD).metadata.uid
    code, document, warnings = await delete(house, f"{PODS}/web", body, **query)
    assert code == 200
    assert (document["kind"], document["metadata"]["uid"]) == ("Pod", uid)
    assert document["metadata"]["deletionGracePeriodSeconds"] == grace
    assert document["metadata"]["deletionTimestamp"]
    assert warnings == ['299 - "its spec is still in t.yaml, so it is made anew"']


async def test_L11_a_second_deletion_can_only_be_shorter(house: House) -> None:
    house.apply(POD)
    given = [
        (await delete(house, f"{PODS}/web", {"gracePeriodSeconds": seconds}))[1]["metadata"]
        for seconds in (20, 60, None, 8)
    ]
    assert [meta["deletionGracePeriodSeconds"] for meta in given] == [20, 20, 20, 8]
    assert given[0]["deletionTimestamp"] == given[2]["deletionTimestamp"] > given[3]["deletionTimestamp"]


async def test_of_a_pod_that_has_left_the_folder_nothing_is_made_anew(house: House) -> None:
    house.apply(POD)
    house.store.delete(WEB)
    code, document, warnings = await delete(house, f"{PODS}/web", {"gracePeriodSeconds": 0})
    assert (code, document["metadata"]["deletionGracePeriodSeconds"], warnings) == (200, 0, [])


async def test_preconditions_name_the_one_that_is_meant(house: House) -> None:
    meta = house.apply(POD).metadata
    for wrong, message in (
        (
            {"uid": "other"},
            "the UID in the precondition (other) does not match the UID in record "
            f"({meta.uid}). The object might have been deleted and then recreated",
        ),
        (
            {"uid": meta.uid, "resourceVersion": "1"},
            "the ResourceVersion in the precondition (1) does not match the ResourceVersion in record "
            f"({meta.resource_version}). The object might have been modified",
        ),
    ):
        code, status, _ = await delete(house, f"{PODS}/web", {"preconditions": wrong})
        assert (code, status["reason"]) == (409, "Conflict")
        assert status["message"] == f'Operation cannot be fulfilled on pods "web": {message}'
    assert house.store.get(WEB).metadata.deletion_timestamp == ""  # type: ignore[union-attr]
    right = {"uid": meta.uid, "resourceVersion": meta.resource_version}
    assert (await delete(house, f"{PODS}/web", {"preconditions": right}))[0] == 200


async def test_a_dry_run_changes_nothing(house: House) -> None:
    version = house.apply(POD).metadata.resource_version
    code, document, _ = await delete(house, f"{PODS}/web", dryRun="All")
    assert (code, document["metadata"]["resourceVersion"]) == (200, version)
    assert str(house.store.version) == version


@pytest.mark.parametrize(
    ("path", "code", "reason", "message"),
    [
        (f"{PODS}/gone", 404, "NotFound", 'pods "gone" not found'),
        ("/api/v1/namespaces/other/pods/web", 404, "NotFound", 'pods "web" not found'),
        ("/api/v1/pods/web", 404, "NotFound", "the server could not find the requested resource"),
        ("/api/v1/namespaces/default/gadgets/a", 404, "NotFound", "the server could not find the requested resource"),
        (
            "/api/v1/namespaces/default/secrets/keys",
            405,
            "MethodNotAllowed",
            'cannot delete secrets "keys": the folder is the source: remove the document from t.yaml',
        ),
        (
            "/api/v1/namespaces/default/secrets",
            405,
            "MethodNotAllowed",
            "cannot delete secrets: the folder is the source: remove their documents from it",
        ),
    ],
)
async def test_what_cannot_be_deleted_is_a_status(
    house: House, path: str, code: int, reason: str, message: str
) -> None:
    house.apply(POD)
    house.apply(SECRET)
    given, status, _ = await delete(house, path)
    assert (given, status["reason"], status["message"]) == (code, reason, message)
    assert not house.store.get(WEB).metadata.deletion_timestamp  # type: ignore[union-attr]
    assert house.store.get(Key("Secret", "default", "keys")) is not None


async def test_what_the_daemon_makes_goes_with_what_it_is_made_for(house: House) -> None:
    house.recorder.record(house.apply(POD), "Normal", "Tested", "it was")
    _, events = await house.get("/api/v1/namespaces/default/events")
    name = events["items"][0]["metadata"]["name"]
    code, status, _ = await delete(house, f"/api/v1/namespaces/default/events/{name}")
    assert code == 405
    assert status["message"].endswith("it is made by the daemon, and goes with what it is made for")


@pytest.mark.parametrize(
    "body", ["{", '{"gracePeriodSeconds": "soon"}', '{"dryRun": ["Some"]}', '{"preconditions": 1}', "[]", "\udcff"]
)
async def test_options_that_are_none_are_a_bad_request(house: House, body: str) -> None:
    house.apply(POD)
    data = body.encode(errors="surrogateescape")
    async with house.session.delete(f"http://o{PODS}/web", data=data) as response:
        status = json.loads(await response.read())
    assert (response.status, status["reason"]) == (400, "BadRequest")
    assert status["message"].startswith("cannot read the DeleteOptions: ")
    assert not house.store.get(WEB).metadata.deletion_timestamp  # type: ignore[union-attr]


async def test_a_collection_goes_by_its_selectors(house: House) -> None:
    for name in ("a", "b", "c"):
        house.apply(POD.replace("name: web", f"name: {name}").replace("app: web", f"app: {name}"))
    code, listed, _ = await delete(house, PODS, {"gracePeriodSeconds": 3}, labelSelector="app in (a, b)")
    assert (code, listed["kind"]) == (200, "PodList")
    assert [item["metadata"]["name"] for item in listed["items"]] == ["a", "b"]
    assert all(item["metadata"]["deletionGracePeriodSeconds"] == 3 for item in listed["items"])
    assert not house.store.get(Key("Pod", "default", "c")).metadata.deletion_timestamp  # type: ignore[union-attr]


async def test_clients_can_discover_what_can_be_deleted(house: House) -> None:
    _, listed = await house.get("/api/v1")
    verbs = {row["name"]: row["verbs"] for row in listed["resources"]}
    assert verbs["pods"] == ["delete", "deletecollection", "get", "list", "watch"]
    assert verbs["secrets"] == ["get", "list", "watch"]
