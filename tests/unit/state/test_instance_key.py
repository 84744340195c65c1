"""The instance's own key: made once, on disk before anyone uses it."""

from pathlib import Path

from orchestrator.state.instance_key import instance_key
from orchestrator.state.journal import Journal


def test_it_is_made_once_and_another_state_folder_has_another(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal.db")
    key = instance_key(first)
    # Read before the first is closed: as after a kill -9.
    second = Journal(tmp_path / "journal.db")
    other = Journal(tmp_path / "other.db")
    assert len(key) == 32
    assert instance_key(first) == instance_key(second) == key
    assert instance_key(other) != key
    for journal in (first, second, other):
        journal.close()
