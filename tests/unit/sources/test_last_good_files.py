"""The memory on a disk and on a tmpfs: what is written when, for whom it counts, and what is forgotten."""

import logging
import os
from pathlib import Path

import pytest

from orchestrator.sources.last_good_files import LastGoodFiles
from orchestrator.sources.located import Sourced
from orchestrator.sources.yaml_loader import decode_file


def config_map(name: str) -> str:
    return f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}\n"


def secret(name: str) -> str:
    return f"---\n{{apiVersion: v1, kind: Secret, metadata: {{name: {name}}}, stringData: {{a: Pl4nted}}}}\n"


def said(file: Path | str, text: str) -> tuple[Sourced, ...]:
    return decode_file(text.encode(), str(file)).objects


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    return tmp_path / "specs"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path


def daemon(place: Path, *, in_memory: bool = True) -> LastGoodFiles:
    files = LastGoodFiles(place / "disk", place / "memory")
    files.in_memory = in_memory
    return files


def recalled(place: Path, *roots: Path | str) -> dict[str, list[str]]:
    found = daemon(place).recall(map(str, roots))
    assert found is not None
    return {file: [each.object.metadata.name for each in known.objects] for file, known in found.items()}


def written(place: Path) -> dict[str, tuple[int, int]]:
    files = (file for folder in ("disk", "memory") for file in (place / folder).iterdir())
    return {str(file): (file.stat().st_ino, file.stat().st_mtime_ns) for file in files}


def test_D05_the_next_daemon_is_told_what_the_files_below_its_paths_said(place: Path, specs: Path) -> None:
    daemon(place).keep(
        (
            *said(specs / "a.yaml", config_map("a") + secret("s")),
            *said(specs / "in/b.yaml", config_map("b")),
            *said(place / "specs2/c.yaml", config_map("c")),
            *said(place / "alone.json", config_map("d")),
        )
    )
    assert recalled(place, specs) == {f"{specs}/a.yaml": ["a", "s"], f"{specs}/in/b.yaml": ["b"]}
    assert recalled(place, f"{specs}/", place / "alone.json") == {
        f"{specs}/a.yaml": ["a", "s"],
        f"{specs}/in/b.yaml": ["b"],
        f"{place}/alone.json": ["d"],
    }
    assert recalled(place, place / "elsewhere") == {}


def test_D05_a_path_may_be_called_otherwise_next_time(
    place: Path, specs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    daemon(place).keep(said("specs/a.yaml", config_map("a")))
    specs.mkdir()
    monkeypatch.chdir(specs)
    assert recalled(place, ".") == {"./a.yaml": ["a"]}
    assert recalled(place, "../specs/a.yaml") == {"../specs/a.yaml": ["a"]}


def test_V06_secrets_are_in_the_folder_on_tmpfs_alone_for_their_owner_only(place: Path, specs: Path) -> None:
    daemon(place).keep(said(specs / "a.yaml", config_map("a") + secret("s")))
    (plain,), (hidden,) = (place / "disk").iterdir(), (place / "memory").iterdir()
    assert b"Pl4nted" not in plain.read_bytes()
    assert b"Pl4nted" in hidden.read_bytes()
    assert {file.stat().st_mode & 0o777 for file in (plain, hidden)} == {0o600}
    assert {file.stat().st_mode & 0o777 for file in (place / "disk", place / "memory")} == {0o700}


def test_V06_secrets_are_kept_nowhere_where_there_is_no_tmpfs(place: Path, specs: Path) -> None:
    daemon(place, in_memory=False).keep(said(specs / "a.yaml", config_map("a") + secret("s")))
    assert not (place / "memory").exists()
    assert recalled(place, specs) == {f"{specs}/a.yaml": ["a"]}


def test_V06_secrets_go_when_everything_is_taken_down(place: Path, specs: Path) -> None:
    files = daemon(place)
    files.keep(said(specs / "a.yaml", config_map("a") + secret("s")))
    files.forget_secrets()
    files.forget_secrets()
    assert not (place / "memory").exists()


def test_what_did_not_change_is_not_written_again(place: Path, specs: Path) -> None:
    both = config_map("a") + secret("s")
    files = daemon(place)
    files.keep((*said(specs / "a.yaml", both), *said(specs / "b.yaml", config_map("b"))))
    before = written(place)
    for again in (files, daemon(place)):
        again.keep((*said(specs / "a.yaml", both), *said(specs / "b.yaml", config_map("b"))))
        assert written(place) == before
    files.keep((*said(specs / "a.yaml", both), *said(specs / "b.yaml", config_map("other"))))
    assert sum(before[file] != now for file, now in written(place).items()) == 1


def test_what_no_file_has_any_more_is_forgotten_and_nothing_piles_up(place: Path, specs: Path) -> None:
    files = daemon(place)
    files.keep((*said(specs / "a.yaml", config_map("a") + secret("s")), *said(specs / "b.yaml", config_map("b"))))
    # What a daemon leaves that is killed while it writes.
    (place / "disk" / "0.fresh").write_text("")
    files.keep(said(specs / "a.yaml", config_map("a")))
    assert recalled(place, specs) == {f"{specs}/a.yaml": ["a"]}
    assert [len(list((place / folder).iterdir())) for folder in ("disk", "memory")] == [1, 0]
    files.keep(())
    assert recalled(place, specs) == {}


def test_D05_what_only_a_part_can_be_had_of_is_kept_whole_until_its_file_is_mended(place: Path, specs: Path) -> None:
    file, all_of_it = specs / "a.yaml", config_map("a") + secret("s")
    daemon(place).keep(said(file, all_of_it))
    before = written(place)
    files = daemon(place)
    files.keep((*said(file, config_map("a")), *said(specs / "b.yaml", config_map("b"))), partly=[str(file)])
    assert before.items() <= written(place).items()
    assert recalled(place, specs) == {str(file): ["a", "s"], f"{specs}/b.yaml": ["b"]}
    files.keep(said(file, config_map("a")))
    assert recalled(place, specs) == {str(file): ["a"]}


def test_a_daemon_that_has_begun_recalls_nothing(place: Path, specs: Path) -> None:
    files = daemon(place)
    files.keep(said(specs / "a.yaml", config_map("a")))
    assert files.recall([str(specs)])
    assert files.remembers
    files.begun = True
    assert files.recall([str(specs)]) is None


def test_what_cannot_be_read_is_told_and_the_rest_is_recalled(
    place: Path, specs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    daemon(place).keep((*said(specs / "a.yaml", config_map("a")), *said(specs / "b.yaml", config_map("b"))))
    damaged = next(file for file in (place / "disk").iterdir() if b"b.yaml" in file.read_bytes())
    damaged.write_bytes(b"\0" * 100)
    (place / "disk" / "folder.json").mkdir()
    with caplog.at_level(logging.WARNING):
        assert recalled(place, specs) == {f"{specs}/a.yaml": ["a"]}
    assert str(damaged) in caplog.text
    wrong = daemon(place)
    there = {f"{specs}/{name}.yaml": str(specs) for name in "abc"}
    found = wrong.recall([str(specs)], there) or {}
    assert {file: bool(known.refused) for file, known in found.items()} == {
        f"{specs}/a.yaml": False,
        f"{specs}/b.yaml": True,
    }
    assert found[f"{specs}/b.yaml"].root == str(specs)
    assert wrong.remembers


def test_nothing_is_lost_where_writing_fails_in_the_middle(place: Path, specs: Path) -> None:
    daemon(place).keep(said(specs / "a.yaml", config_map("old")))
    (kept,) = (place / "disk").iterdir()
    kept.with_suffix(".fresh").mkdir()
    files = daemon(place)
    with pytest.raises(OSError):
        files.keep(said(specs / "a.yaml", config_map("new")))
    assert recalled(place, specs) == {f"{specs}/a.yaml": ["old"]}
    os.rmdir(kept.with_suffix(".fresh"))
    files.keep(said(specs / "a.yaml", config_map("new")))
    assert recalled(place, specs) == {f"{specs}/a.yaml": ["new"]}
