"""Settings: what is told of folders."""

from pathlib import Path

import pytest

from orchestrator.settings import Settings


def test_folders_are_absolute_wherever_the_daemon_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    settings = Settings(specs=(Path("specs"),), state_dir=Path("state"), run_dir=Path("../run"))
    assert (settings.state_dir, settings.run_dir) == (tmp_path / "inner/state", tmp_path / "run")
    assert settings.socket == tmp_path / "run/orchestrator.sock"
    assert settings.specs == (Path("specs"),)
