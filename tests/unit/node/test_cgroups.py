"""What the kernel's files say of a container's use, in both versions of control groups."""

from pathlib import Path

import pytest

from orchestrator.node.cgroups import read_group, read_host
from orchestrator.planning.consumption import Reading


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def mounted(proc: Path, *lines: str) -> None:
    write(proc / "self", mountinfo="".join(f"{line}\n" for line in lines))


def test_version_1(tmp_path: Path) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    mounted(
        proc,
        f"31 23 0:28 / {groups}/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct",
        f"35 23 0:32 / {groups}/memory rw - cgroup cgroup rw,memory",
        f"41 23 0:38 / {groups}/unified rw - cgroup2 cgroup2 rw",
    )
    write(proc / "7", cgroup="4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n")
    write(groups / "cpu/docker/abc", cpuacct__usage="5000000000\n")
    stat = "cache 1\ntotal_inactive_file 300\n"
    write(groups / "memory/docker/abc", memory__usage_in_bytes="1000\n", memory__stat=stat)
    assert read_group(7, proc) == Reading(5_000_000_000, 700)
    assert read_group(8, proc) is None


def test_version_2(tmp_path: Path) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    mounted(proc, f"31 23 0:28 / {groups} rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate")
    write(proc / "7", cgroup="0::/system.slice/docker-abc.scope\n")
    group = groups / "system.slice/docker-abc.scope"
    write(group, cpu__stat="usage_usec 2500\nuser_usec 1\n", memory__current="1000\n", memory__stat="inactive_file 1\n")
    assert read_group(7, proc) == Reading(2_500_000, 999)
    (group / "memory.current").unlink()
    assert read_group(7, proc) is None


def test_the_host(tmp_path: Path) -> None:
    stat = "cpu  100 0 50 900 30 5 5 40 7 7\ncpu0 1 2 3\n"
    meminfo = "MemTotal:  1000 kB\nMemFree:   200 kB\nInactive(file):  300 kB\n"
    write(tmp_path, stat=stat, meminfo=meminfo)
    assert read_host(tmp_path) == Reading(2_000_000_000, 500 << 10)


@pytest.mark.parametrize("pid", [1, 2**22 + 1])
def test_this_very_host_can_be_read_or_not_but_never_fails(pid: int) -> None:
    found = read_group(pid)
    assert found is None or found.memory_bytes >= 0
    assert read_host().memory_bytes > 0
