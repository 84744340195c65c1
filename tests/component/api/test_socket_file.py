"""The socket's file: for whom it is, and what stands in its way."""

import grp
import os
import socket
import stat
from pathlib import Path

import pytest

from orchestrator.api.socket_file import SocketFile
from orchestrator.errors import Conflict, OrchestratorError

OWN = grp.getgrgid(os.getegid()).gr_name


def test_D08_it_is_for_its_owner_and_the_group_that_was_named(tmp_path: Path) -> None:
    path = tmp_path / "o.sock"
    file = SocketFile(path, OWN)
    found = path.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o660, os.geteuid(), os.getegid())
    file.remove()
    assert not path.exists()


def test_D08_a_group_that_is_not_there_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(OrchestratorError, match=r"no such group \(groupadd --system nobodies\)"):
        SocketFile(tmp_path / "o.sock", "nobodies")
    assert not list(tmp_path.iterdir())


def test_D09_what_another_daemon_left_is_replaced_and_what_it_answers_on_is_not(tmp_path: Path) -> None:
    path = tmp_path / "o.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    file = SocketFile(path)
    with pytest.raises(Conflict, match="another daemon answers there"):
        SocketFile(path)
    file.remove()


def test_a_file_of_that_name_is_not_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "o.sock"
    path.write_text("mine")
    with pytest.raises(Conflict, match="no socket"):
        SocketFile(path)
    assert path.read_text() == "mine"


def test_D09_who_comes_second_in_the_same_moment_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "o.sock"
    first = SocketFile(path)
    # Both looked before either was there.
    monkeypatch.setattr("orchestrator.api.socket_file._make_way", lambda _path: None)
    with pytest.raises(Conflict, match="another daemon came first"):
        SocketFile(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    first.remove()
    assert not path.exists()
