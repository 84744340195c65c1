"""The image of a pod's sandbox, made on the spot: one tiny static program that only waits.

A sandbox holds the pod's network and IPC namespaces while containers come and go.  Kubernetes pulls a "pause" image
for that; here no registry is asked for anything, so the program is written down below, instruction by instruction,
and imported through the Engine API.  Run it under the engine's init (`init=True`), which forwards SIGTERM to it and
reaps orphans; a bare PID 1 without a handler would ignore SIGTERM.
"""

import hashlib
import io
import struct
import tarfile
from dataclasses import dataclass

from orchestrator.engine.base import Engine
from orchestrator.errors import Invalid, NotFound
from orchestrator.planning.labels import ROLE

SANDBOX_CHANGES = ('ENTRYPOINT ["/pause"]', f"LABEL {ROLE}=sandbox")
"""Dockerfile instructions for `Engine.import_image`."""


@dataclass(frozen=True, slots=True)
class _Machine:
    """What a program needs to be one of this machine's: the ELF machine number, its largest page, its code."""

    elf_number: int
    page_bytes: int
    code: bytes


_X86_64 = _Machine(
    elf_number=62,  # EM_X86_64
    page_bytes=0x1000,
    code=bytes.fromhex(
        "b8 22 00 00 00"  # wait: mov eax, 34     the number of pause(2)
        "0f 05"  #              syscall           returns only after a signal handler, and there is none
        "eb f7"  #              jmp wait          9 bytes back
    ),
)

# aarch64 has no pause(2); ppoll(2) on no files without a time limit is what its libc calls instead.
_AARCH64 = _Machine(
    elf_number=183,  # EM_AARCH64
    page_bytes=0x10000,
    code=bytes.fromhex(
        "00 00 80 d2"  # wait: mov x0, #0       fds: none
        "01 00 80 d2"  #       mov x1, #0       nfds
        "02 00 80 d2"  #       mov x2, #0       time limit: none
        "03 00 80 d2"  #       mov x3, #0       signal mask: as it is
        "04 00 80 d2"  #       mov x4, #0       size of that mask
        "28 09 80 d2"  #       mov x8, #73      the number of ppoll(2)
        "01 00 00 d4"  #       svc #0
        "f9 ff ff 17"  #       b wait           7 instructions back
    ),
)

# Engines say either the kernel's name (GET /info) or Go's (GET /version).
_MACHINES = {"x86_64": _X86_64, "amd64": _X86_64, "aarch64": _AARCH64, "arm64": _AARCH64}


def sandbox_program(architecture: str) -> bytes:
    """The program as a static ELF file.

    `architecture` is the engine's word for its machine: x86_64, amd64, aarch64 or arm64.  Invalid for any other.
    """
    machine = _MACHINES.get(architecture)
    if machine is None:
        known = ", ".join(_MACHINES)
        raise Invalid(
            f"cannot make the sandbox image for a {architecture} machine: there is a program for {known} only"
        )
    return _elf(machine)


def _elf(machine: _Machine) -> bytes:
    """A file header, one program header, and the code; see elf(5) for the fields."""
    base, header_size, program_header_size = 0x400000, 64, 56
    size = header_size + program_header_size + len(machine.code)
    header = struct.pack(
        "<4sBBBB8xHHIQQQIHHHHHH",
        b"\x7fELF",
        2,  # 64 bits
        1,  # little-endian
        1,  # ELF's version
        0,  # System V
        2,  # an executable
        machine.elf_number,
        1,  # ELF's version, again
        base + header_size + program_header_size,  # the first instruction
        header_size,  # where the program header is
        0,  # no section headers
        0,  # no flags
        header_size,
        program_header_size,
        1,  # program headers
        0,  # no section headers: their size,
        0,  # number,
        0,  # and names
    )
    segment = struct.pack(
        "<IIQQQQQQ",
        1,  # to be loaded,
        5,  # read and executed,
        0,  # from the file's begin
        base,  # to this address
        base,
        size,  # that much in the file
        size,  # and in memory
        machine.page_bytes,
    )
    return header + segment + machine.code


def sandbox_tar(architecture: str) -> bytes:
    """The image's only layer: /pause, mode 0755, owned by root.  Always the same bytes; errors as sandbox_program."""
    program = sandbox_program(architecture)
    entry = tarfile.TarInfo("pause")
    entry.size, entry.mode = len(program), 0o755
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(entry, io.BytesIO(program))
    return buffer.getvalue()


def _content_hash() -> str:
    digest = hashlib.sha256("\n".join(SANDBOX_CHANGES).encode())
    for architecture in ("x86_64", "aarch64"):
        digest.update(sandbox_tar(architecture))
    return digest.hexdigest()[:12]


SANDBOX_IMAGE = f"orchestrator-sandbox:{_content_hash()}"
"""The image's name.  Its tag follows the content: no version of the daemon takes another's for its own."""


async def ensure_sandbox_image(engine: Engine) -> str:
    """See to it that the engine has the sandbox image, and give its name.

    Doing it again is one quick question.  Invalid on a machine for which there is no program; else the engine's errors.
    """
    try:
        await engine.image(SANDBOX_IMAGE)
    except NotFound:
        info = await engine.info()
        await engine.import_image(sandbox_tar(info.architecture), SANDBOX_IMAGE, SANDBOX_CHANGES)
    return SANDBOX_IMAGE
