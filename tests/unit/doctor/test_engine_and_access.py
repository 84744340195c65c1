"""What is said of the engine, of the daemon, and of who may ask them."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator import __version__
from orchestrator.doctor import access, engine
from orchestrator.doctor.scene import Daemon, Patient, Scene, Survey
from orchestrator.engine import docker_errors
from orchestrator.engine.base import EngineInfo
from orchestrator.findings import Finding

INFO = EngineInfo("Docker Engine", "20.10.24", "1.41", "linux", "amd64", 2, 1 << 30)
PATIENT = Patient(
    "default", Path("/s"), Path("/r"), Path("/r/o.sock"), "tcp://engine:1", "10.201.0.0/16", refusal="none"
)
DAEMON = Daemon(42, __version__, "Docker Engine 20.10.24 (API 1.41)")
SILENT = "cannot reach the Docker Engine at unix:///x: no answer within 30 s"


def levels(found: Iterable[Finding]) -> list[tuple[str, str]]:
    return [(finding.check, finding.level) for finding in found]


def of_engine(survey: Survey, daemon: Daemon | None = None) -> list[Finding]:
    return list(engine.judge(Scene(replace(PATIENT, daemon=daemon), survey, root=True)))


@pytest.mark.parametrize(
    ("failure", "mend"),
    [
        (PermissionError(13, "x"), "sudo usermod -aG docker $USER"),
        (FileNotFoundError(2, "x"), "sudo apt install docker.io"),
        (ConnectionRefusedError(111, "x"), "sudo systemctl start docker"),
    ],
)
def test_an_engine_that_cannot_be_reached_is_an_error_with_the_mend_that_fits(failure: OSError, mend: str) -> None:
    trouble = str(docker_errors.unreachable("unix:///x", failure))
    (found,) = of_engine(Survey(trouble=trouble))
    assert (found.level, found.found) == ("error", trouble)
    assert found.mend.startswith(mend)


@pytest.mark.parametrize(("theirs", "mend"), [(((1, 12), (1, 40)), "sudo apt"), (((1, 60), (1, 70)), "sudo make")])
def test_an_engine_of_another_age_is_an_error_with_the_mend_that_fits(theirs: Any, mend: str) -> None:
    trouble = str(docker_errors.no_common_version("unix:///x", theirs, ((1, 41), (1, 51))))
    (found,) = of_engine(Survey(trouble=trouble))
    assert (found.level, found.found) == ("error", trouble)
    assert found.mend.startswith(mend)


def test_a_url_that_names_no_engine_is_mended_by_another() -> None:
    (found,) = of_engine(Survey(trouble=str(docker_errors.no_url("ssh://ann@host"))))
    assert (found.level, found.mend.partition("  ")[0]) == ("error", "unset DOCKER_HOST")


def test_who_may_not_use_the_engine_asks_the_daemon_which_may() -> None:
    denied = Survey(trouble=str(docker_errors.unreachable("unix:///x", PermissionError(13, "x"))))
    (found,) = of_engine(denied, DAEMON)
    assert (found.level, "as the daemon says" in found.found) == ("ok", True)
    (found,) = of_engine(denied, replace(DAEMON, engine_trouble=SILENT))
    assert (found.level, found.mend) == ("error", "sudo systemctl status docker")


def test_an_engine_that_answers_says_what_it_speaks() -> None:
    (found,) = of_engine(Survey(INFO))
    assert found.found == "Docker Engine 20.10.24 (API 1.41) answers at tcp://engine:1"
    (found,) = of_engine(Survey(replace(INFO, api_version="1.99")))
    assert "(API 1.99, of which 1.51 is spoken)" in found.found


def test_D08_an_engines_socket_for_everybody_is_told(tmp_path: Path) -> None:
    path = tmp_path / "engine"
    path.touch()
    scene = Scene(replace(PATIENT, engine_url=f"unix://{path}"), Survey(INFO), root=True)
    path.chmod(0o660)
    assert levels(engine.judge(scene)) == [("engine", "ok")]
    path.chmod(0o666)
    found = list(engine.judge(scene))
    assert levels(found) == [("engine", "ok"), ("engine", "warning")]
    assert found[1].mend == f"sudo chmod o= {path}"


@pytest.mark.parametrize(
    ("patient", "facts", "level", "said"),
    [
        (replace(PATIENT, daemon=DAEMON), access.Facts(), "ok", "(pid 42) answers at /r/o.sock"),
        (replace(PATIENT, daemon=replace(DAEMON, version="0.0.9")), access.Facts(), "warning", "it is version 0.0.9"),
        (PATIENT, access.Facts(), "warning", "none answers at /r/o.sock"),
        (PATIENT, access.Facts(pods=3), "warning", "none answers at /r/o.sock; 3 of its pods go on without it"),
        (PATIENT, access.Facts(holder="77"), "error", "run by pid 77, which does not answer at /r/o.sock"),
        (replace(PATIENT, forbidden=True), access.Facts(holder="77"), "error", "none"),
    ],
)
def test_whether_a_daemon_answers(patient: Patient, facts: access.Facts, level: str, said: str) -> None:
    (found,) = access.judge(patient, facts)
    assert (found.check, found.level) == ("daemon", level)
    assert said in found.found
    assert bool(found.mend) is (level != "ok")


@pytest.mark.parametrize(
    ("facts", "level", "said"),
    [
        (access.Facts(mode=0o660, group="root"), "ok", "its owner alone may use it; with a group `orchestrator`"),
        (access.Facts(mode=0o660, group="root", group_known=True), "ok", "its owner alone may use it"),
        (access.Facts(mode=0o660, group="orchestrator"), "ok", "root and the group orchestrator (nobody yet)"),
        (access.Facts(mode=0o660, group="ops", members=("ann", "bob")), "ok", "group ops (ann, bob) may use it"),
        (
            access.Facts(mode=0o666, group="orchestrator"),
            "error",
            "everybody on this host may use /r/o.sock (mode 666)",
        ),
    ],
)
def test_D08_who_may_use_the_socket(facts: access.Facts, level: str, said: str) -> None:
    found = list(access.judge(replace(PATIENT, daemon=DAEMON), facts))[1]
    assert (found.check, found.level) == ("socket", level)
    assert said in found.found
