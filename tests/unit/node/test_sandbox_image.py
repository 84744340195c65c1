"""The sandbox's program is a real one, so it is run; the aarch64 one is read back, field by field."""

import io
import platform
import re
import signal
import struct
import subprocess
import tarfile
from pathlib import Path

import pytest

from orchestrator.engine.base import EngineRefused
from orchestrator.engine.simulated import SimulatedEngine
from orchestrator.errors import Invalid
from orchestrator.node.sandbox_image import SANDBOX_IMAGE, ensure_sandbox_image, sandbox_program, sandbox_tar


def _system_call(pid: int) -> str:
    """The number of the system call that the process sleeps in; "running" while it is in none."""
    return Path(f"/proc/{pid}/syscall").read_text().split()[0]


def test_this_machines_program_waits_without_using_the_cpu_and_ends_on_term(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(sandbox_program(platform.machine()))
    program.chmod(0o755)
    pause = {"x86_64": "34", "aarch64": "73"}[platform.machine()]
    process = subprocess.Popen([program])
    try:
        while process.poll() is None and _system_call(process.pid) != pause:
            pass
        assert process.poll() is None
        # Stopped and continued: the call is interrupted, and the loop goes back to it.
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGCONT)
        process.terminate()
        assert process.wait(5) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("architecture", "machine", "size"),
    [("x86_64", 62, 129), ("amd64", 62, 129), ("aarch64", 183, 152), ("arm64", 183, 152)],
)
def test_elf_is_for_its_machine_and_starts_at_its_code(architecture: str, machine: int, size: int) -> None:
    program = sandbox_program(architecture)
    assert len(program) == size
    assert program[:6] == b"\x7fELF\x02\x01"
    assert struct.unpack_from("<HH", program, 16) == (2, machine)
    (entry,) = struct.unpack_from("<Q", program, 24)
    kind, flags, offset, address, _, in_file, in_memory, align = struct.unpack_from("<IIQQQQQQ", program, 64)
    assert (kind, flags, offset) == (1, 5, 0)
    assert entry - address == 64 + 56
    assert in_file == in_memory == size
    assert address % align == 0


def test_other_machines_are_refused_by_name() -> None:
    with pytest.raises(Invalid, match=r"sandbox image for a riscv64 machine.*aarch64"):
        sandbox_tar("riscv64")


def test_tar_holds_one_executable_of_roots_and_is_the_same_each_time() -> None:
    first = sandbox_tar("aarch64")
    assert first == sandbox_tar("arm64")
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        (entry,) = tar.getmembers()
        assert (entry.name, entry.mode, entry.uid, entry.gid, entry.mtime) == ("pause", 0o755, 0, 0, 0)
        content = tar.extractfile(entry)
        assert content is not None
        assert content.read() == sandbox_program("aarch64")


def test_name_carries_a_hash_of_the_content() -> None:
    assert re.fullmatch(r"orchestrator-sandbox:[0-9a-f]{12}", SANDBOX_IMAGE)


async def test_image_is_imported_once() -> None:
    engine = SimulatedEngine()
    assert await ensure_sandbox_image(engine) == SANDBOX_IMAGE
    first = await engine.image(SANDBOX_IMAGE)
    engine.fail_next("import_image", EngineRefused("imported a second time"))
    assert await ensure_sandbox_image(engine) == SANDBOX_IMAGE
    assert (await engine.image(SANDBOX_IMAGE)).id == first.id
