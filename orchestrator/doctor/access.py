"""The daemon and its socket: whether one answers, and who may ask it."""

import grp
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator import __version__
from orchestrator.doctor.scene import Patient, Scene
from orchestrator.findings import Finding, error, ok, warning
from orchestrator.locks import holder_of
from orchestrator.planning import labels
from orchestrator.settings import SOCKET_GROUP

DAEMON, SOCKET = "daemon", "socket"


@dataclass(frozen=True, slots=True)
class Facts:
    """`holder` is the pid of who has the instance on this engine ("" for nobody); mode and group of the socket's file.

    `members` are the group's, `group_known` says whether this host has the usual group.
    """

    holder: str = ""
    pods: int = 0
    mode: int | None = None
    group: str = ""
    members: tuple[str, ...] = ()
    group_known: bool = False


async def check(scene: Scene) -> Iterator[Finding]:
    """The rows of this file."""
    return judge(scene.patient, look(scene))


def look(scene: Scene) -> Facts:
    """Read the facts."""
    patient, info = scene.patient, scene.survey.info
    engine = (info.id if info else "") or patient.engine_url
    own = (c.labels for c in scene.survey.containers if c.labels.get(labels.INSTANCE) == patient.instance)
    holder = holder_of(patient.instance, engine)
    pods = len({(each[labels.NAMESPACE], each[labels.POD]) for each in own})
    known = any(group.gr_name == SOCKET_GROUP for group in grp.getgrall())
    try:
        found = patient.socket.stat()
    except OSError:
        return Facts(holder, pods, group_known=known)
    try:
        group = grp.getgrgid(found.st_gid)
    except KeyError:
        return Facts(holder, pods, stat.S_IMODE(found.st_mode), str(found.st_gid), (), known)
    return Facts(holder, pods, stat.S_IMODE(found.st_mode), group.gr_name, tuple(group.gr_mem), known)


def judge(patient: Patient, facts: Facts) -> Iterator[Finding]:
    """Say whether a daemon answers, and to whom."""
    yield _daemon(patient, facts)
    if facts.mode is None:
        return
    if facts.mode & 0o007:
        text = f"everybody on this host may use {patient.socket} (mode {facts.mode:o}), and so be root"
        yield error(SOCKET, text, f"sudo chmod 660 {shlex.quote(str(patient.socket))}")
    elif facts.group == SOCKET_GROUP or facts.members:
        who = ", ".join(facts.members) or "nobody yet"
        yield ok(SOCKET, f"root and the group {facts.group} ({who}) may use it")
    else:
        hint = "" if facts.group_known else f"; with a group `{SOCKET_GROUP}` on this host, its members may too"
        yield ok(SOCKET, f"its owner alone may use it{hint}")


def _daemon(patient: Patient, facts: Facts) -> Finding:
    daemon = patient.daemon
    if daemon is not None and daemon.version != __version__:
        text = f"it is version {daemon.version}, and this program {__version__}: start it anew, pods go on meanwhile"
        return warning(DAEMON, text, "sudo systemctl restart orchestrator")
    if daemon is not None:
        return ok(DAEMON, f"version {daemon.version} (pid {daemon.pid}) answers at {patient.socket}")
    if patient.forbidden:
        mend = "sudo orchestrator doctor" if facts.group in ("", "root") else f"sudo usermod -aG {facts.group} $USER"
        return error(DAEMON, patient.refusal, mend)
    if facts.holder:
        text = f"instance {patient.instance} is run by pid {facts.holder}, which does not answer at {patient.socket}"
        return error(DAEMON, text, f"ps -fp {facts.holder}  # --run-dir says where its socket is")
    left = f"; {facts.pods} of its pods go on without it" if facts.pods else ""
    return warning(DAEMON, f"none answers at {patient.socket}{left}", "orchestrator run SPECS")
