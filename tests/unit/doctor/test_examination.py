"""An examination comes to its end, whatever is in its way, and each trouble has a mend."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import orchestrator
from orchestrator.doctor import engine, examination
from orchestrator.doctor.scene import Patient, Scene, Survey
from orchestrator.errors import OrchestratorError
from orchestrator.findings import Finding
from orchestrator.services import health
from orchestrator.services.dataplane import Mode

ROOMS = Path(orchestrator.__file__).parent
MAKERS = (*sorted((ROOMS / "doctor").glob("*.py")), ROOMS / "services" / "health.py", ROOMS / "complaints.py")


def patient(tmp_path: Path) -> Patient:
    return Patient("t", tmp_path, tmp_path, tmp_path / "o.sock", f"unix://{tmp_path}/none.sock", "10.201.0.0/16")


@pytest.mark.parametrize(
    ("trouble", "words", "mend"),
    [
        (KeyError("name"), "this should not happen: KeyError: 'name' (test_examination.py:", "orchestrator --version"),
        (PermissionError(13, "Permission denied"), "Permission denied", "sudo orchestrator doctor"),
        (OrchestratorError("cannot list it"), "cannot list it", "sudo orchestrator doctor"),
        (TimeoutError(), "within 60 s", "orchestrator doctor"),
    ],
    ids=["surprise", "no right", "error", "slow"],
)
async def test_no_check_ends_the_examination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception, words: str, mend: str
) -> None:
    async def broken(_scene: Scene) -> Iterable[Finding]:
        raise trouble

    async def asked(_url: str) -> Survey:
        return Survey()

    monkeypatch.setattr(engine, "look", asked)
    monkeypatch.setattr(examination, "CHECKS", (("kernel", broken), ("engine", engine.check)))
    (found,) = await examination.examine(patient(tmp_path))
    assert (found.check, found.level) == ("kernel", "warning")
    assert found.found.startswith("it could not be looked at")
    assert words in found.found
    assert found.mend.startswith(mend)


async def test_an_engine_that_answers_nonsense_does_not_end_it_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_url: str) -> Survey:
        raise TypeError("no dict")

    monkeypatch.setattr(engine, "look", broken)
    monkeypatch.setattr(examination, "CHECKS", (("engine", engine.check),))
    (found,) = await examination.examine(patient(tmp_path))
    assert (found.check, found.level) == ("engine", "error")
    assert "this should not happen: TypeError: no dict" in found.found


def test_each_place_that_finds_a_trouble_names_a_mend() -> None:
    """That it is no empty one where it is put together is the tests' own guard (`conftest`)."""
    places = [place for file in MAKERS for place in _made(file)]
    assert len(places) > 35
    assert not [where for where, mend in places if mend is None or (isinstance(mend, ast.Constant) and not mend.value)]


@pytest.mark.parametrize("words", [words for words, _ in health._MENDS] + ["whatever else"])
def test_each_reason_for_services_by_name_has_a_mend(words: str) -> None:
    assert health.mode_finding(Mode.NAMES, f"{words} it is").mend


def _made(file: Path) -> Iterator[tuple[str, ast.expr | None]]:
    """Where this file makes a warning or an error, and what it gives for a mend."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("warning", "error", "level"):
                yield f"{file.name}:{node.lineno}", node.args[2] if len(node.args) > 2 else None
            elif node.func.id == "Finding":
                yield f"{file.name}:{node.lineno}", node.args[3] if len(node.args) > 3 else None
