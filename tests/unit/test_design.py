"""docs/design.md is the map of the house: every module is on it, and nothing else."""

import re
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/design.md").read_text()
PACKAGE = ROOT / "orchestrator"


def named() -> dict[str, list[str]]:
    """The names on the map by room, "" for the package itself: what is not behind a `#` or between brackets."""
    block = TEXT.partition("```\norchestrator/")[2].partition("\ntests/")[0]
    rooms, room = defaultdict[str, list[str]](list), ""
    for line in block.splitlines()[1:]:
        plain = re.sub(r"\([^()]*\)|\[[^]]*\]", "", line.partition("#")[0])
        inner = line.startswith(" " * 6)
        words = re.findall(r"\w+(?:/|\.py)?", plain)
        if not inner and words and words[0].endswith("/"):
            room = words.pop(0).rstrip("/")
        elif not inner:
            room = ""
        rooms[room] += words
    return rooms


def modules(folder: Path) -> list[str]:
    return [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]


def rooms_of(folder: Path) -> list[str]:
    return [path.parent.name for path in folder.glob("*/__init__.py")]


def test_every_module_is_on_the_map_once_and_nothing_else_is() -> None:
    told = named()
    assert sorted(told.pop("")) == sorted(f"{module}.py" for module in modules(PACKAGE))
    assert sorted(told) == sorted(rooms_of(PACKAGE))
    for room, names in told.items():
        inner = [f"{folder}/" for folder in rooms_of(PACKAGE / room)]
        assert sorted(names) == sorted((*modules(PACKAGE / room), *inner)), room


def test_the_order_of_imports_is_the_one_that_is_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    said = TEXT.partition("Imports point down only:")[2].partition(". Checked in CI")[0]
    assert re.findall("`([^`]+)`", said) == [layer for layer in layers if layer != "__main__"]
