"""Settings: what is told of folders and addresses."""

from pathlib import Path

import pytest

from orchestrator.settings import Settings, loopback


def test_folders_are_absolute_wherever_the_daemon_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    settings = Settings(specs=(Path("specs"),), state_dir=Path("state"), run_dir=Path("../run"))
    assert (settings.state_dir, settings.run_dir) == (tmp_path / "inner/state", tmp_path / "run")
    assert settings.socket == tmp_path / "run/orchestrator.sock"
    assert settings.specs == (Path("specs"),)


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("127.0.0.1:9100", ("127.0.0.1", 9100)),
        ("localhost:9100", ("127.0.0.1", 9100)),
        ("127.1.2.3:1", ("127.1.2.3", 1)),
        ("[::1]:9100", ("::1", 9100)),
    ],
)
def test_loopback_addresses_are_taken(address: str, taken: tuple[str, int]) -> None:
    assert loopback(address) == taken


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("0.0.0.0:9100", "whoever reaches that address could read them; use 127.0.0.1:9100"),
        ("192.168.1.5:9100", "use 127.0.0.1:9100"),
        ("[::]:9100", "use 127.0.0.1:9100"),
        (":9100", "write it as 127.0.0.1:9100"),
        ("9100", "write it as 127.0.0.1:9100"),
        ("127.0.0.1", "write it as 127.0.0.1:9100"),
        ("127.0.0.1:web", "write it as 127.0.0.1:9100"),
        ("example.org:9100", "write it as 127.0.0.1:9100"),
        ("127.0.0.1:9100/metrics", "write it as 127.0.0.1:9100"),
    ],
)
def test_every_other_address_is_refused_with_a_proposal(address: str, why: str) -> None:
    with pytest.raises(ValueError, match="cannot serve metrics on") as refusal:
        loopback(address)
    assert why in str(refusal.value)
