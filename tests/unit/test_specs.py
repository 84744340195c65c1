"""The demo in specs/ means the same on a cluster: Kubernetes' own schema accepts every document (S08)."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

SPECS = Path(__file__).parents[2] / "specs"
DOCUMENTS = [
    pytest.param(document, id=f"{path.name}-{document['kind']}-{document['metadata']['name']}")
    for path in sorted(SPECS.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_S08_the_official_schema_accepts_the_demo(document: dict[str, object]) -> None:
    kubernetes_validate.validate(document, "1.34", strict=True)


def test_the_demo_shows_what_it_promises() -> None:
    pods = {each.values[0]["metadata"]["name"]: each.values[0] for each in DOCUMENTS if each.values[0]["kind"] == "Pod"}
    assert set(pods) >= {"my-daemon", "front", "backend"}
    (backend,) = pods["backend"]["spec"]["containers"]
    assert {"livenessProbe", "readinessProbe", "lifecycle", "resources"} <= set(backend)
