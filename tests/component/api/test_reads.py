import pytest

from orchestrator.api.status import Problem
from orchestrator.errors import Conflict
from tests.component.api.house import POD, SECRET, House

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PODS = "/api/v1/namespaces/default/pods"


async def test_one_object_is_the_whole_document(house: House) -> None:
    pod = house.apply(POD)
    code, document = await house.get(f"{PODS}/web")
    assert code == 200
    assert document["apiVersion"] == "v1"
    assert document["kind"] == "Pod"
    assert document["metadata"]["uid"] == pod.metadata.uid
    assert document["spec"]["containers"][0]["terminationMessagePath"] == "/dev/termination-log"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"{PODS}/gone", 'pods "gone" not found'),
        ("/api/v1/namespaces/default/widgets", "the server could not find the requested resource"),
        ("/api/v1/pods/web", "the server could not find the requested resource"),
        ("/nowhere", "the server could not find the requested resource"),
        (f"{PODS}/gone/log", 'pods "gone" not found'),
    ],
)
async def test_what_is_not_there_is_a_status(house: House, path: str, message: str) -> None:
    code, status = await house.get(path)
    assert code == 404
    assert (status["kind"], status["reason"], status["code"]) == ("Status", "NotFound", 404)
    assert status["message"] == message


async def test_lists_carry_a_version_and_select(house: House) -> None:
    house.apply(POD)
    house.apply(POD.replace("web", "api"))
    house.set_status("api", phase="Running")
    code, listed = await house.get(PODS)
    assert code == 200
    assert listed["kind"] == "PodList"
    assert [item["metadata"]["name"] for item in listed["items"]] == ["api", "web"]
    assert listed["metadata"]["resourceVersion"] == str(house.store.version)
    for query in ({"labelSelector": "app=api"}, {"fieldSelector": "status.phase=Running"}):
        _, selected = await house.get("/api/v1/pods", **query)
        assert [item["metadata"]["name"] for item in selected["items"]] == ["api"]
    code, status = await house.get(PODS, fieldSelector="spec.colour=red")
    assert (code, status["message"]) == (400, 'field label not supported: "spec.colour"')


async def test_a_table_has_kubectls_columns(house: House) -> None:
    house.apply(POD)
    house.set_status("web", phase="Running", podIP="10.0.0.9")
    _, table = await house.get(PODS, TABLE)
    assert table["kind"] == "Table"
    names = [column["name"] for column in table["columnDefinitions"] if column["priority"] == 0]
    assert names == ["Name", "Ready", "Status", "Restarts", "Age"]
    (row,) = table["rows"]
    assert row["cells"][:4] == ["web", "0/2", "Running", "0"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert row["object"]["metadata"]["labels"] == {"app": "web"}


async def test_values_of_secrets_are_hidden_until_asked_for(house: House) -> None:
    house.apply(SECRET)
    path = "/api/v1/namespaces/default/secrets"
    for where in (f"{path}/keys", path):
        _, document = await house.get(where)
        assert "c2VzYW1l" not in str(document)
        assert "token" in str(document)
    # The test's user is the daemon's own.
    _, document = await house.get(f"{path}/keys", showSecrets="true")
    assert document["data"] == {"token": "c2VzYW1l"}


async def test_clients_can_discover_what_there_is(house: House) -> None:
    _, version = await house.get("/version")
    assert version["major"] == "1"
    _, versions = await house.get("/api")
    assert versions["versions"] == ["v1"]
    _, groups = await house.get("/apis")
    assert groups["kind"] == "APIGroupList"
    networking = next(group for group in groups["groups"] if group["name"] == "networking.k8s.io")
    assert networking["preferredVersion"] == {"groupVersion": "networking.k8s.io/v1", "version": "v1"}
    assert (await house.get("/apis/networking.k8s.io"))[1]["kind"] == "APIGroup"
    _, listed = await house.get("/apis/networking.k8s.io/v1")
    assert [row["name"] for row in listed["resources"]] == ["networkpolicies"]
    for nowhere in ("/apis/nobody.io", "/apis/nobody.io/v1", "/apis/networking.k8s.io/v9"):
        assert (await house.get(nowhere))[0] == 404
    _, listed = await house.get("/api/v1")
    rows = {row["name"]: row for row in listed["resources"]}
    assert rows["pods"]["shortNames"] == ["po"]
    assert rows["namespaces"]["namespaced"] is False
    assert "pods/log" in rows


async def test_kinds_of_other_groups_lie_below_their_own_path(house: House) -> None:
    house.apply("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: shut}, spec: {}}")
    root = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
    code, policy = await house.get(f"{root}/shut")
    assert (code, policy["kind"], policy["spec"]["policyTypes"]) == (200, "NetworkPolicy", ["Ingress"])
    _, listed = await house.get("/apis/networking.k8s.io/v1/networkpolicies")
    assert (listed["kind"], listed["apiVersion"]) == ("NetworkPolicyList", "networking.k8s.io/v1")
    assert [item["metadata"]["name"] for item in listed["items"]] == ["shut"]
    assert (await house.get("/api/v1/namespaces/default/networkpolicies"))[0] == 404
    assert (await house.get("/apis/networking.k8s.io/v1/namespaces/default/pods"))[0] == 404
    assert (await house.cli("get", "netpol", "-o", "name")).out == "networkpolicy.networking.k8s.io/shut\n"
    ended = await house.cli("delete", "netpol", "shut", code=1)
    assert "the folder is the source: remove the document from t.yaml" in ended.err


async def test_the_daemons_own_state(house: House) -> None:
    house.apply(POD)
    house.problems = (Problem("specs/a.yaml:3:7", "unknown field"),)
    _, status = await house.get("/orchestrator/v1/status")
    assert status["pods"] == {"Pending": 1}
    assert status["problems"] == [{"place": "specs/a.yaml:3:7", "message": "unknown field", "severity": "error"}]
    assert status["rssBytes"] > 1_000_000


async def test_a_socket_in_use_is_refused_and_a_dead_ones_replaced(house: House) -> None:
    assert house.socket.stat().st_mode & 0o777 == 0o660
    second = house.new_api()
    with pytest.raises(Conflict, match="another daemon answers there"):
        await second.start(house.socket)
    await second.stop()
    assert (await house.get("/api"))[0] == 200

    await house.api.stop()
    assert not house.socket.exists()
    import socket

    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(house.socket))
    house.api = house.new_api()
    await house.api.start(house.socket)
    assert (await house.get("/api"))[0] == 200
