"""`plan` over the socket: what it says, and that it changes nothing."""

import json
from pathlib import Path

import pytest
import yaml

from orchestrator.objects import registry
from orchestrator.planning.namespaces import implied_namespaces
from orchestrator.planning.preview import Verdicts
from orchestrator.state.store import IMPLIED, SPECS, Desired
from tests.component.api.house import POD, SECRET, House

MORE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: fresh, namespace: other}
data: {a: b}
"""


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    folder = tmp_path / "specs"
    folder.mkdir()
    (folder / "pod.yaml").write_text(POD)
    (folder / "keys.yaml").write_text(SECRET)
    return folder


@pytest.fixture(autouse=True)
def what_runs(house: House) -> None:
    """The store as the daemon makes it of the two files."""
    decoded = [(document, registry.decode(document)[0]) for document in map(yaml.safe_load, (POD, SECRET))]
    implied = implied_namespaces(obj for _, obj in decoded if obj is not None)
    house.store.sync(IMPLIED, [Desired(obj, {}) for obj in implied])
    house.store.sync(SPECS, [Desired(obj, document) for document, obj in decoded])


async def test_the_same_specs_are_nothing_to_do(house: House, specs: Path) -> None:
    version = house.store.version
    assert (await house.cli("plan", str(specs))).out == (
        "Namespace default     nothing\nSecret default/keys   nothing\nPod default/web       nothing\n3 unchanged\n"
    )
    assert house.store.version == version


async def test_a_line_for_each_step_and_no_secret(house: House, specs: Path) -> None:
    version = house.store.version
    (specs / "pod.yaml").write_text(POD.replace("side, image: app:1", "side, image: app:2"))
    (specs / "keys.yaml").write_text(SECRET.replace("c2VzYW1l", "b3Blbg=="))
    (specs / "more.yaml").write_text(MORE)
    out = (await house.cli("plan", str(specs))).out
    assert [line.split(maxsplit=2) for line in out.splitlines()[:-1]] == [
        ["Namespace", "other", "create                   it is not there yet"],
        ["ConfigMap", "other/fresh", "create                   it is not there yet"],
        ["Secret", "default/keys", "update                   data.token: changed; at the next start of web/app (env)"],
        ["Pod", "default/web", "replace container side   spec.containers[1].image: app:1 -> app:2"],
        ["Namespace", "default", "nothing"],
    ]
    assert out.splitlines()[-1] == "2 to create, 1 container to replace, 1 to update, 1 unchanged"
    assert not any(secret in out for secret in ("sesame", "c2VzYW1l", "b3Blbg", "open"))
    assert house.store.version == version


async def test_as_json_and_from_standard_input(house: House) -> None:
    ended = await house.cli("plan", "-", "-o", "json", stdin=SECRET.encode())
    answer = json.loads(ended.out)
    assert answer["summary"] == "1 to delete, 2 unchanged"
    assert answer["steps"][0] == {
        "kind": "Pod",
        "namespace": "default",
        "name": "web",
        "action": "delete",
        "container": "",
        "causes": ["the specs do not have it"],
        "effects": [],
    }


async def test_specs_with_an_error_have_no_plan(house: House, specs: Path) -> None:
    (specs / "pod.yaml").write_text(POD.replace("image: app:1", "imag: app:1", 1))
    ended = await house.cli("plan", str(specs), code=1)
    assert f'{specs}/pod.yaml:8:5: spec.containers[0].imag: unknown field "imag"' in ended.out
    assert ended.out == (await house.cli("validate", "-q", str(specs), code=1)).out


async def test_a_pod_that_is_being_deleted_would_be_created(house: House, specs: Path) -> None:
    house.store.delete(next(key for key in house.store.owned(SPECS) if key.kind == "Pod"))
    assert "Pod default/web       create    it is not there yet" in (await house.cli("plan", str(specs))).out


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "cannot read the request"),
        ("[]", 'a list of "documents"'),
        ('{"documents": [{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}, "spec": {}}]}', "containers"),
        ('{"documents": [7]}', "a document must be a mapping"),
    ],
)
async def test_what_is_no_plan_request_is_refused(house: House, body: str, words: str) -> None:
    async with house.session.post("http://o/orchestrator/v1/plan", data=body) as response:
        assert response.status == 400
        assert words in (await response.json())["message"]


async def test_what_the_daemon_would_refuse_is_a_step_and_an_exit_code(house: House, specs: Path) -> None:
    house.verdicts = Verdicts({("Pod", "default", "web"): 'pods "web" is forbidden: so it is'})
    (specs / "pod.yaml").write_text(POD.replace("side, image: app:1", "side, image: app:2"))
    out = (await house.cli("plan", str(specs), code=1)).out
    assert out.splitlines()[0].split(maxsplit=2) == [
        "Pod",
        "default/web",
        'refused   pods "web" is forbidden: so it is; the version before stays',
    ]
    assert out.splitlines()[-1] == "1 refused, 2 unchanged"
