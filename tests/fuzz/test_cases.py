"""What once broke the loader, or told what it must not, goes well."""

from pathlib import Path

import pytest

from tests.fuzz.properties import check

CASES = sorted(Path(__file__).parent.joinpath("cases").iterdir())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_S07_what_once_broke_it(path: Path) -> None:
    loaded = check(path.read_bytes())
    assert loaded.objects or loaded.problems


@pytest.mark.parametrize("path", [path for path in CASES if path.name.startswith("secret")], ids=lambda path: path.name)
def test_S07_what_is_wrong_with_a_secret_does_not_hold_its_value(path: Path) -> None:
    """Also where the document could not be read as far as its kind."""
    problems = check(path.read_bytes()).problems
    assert problems
    assert not any("Pl4nted" in problem.text for problem in problems)
