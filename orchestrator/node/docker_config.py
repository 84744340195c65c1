"""The credentials of the host itself: what `docker login` left, and the helpers that keep it.

Docker's own rules (https://docs.docker.com/reference/cli/docker/#configuration-files): `$DOCKER_CONFIG/config.json`,
else `~/.docker/config.json`; a registry's own helper (`credHelpers`) before the common one (`credsStore`), and both
before `auths`.  Read anew for each pull: the file is small, and an edit counts at once.
"""

import asyncio
import json
import logging
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.objects.image_reference import HUB, ImageReference
from orchestrator.planning.registry_credentials import HUB_SERVER, Credential, keyring_of_auths, lookup, server_of

log = logging.getLogger(__name__)

HELPER_SECONDS = 10.0
_TOKEN_USER = "<token>"
_MAX_BYTES = 1 << 20


async def host_credentials(reference: ImageReference) -> tuple[Credential, ...]:
    """The host's credentials for an image's registry, a helper's first.  What is wrong with them is only logged."""
    config = await asyncio.to_thread(_read)
    found: list[Credential] = []
    if helper := _helper(config, reference):
        answer = await _ask(helper, server_of(reference))
        found += [answer] if answer else []
    try:
        found += lookup(keyring_of_auths(config.get("auths") or {}), reference)
    except ValueError:
        log.warning("%s: auths is no mapping", _path())
    return tuple(dict.fromkeys(found))


def _path() -> Path | None:
    folder = os.environ.get("DOCKER_CONFIG")
    try:
        return (Path(folder) if folder else Path.home() / ".docker") / "config.json"
    except RuntimeError:
        # A user without a home.
        return None


def _read() -> Mapping[str, Any]:
    path = _path()
    try:
        if path is None or not path.is_file():
            return {}
        with path.open("rb") as file:
            config = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        # What cannot be read is not quoted: it may be a password.
        why = (error.strerror or "it cannot be read") if isinstance(error, OSError) else "it is no JSON"
        log.warning("the host's registry credentials are not used: %s: %s", path, why)
        return {}
    return config if isinstance(config, dict) else {}


def _helper(config: Mapping[str, Any], reference: ImageReference) -> str:
    """The name of the program's last part: "pass" for docker-credential-pass."""
    own = config.get("credHelpers")
    servers = (HUB, HUB_SERVER, "index.docker.io") if reference.host == HUB else (reference.host,)
    named = [own[server] for server in servers if server in own] if isinstance(own, dict) else []
    name = str(named[0] if named else config.get("credsStore") or "")
    return "" if "/" in name else name


async def _ask(helper: str, server: str) -> Credential | None:
    """Run `docker-credential-NAME get`; None where it has nothing for this registry, or does not work."""
    program = shutil.which(f"docker-credential-{helper}")
    if program is None:
        log.warning("the credential helper docker-credential-%s is not installed", helper)
        return None
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            program, "get", stdin=pipe, stdout=pipe, stderr=null, start_new_session=True
        )
    except OSError as error:
        log.warning("the credential helper docker-credential-%s cannot be run: %s", helper, error.strerror)
        return None
    try:
        async with asyncio.timeout(HELPER_SECONDS):
            output, _ = await process.communicate(server.encode())
    except TimeoutError:
        log.warning("the credential helper docker-credential-%s took more than %g s", helper, HELPER_SECONDS)
        return None
    finally:
        if process.returncode is None:
            # With all that it has started: it leads a session of its own.
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        # It says so in words of its own when it has nothing; what it says is not for a log.
        log.debug("docker-credential-%s has nothing for %s (exit code %d)", helper, server, process.returncode)
        return None
    return _answer(helper, output)


def _answer(helper: str, output: bytes) -> Credential | None:
    try:
        answer = json.loads(output)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, TypeError, KeyError, RecursionError):
        log.warning("the credential helper docker-credential-%s does not answer as one", helper)
        return None
    return Credential(identity_token=secret) if user == _TOKEN_USER else Credential(user, secret)
