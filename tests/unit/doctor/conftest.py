"""Whatever these tests let the doctor say: what is not well comes with the command that mends it."""

import pytest

from orchestrator import findings
from orchestrator.findings import Finding, Level


@pytest.fixture(autouse=True)
def _mended(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(check: str, level: Level, found: str, mend: str = "") -> Finding:
        assert (level == "ok") == (not mend), f"{check}: {found}: mend {mend!r}"
        return Finding(check, level, found, mend)

    monkeypatch.setattr(findings, "Finding", made)
