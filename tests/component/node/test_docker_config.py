"""The host's own credentials (I03): docker's file, and helpers that work, refuse, hang, or are no helpers."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.node import docker_config
from orchestrator.node.docker_config import host_credentials
from orchestrator.objects.image_reference import parse_reference
from orchestrator.planning.registry_credentials import Credential

OURS, HUB = parse_reference("reg.example:5000/team/app:1"), parse_reference("app")
IN_FILE = Credential("file", "in-the-file")
AUTHS = {"reg.example:5000": {"auth": base64.b64encode(b"file:in-the-file").decode()}}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def write(home: Path, config: Any) -> None:
    (home / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))


def helper(home: Path, name: str, script: str) -> None:
    path = home / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def says(user: str, secret: str) -> str:
    return f"""echo '{json.dumps({"ServerURL": "s", "Username": user, "Secret": secret})}'"""


async def test_I03_the_file_is_read_anew_each_time(home: Path) -> None:
    assert await host_credentials(OURS) == ()
    write(home, {"auths": AUTHS})
    assert await host_credentials(OURS) == (IN_FILE,)
    assert await host_credentials(HUB) == ()


async def test_I03_without_DOCKER_CONFIG_it_is_the_users_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_CONFIG")
    monkeypatch.setenv("HOME", str(home / "user"))
    assert await host_credentials(OURS) == ()
    (home / "user" / ".docker").mkdir(parents=True)
    write(home / "user" / ".docker", {"auths": AUTHS})
    assert await host_credentials(OURS) == (IN_FILE,)


async def test_I03_a_registrys_own_helper_is_before_the_common_one_and_both_before_the_file(home: Path) -> None:
    helper(home, "own", f"cat > {home}/asked; {says('own', 'a')}")
    helper(home, "common", f"cat > {home}/asked; {says('<token>', 'b')}")
    write(home, {"auths": AUTHS, "credsStore": "common", "credHelpers": {"reg.example:5000": "own"}})
    assert await host_credentials(OURS) == (Credential("own", "a"), IN_FILE)
    assert (home / "asked").read_text() == "reg.example:5000"
    assert await host_credentials(HUB) == (Credential(identity_token="b"),)
    assert (home / "asked").read_text() == "https://index.docker.io/v1/"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'credentials not found in native keychain'; exit 1", ""),
        ("echo a-secret", "does not answer as one"),
        ("echo '[1]'", "does not answer as one"),
        ("head -c 1000000 /dev/zero; exit 0", "does not answer as one"),
    ],
)
async def test_I03_a_helper_that_fails_leaves_what_the_file_has_and_its_words_are_not_told(
    home: Path, script: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    helper(home, "bad", script)
    write(home, {"auths": AUTHS, "credsStore": "bad"})
    assert await host_credentials(OURS) == (IN_FILE,)
    assert told in caplog.text
    assert "a-secret" not in caplog.text


async def test_I03_a_helper_that_hangs_is_ended_with_all_that_it_started(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(docker_config, "HELPER_SECONDS", 2.0)
    helper(home, "bad", f"sleep 60 & echo $! $$ > {home}/pids; wait")
    write(home, {"auths": AUTHS, "credsStore": "bad"})
    assert await host_credentials(OURS) == (IN_FILE,)
    assert "took more than 2 s" in caplog.text
    assert [pid for pid in (home / "pids").read_text().split() if runs(pid)] == []


def runs(pid: str) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


async def test_I03_a_helper_that_is_not_there_or_cannot_be_run_is_told(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(home, {"auths": AUTHS, "credsStore": "absent"})
    assert await host_credentials(OURS) == (IN_FILE,)
    assert "docker-credential-absent is not installed" in caplog.text
    (home / "docker-credential-broken").write_bytes(b"\x7fELF no program")
    (home / "docker-credential-broken").chmod(0o755)
    write(home, {"auths": AUTHS, "credsStore": "broken"})
    assert await host_credentials(OURS) == (IN_FILE,)
    assert "docker-credential-broken cannot be run" in caplog.text


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"auths": []}', '{"credHelpers": 1}', "[" * 100_000])
async def test_I03_a_file_that_is_none_gives_nothing(home: Path, text: str) -> None:
    write(home, text)
    assert await host_credentials(OURS) == ()


async def test_I03_a_name_that_leads_elsewhere_is_no_helper(home: Path) -> None:
    helper(home, "x", says("u", "p"))
    write(home, {"credsStore": f"x/../../{home.name}/x"})
    assert await host_credentials(OURS) == ()
