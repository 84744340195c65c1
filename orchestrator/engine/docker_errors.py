"""What went wrong with a call to a Docker Engine, as the errors that callers act on; pure."""

import errno
import re

from orchestrator.engine.base import EngineRefused
from orchestrator.errors import Conflict, Invalid, NotFound, OrchestratorError, Silent, Unavailable

Version = tuple[int, int]
"""An API version, (1, 41)."""

_MEND = {
    errno.EACCES: "permission denied; run as root or as a member of the socket's group (docker)",
    errno.EPERM: "permission denied; run as root or as a member of the socket's group (docker)",
    errno.ENOENT: "there is no such socket; is the Docker Engine installed and started?",
    errno.ECONNREFUSED: "nobody listens there; is the Docker Engine started?",
}

_PORT_TAKEN = (
    (re.compile(r"listen \w+ (\S+): bind: address already in use"), "a process of this host"),
    # In Docker 28: "for HOST:PORT:CONTAINER:PORT/tcp".
    (
        re.compile(r"failed to bind host port (?:for )?(\S+?)(?::[\d.]+:\d+)?/\w+: address already in use"),
        "a process of this host",
    ),
    (re.compile(r"Bind for (\S+) failed: port is already allocated"), "another container"),
)


def refusal(status: int, message: str) -> OrchestratorError:
    """The error for an answer with this HTTP status; its text is the engine's own, but where we know how to mend it."""
    words = message.strip() or f"the engine answered with status {status}"
    if status == 404:
        return NotFound(words)
    # A network in use is told as 403.
    if status == 409 or (status == 403 and "active endpoints" in words):
        return Conflict(words)
    return EngineRefused(_taken_port(words) or words, status)


def _taken_port(words: str) -> str:
    """What the engine's long story of a host port comes to; "" when it tells of something else."""
    for pattern, holder in _PORT_TAKEN:
        if found := pattern.search(words):
            return f"host port {found[1]} is in use by {holder}: end that, or choose another hostPort"
    return ""


def no_common_version(url: str, theirs: tuple[Version, Version], ours: tuple[Version, Version]) -> EngineRefused:
    """Engine and program have no API version in common; each pair is the oldest and the newest that one speaks."""
    old = theirs[1] < ours[0]
    mend = "the engine is too old: Docker 20.10 is the oldest" if old else "this program is too old for that engine"
    theirs_text, ours_text = (" to ".join("{}.{}".format(*version) for version in each) for each in (theirs, ours))
    text = f"it speaks API {theirs_text}, this program {ours_text}; {mend}; upgrade it"
    return EngineRefused(f"cannot use the Docker Engine at {url}: {text}", 400)


def pull_refusal(message: str) -> OrchestratorError:
    """The error for a pull that broke off; its text is the registry's own."""
    absent = ("manifest unknown", "not found", "does not exist", "no such image")
    if any(words in message.lower() for words in absent):
        return NotFound(message)
    return EngineRefused(message)


def no_url(text: str) -> Invalid:
    """This names no engine that can be spoken with."""
    mend = "write it as unix:///var/run/docker.sock or tcp://HOST:PORT (--engine-url, or DOCKER_HOST)"
    return Invalid(f"cannot use {text!r} as an engine: {mend}")


def unreachable(url: str, failure: BaseException) -> Unavailable:
    """No connection, or one that broke: what the system said, and how to mend it."""
    cause: BaseException | None = failure
    while cause is not None and not (isinstance(cause, OSError) and cause.errno):
        cause = cause.__cause__ or cause.__context__
    reason = "the connection broke"
    if isinstance(cause, OSError):
        reason = _MEND.get(cause.errno or 0) or (cause.strerror or reason).lower()
    return Unavailable(f"cannot reach the Docker Engine at {url}: {reason}")


def silent(url: str, seconds: float) -> Silent:
    """No answer in time."""
    return Silent(f"cannot reach the Docker Engine at {url}: no answer within {seconds:g} s")


def garbled(url: str) -> Unavailable:
    """An answer that is no JSON: it was cut short, or something between us and the engine wrote it."""
    return Unavailable(f"cannot read what the Docker Engine at {url} answers: it is cut short, or not the engine's own")
