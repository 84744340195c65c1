"""`validate` on what is known to hurt readers of YAML: a clear error, at once, in bounded memory (S07)."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MEMORY_MB = 400
"""Address space beyond which the process is refused more: a bomb that went off would need gigabytes."""
CPU_SECONDS = 10
"""Far more than any of these takes, on any machine; a hang is ended by the kernel."""

Make = Callable[[Path], None]


def _bytes(data: bytes) -> Make:
    return lambda path: path.write_bytes(data) and None


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(100 * 2**20)


def _full(path: Path) -> None:
    path.write_bytes(b"a: b\n" * (20 * 2**20))


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _folder_loop(path: Path) -> None:
    path.with_suffix("").symlink_to(path.parent)
    path.write_text("kind: [")


_ALIASES = b"a0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [%s]\n" % (i, i, b"*a%d, " % (i - 1) * 9) for i in range(1, 12))
_MERGES = b"a0: &a0 {k: v}\n" + b"".join(
    b"a%d: &a%d {%s}\n" % (i, i, b", ".join(b"k%d: *a%d" % (n, i - 1) for n in range(9))) for i in range(1, 12)
)
_TEXTS = b"a: &a |\n " + b"x" * 2**20 + b"\nb: [" + b"*a, " * 10_000 + b"]\n"
_CHAIN = b"\n".join(b"a%d: &a%d\n  <<: *a%d" % (i, i, i - 1) for i in range(1, 50_000)).replace(b"*a0", b"{}")

HOSTILE: dict[str, tuple[Make, str]] = {
    "alias bomb": (_bytes(_ALIASES), "too much in one file: more than 200000 nodes (aliases count)"),
    "alias bomb of mappings": (_bytes(_MERGES), "too much in one file"),
    "aliases of long text": (_bytes(_TEXTS), "too much in one file"),
    "chain of merge keys": (_bytes(_CHAIN), "too much in one file"),
    "alias of itself": (_bytes(b"a: &a [*a]"), "1:8: an alias that contains itself"),
    "key of 1 MB": (_bytes(b"? " + b"k" * 2**20 + b"\n: v\n"), "1:3: a key is longer than 1024 characters"),
    "quoted key of 1 MB": (_bytes(b'{"' + b"k" * 2**20 + b'": 1}'), "1:2: "),
    "lists 10,000 deep": (_bytes(b"[" * 10_000 + b"]" * 10_000), "1:101: nested more than 100 levels deep"),
    "mappings 10,000 deep": (_bytes(b'{"a":' * 10_000), "nested more than 100 levels deep"),
    "block lists 10,000 deep": (_bytes(b"- " * 10_000), "nested more than 100 levels deep"),
    "Lists of Lists": (_bytes(b"{apiVersion: v1, kind: List, items: [" * 2000), "nested more than 100 levels deep"),
    "a NUL": (_bytes(b"apiVersion: v1\nkind: \0Pod\n"), "2:7: cannot read the YAML"),
    "only NULs": (_bytes(b"\0" * 2**20), "1:1: cannot read the YAML"),
    "bad UTF-8": (_bytes(b"apiVersion: v1\nkind: \xff\xfe\n"), "2:7: not UTF-8"),
    "half a character": (_bytes("kind: é".encode()[:-1]), "1:7: not UTF-8"),
    "UTF-16": (_bytes("kind: Pod".encode("utf-16")), "1:1: not UTF-8"),
    "a python tag": (_bytes(b"a: !!python/object/apply:os.system [id]\n"), "1:4: the tag !!python/object/apply"),
    "a python name": (_bytes(b"!!python/name:os.system ''\n"), "1:1: the tag !!python/name"),
    "100,000 directives": (
        _bytes(b"".join(b"%%TAG !a%d! a\n" % i for i in range(100_000))),
        "1:1: more than 100 lines begin with %",
    ),
    "a number without end": (_bytes(b"apiVersion: v1\nkind: " + b"9" * 10**6), "2:7: "),
    "FIFO": (lambda path: os.mkfifo(path), "1:1: a FIFO, not a file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "1:1: a device, not a file"),
    "terminal": (lambda path: path.symlink_to("/dev/tty"), "1:1: a device, not a file"),
    "link to itself": (_loop, "1:1: too many levels of symbolic links"),
    "link to the folder": (_folder_loop, "cannot read the YAML"),
    "link to nowhere": (lambda path: path.symlink_to("nowhere"), "1:1: the link leads nowhere"),
    "file of 100 MB": (_full, "1:1: the file is larger than 5 MiB"),
    "hole of 100 MB": (_sparse, "1:1: the file is larger than 5 MiB"),
}


def bounded() -> None:
    """What the kernel holds a process to, from before its first line of ours."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MB * 2**20,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS,) * 2)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is small again after the test."""
    yield tmp_path
    for path in tmp_path.iterdir():
        path.unlink()


@pytest.mark.parametrize("name", HOSTILE)
def test_S07_hostile_input_is_an_error(folder: Path, name: str) -> None:
    make, expected = HOSTILE[name]
    path = folder / "hostile.yaml"
    make(path)
    words = (sys.executable, "-m", "orchestrator", "validate", "-q", str(folder))
    run = subprocess.run(words, capture_output=True, text=True, timeout=60, preexec_fn=bounded, check=False)
    assert (run.returncode, run.stderr) == (1, "")
    assert any(line.startswith(f"{path}:") and expected in line for line in run.stdout.splitlines()), run.stdout[:2000]
    assert len(run.stdout) < 100_000
