"""Where other machines cannot be let in, this is said, and nothing else fails."""

from pathlib import Path

import pytest

from orchestrator.services.openings import Openings


async def test_without_iptables_it_is_said_while_somebody_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    openings = Openings("orchestrator-component")
    await openings.open(())
    assert openings.trouble == ""
    await openings.open(["no-such-bridge"])
    await openings.repair()
    assert "iptables not found (Debian: apt install iptables)" in openings.trouble
    assert [record.levelname for record in caplog.records if "iptables not found" in record.getMessage()] == ["WARNING"]
    await openings.open(())
    assert openings.trouble == ""


async def test_an_engine_without_its_chain_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "iptables: No chain/target/match by that name."
    for name in ("iptables", "iptables-restore"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{told}' >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    openings = Openings("orchestrator-component")
    await openings.open(["no-such-bridge"])
    assert openings.trouble.startswith("the engine's chain DOCKER-USER cannot be used: ")
    assert openings.trouble.endswith(told)
