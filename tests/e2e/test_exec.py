"""`exec` with a standard input: the exit code is the command's own, however much of the input it reads."""

from tests.e2e.daemon import Daemon
from tests.e2e.pods import FOR_EVER, pod, text

LONG = "0" * 3_000_000


def test_a_command_need_not_read_all_of_its_input(daemon: Daemon) -> None:
    daemon.write(text(pod("exec-input", FOR_EVER)))
    daemon.wait_ready("exec-input")
    before = len(daemon.log.read_bytes())
    for script, code, output in (
        ("true", 0, ""),
        ("echo bye; exit 7", 7, "bye\n"),
        ("head -c 5; exit 3", 3, "00000"),
        ("wc -c", 0, f"{len(LONG)}\n"),
    ):
        done = daemon.run_cli("exec", "-i", "exec-input", "--", "sh", "-c", script, stdin=LONG)
        assert (done.returncode, done.stdout, done.stderr) == (code, output, "")
    assert b"Traceback" not in daemon.log.read_bytes()[before:]
