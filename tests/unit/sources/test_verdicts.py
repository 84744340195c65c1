"""S08 on real manifests: our verdict beside that of the official schema, document by document and file by file.

The manifests are not in this repository: MANIFESTS names a folder of them.  What the schema refuses is refused here;
what it accepts is accepted, or refused by one of the rules of `RULES`, as an API server would.
"""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.objects import registry
from orchestrator.objects.problem import Problem
from orchestrator.sources.yaml_loader import decode_file
from orchestrator.sources.yaml_parse import parse
from tests import official

ROOT = Path(__file__).parents[3]
MANIFESTS = Path(os.environ.get("MANIFESTS", ROOT.parent / "shared" / "cases"))
pytestmark = pytest.mark.skipif(not MANIFESTS.is_dir(), reason="no manifests: set MANIFESTS to a folder of them")

RULES: dict[str, str] = {
    # What a cluster says when it is asked for a kind that it does not have.
    r"^unknown kind ": "S04: no matches for kind; only its CustomResourceDefinition would make it known",
    r"^\w+ was removed in Kubernetes": "no matches for kind; a cluster of long ago had it",
    r"^\w+ is not in \".*\" as of Kubernetes 1\.34": "the version was removed: no matches for kind in version",
    # YAML.
    r"^duplicate key ": "S06; a strict client refuses it: key already set in map",
    r"^the tag .* is not allowed": "S07; JSON has no such type",
    # One object, one name.
    r"^duplicate \w+ .*: also defined at": "S06; the later document would silently win",
    r"^Required value: (name or generateName is required|a file must name its objects)": "apply needs a name",
    r"consist of (lower case )?alphanumeric characters": "names, labels and keys have Kubernetes' grammar",
    r"must be no more than \d+ (bytes|characters)": "names, labels and ports have Kubernetes' lengths",
    r"^Invalid value: .*must (contain|not contain|begin|be between 1 and 65535)": "ports by name and number",
    # Values of one word among several, and the grammar of scalars.
    r"^Unsupported value: ": "the API server knows no other value",
    r"quantities must match the regular expression": "S02: quantities have a grammar",
    r"must be a time as of RFC 3339": "S02: so have times",
    r"^illegal base64 data": "the API server decodes it",
    r"read nothing \(null\)": "S02: a null in a list is no string",
    # References and numbers.
    r"^Not found: ": "S06: a volume or container that is not there",
    r"must be unique$": "two volumes in one place",
    r"^Duplicate value: ": "S06: two ports, containers or volumes of one name",
    r"must be a number between 0 and 0777": "a mode: 644 is not 0644",
    r"must be (greater|less) than or equal to|must be (greater than zero|between 1 and 100)": "numbers have bounds, "
    "requests stay below limits",
    r"operator must be Exists|effect must be 'NoExecute'|value must be empty": "tolerations have a form",
    r"must be an absolute path": "a template's placeholder; no runtime mounts such a path",
    r"does not match template `labels`": "the workload would never find its pods",
    r"^Required value": "the API server wants what the schema lets be left out: an image, a selector, ports",
    r"expected exactly 5 fields|unrecognized descriptor|cannot use TZ": "a schedule has a form",
    r"^Forbidden: ": "fields that exclude one another",
    r"^must specify one of|must specify a handler type|^Invalid value: .*: may not ": "exactly one of several",
}


def files() -> list[Path]:
    return sorted(path for path in MANIFESTS.rglob("*") if path.suffix in (".yaml", ".yml", ".json"))


def documents(path: Path) -> Iterator[Any]:
    """The documents of a file as our reader gives them, Lists unrolled."""
    for document in parse(path.read_bytes()).documents:
        yield from official.unrolled(document.value)


@cache
def schema_refuses(path: Path) -> bool:
    """The verdict of the official schema, by its own reader; what it cannot read it refuses."""
    text = path.read_text()
    try:
        # Tabs are JSON's spaces too, and no reader of YAML takes them all.
        text = text.replace("\t", " ") if path.suffix == ".json" else text
        found = [document for document in yaml.safe_load_all(text) if document]
    except yaml.YAMLError:
        return True
    return any(official.faults(each) for document in found for each in official.unrolled(document))


def errors(problems: tuple[Problem, ...]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]


def unexplained(problems: list[Problem]) -> list[str]:
    return [str(problem) for problem in problems if not any(re.search(rule, problem.message) for rule in RULES)]


def name(path: Path) -> str:
    return str(path.relative_to(MANIFESTS))


@pytest.mark.parametrize("path", files(), ids=name)
def test_S08_what_the_schema_refuses_is_refused(path: Path) -> None:
    found = errors(tuple(located.problem for located in decode_file(path.read_bytes(), path.name).problems))
    if schema_refuses(path):
        assert found
    else:
        assert unexplained(found) == []
    for document in documents(path):
        faults = official.faults(document)
        ours = errors(registry.decode(document)[1])
        if faults or faults is None:
            assert ours, (document, faults)
        else:
            assert unexplained(ours) == []


def test_what_is_broken_on_purpose_is_explained() -> None:
    explained = set(re.findall(r"^- `(broken-\S+)`: ", (ROOT / "docs" / "conformance.md").read_text(), re.M))
    broken = {str(path.relative_to(path.parents[index])): path for path in files() for index in broken_above(path)}
    if not broken:
        pytest.skip("none of these manifests are broken on purpose")
    assert set(broken) == explained
    for path in broken.values():
        assert errors(tuple(located.problem for located in decode_file(path.read_bytes(), path.name).problems)) == []


def broken_above(path: Path) -> list[int]:
    """Which of a file's folders holds the outermost one that is named "broken-...", if any does."""
    names = path.relative_to(MANIFESTS).parts
    outermost = next((index for index, name in enumerate(names) if name.startswith("broken-")), None)
    return [] if outermost is None else [len(names) - 1 - outermost]


def test_there_are_manifests() -> None:
    assert sum(1 for path in files() for _ in documents(path)) > 100
