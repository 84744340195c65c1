"""Who may use the socket (D08): real users, by number, and the kernel's own word."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon import SECONDS, Daemon

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become other users")

GROUP, GID = "users", 100
"""A group of every Debian; nobody is in it who matters."""
STRANGER = 61234
VERBS = (
    "get pods",
    "describe pod web",
    "events",
    "logs web",
    "exec web -- true",
    "delete pod web",
    "plan SPECS",
    "get pods -w",
    "get configmaps -o yaml",
)


@pytest.fixture
def daemon_in_the_open(image: str) -> Iterator[Daemon]:
    """A daemon (not started) in a folder that everybody may look into: pytest's own are for nobody else."""
    words = ["setpriv", f"--reuid={STRANGER}", "--clear-groups", sys.executable, "-B", "-c", "import orchestrator"]
    if subprocess.run(words, capture_output=True, timeout=SECONDS).returncode:
        pytest.skip("other users of this host may not read this program (a home of mode 0700?)")
    with tempfile.TemporaryDirectory(prefix="orc-access-") as folder:
        Path(folder).chmod(0o755)
        daemon = Daemon(Path(folder), image)
        yield daemon
        daemon.down()


def as_user(daemon: Daemon, words: str, *rights: str) -> subprocess.CompletedProcess[str]:
    """Run `orchestrator ...` as somebody else: `rights` are setpriv's."""
    command = words.replace("SPECS", str(Path(__file__).parents[2] / "specs")).split()
    return subprocess.run(
        ["setpriv", f"--reuid={STRANGER}", *rights, sys.executable, "-m", "orchestrator", *command],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={**os.environ, "ORCHESTRATOR_SOCKET": str(daemon.socket), "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_D08_the_socket_is_roots_and_a_groups_and_others_get_one_clear_line(daemon_in_the_open: Daemon) -> None:
    daemon = daemon_in_the_open
    daemon.write("{apiVersion: v1, kind: ConfigMap, metadata: {name: shown}}")
    daemon.start("--socket-group", GROUP)
    found = daemon.socket.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o660, 0, GID)

    for verb in VERBS:
        refused = as_user(daemon, verb, "--regid=61234", "--clear-groups")
        assert refused.returncode == 1, verb
        (line,) = refused.stderr.splitlines()
        assert line.startswith(f"error: cannot reach the daemon at {daemon.socket}: permission denied: "), verb
        assert f"you are not in group {GROUP}: `sudo usermod -aG {GROUP} {STRANGER}`" in line, verb
        assert not refused.stdout, verb
    told = as_user(daemon, "doctor", "--regid=61234", "--clear-groups")
    assert (told.returncode, told.stderr) == (1, "")
    assert f"permission denied: you are not in group {GROUP}" in told.stdout
    assert f"$ sudo usermod -aG {GROUP} $USER" in told.stdout
    told = as_user(daemon, "version", "--regid=61234", "--clear-groups")
    assert (told.returncode, told.stdout.split()[0]) == (0, "client")
    assert "permission denied" in told.stderr

    shown = as_user(daemon, "get configmaps -o name", "--regid=61234", f"--groups={GID}")
    assert (shown.returncode, shown.stdout) == (0, "configmap/shown\n"), shown.stderr
    # Who may be in the group, and still not be told secrets: those are for root and the daemon's user.
    hidden = as_user(daemon, "get secrets --show-secrets", "--regid=61234", f"--groups={GID}")
    assert (hidden.returncode, "only root and the daemon's user may" in hidden.stderr) == (1, True), hidden

    # Nothing listens but the unix socket.
    assert daemon.process is not None
    inodes = {os.readlink(fd) for fd in Path(f"/proc/{daemon.process.pid}/fd").iterdir()}
    listening = [
        line.split()[9]
        for name in ("tcp", "tcp6")
        for line in Path("/proc/net", name).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    assert not inodes & {f"socket:[{inode}]" for inode in listening}


def test_D08_a_group_that_is_not_there_is_told_at_the_start(new_daemon: Callable[..., Daemon]) -> None:
    ended = new_daemon().run_to_end("--socket-group", "nobodies")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        'orchestrator: cannot give the socket to the group "nobodies": there is no such group '
        "(groupadd --system nobodies)"
    )
