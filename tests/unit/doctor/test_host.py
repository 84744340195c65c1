"""What is said of the host: kernel, disks, folders, inotify, clock and rights."""

from pathlib import Path

import pytest

from orchestrator.doctor import clock, folders, inotify, kernel, rights, room
from orchestrator.findings import Finding
from orchestrator.services import health
from orchestrator.services.dataplane import Mode

GIB, MIB = 1 << 30, 1 << 20
WELL = {"ip_forward": 1, "bridged": 1, "count": 10, "most": 1000, "strict": 0}
FORWARD = ("-P FORWARD DROP", "-A FORWARD -j DOCKER-USER")
TOOLS = frozenset({"iptables", "conntrack"})
PLENTY = room.Room(100 * GIB, 200 * GIB, 900, 1000)


def kernel_says(
    forward: tuple[str, ...] | None = FORWARD, commands: frozenset[str] = TOOLS, **more: object
) -> list[Finding]:
    release = str(more.pop("release", "6.1.0-13-amd64"))
    uplinks = frozenset(str(each) for each in more.pop("uplinks", ["eth0"]))  # type: ignore[attr-defined]
    settings = {**WELL, **more}
    return list(kernel.judge(kernel.Facts(release, settings, forward, uplinks, commands)))  # type: ignore[arg-type]


def test_a_kernel_that_is_well_has_nothing_to_mend() -> None:
    found = kernel_says()
    assert [(each.check, each.level, each.mend) for each in found] == [
        (check, "ok", "") for check in ("kernel", "forwarding", "bridges", "conntrack")
    ]


@pytest.mark.parametrize(
    ("facts", "check", "level", "mend"),
    [
        ({"release": "4.19.0-5"}, "kernel", "warning", "sudo apt full-upgrade"),
        ({"ip_forward": 0}, "forwarding", "error", "sysctl -w net.ipv4.ip_forward=1"),
        ({"commands": frozenset({"conntrack"})}, "forwarding", "warning", "sudo apt install iptables"),
        ({"forward": ("-P FORWARD DROP",)}, "forwarding", "warning", "sudo systemctl restart docker"),
        ({"strict": 1, "uplinks": ["eth0", "wlan0"]}, "forwarding", "warning", "net.ipv4.conf.all.rp_filter=2"),
        ({"bridged": None}, "bridges", "warning", "sudo modprobe br_netfilter && "),
        ({"bridged": 0}, "bridges", "warning", "sysctl -w net.bridge.bridge-nf-call-iptables=1"),
        ({"count": 990}, "conntrack", "error", "sysctl -w net.netfilter.nf_conntrack_max=2000"),
        ({"commands": frozenset({"iptables"})}, "conntrack", "warning", "sudo apt install conntrack"),
    ],
)
def test_what_is_wrong_with_a_kernel_has_its_mend(facts: dict[str, object], check: str, level: str, mend: str) -> None:
    (found,) = [each for each in kernel_says(**facts) if each.level != "ok"]  # type: ignore[arg-type]
    assert (found.check, found.level) == (check, level)
    assert mend in found.mend


def test_what_cannot_be_looked_at_is_no_trouble() -> None:
    assert all(each.level == "ok" for each in kernel_says(forward=None, count=None, most=None, strict=1))


@pytest.mark.parametrize(
    ("mode", "why", "level", "mend"),
    [
        (Mode.KERNEL, "", "ok", ""),
        (Mode.NAMES, "--service-mode names asks for it", "ok", ""),
        (
            Mode.NAMES,
            "nft not found (Debian: apt install nftables iproute2)",
            "warning",
            "sudo apt install nftables iproute2",
        ),
        (Mode.NAMES, "only root may change the kernel's rules", "warning", "sudo systemctl start orchestrator"),
        (Mode.NAMES, "cannot run nft: Error: Could not process rule", "warning", "sudo nft list ruleset"),
    ],
)
def test_how_services_are_carried(mode: Mode, why: str, level: str, mend: str) -> None:
    found = health.mode_finding(mode, why)
    assert (found.level, found.mend.partition("  #")[0], why in found.found) == (level, mend, True)


@pytest.mark.parametrize(
    ("found", "levels"),
    [
        (PLENTY, ["ok"]),
        (room.Room(300 * GIB, 9000 * GIB, 0, 0), ["ok"]),
        (room.Room(3 * GIB, 10 * GIB, 0, 0), ["ok"]),
        (room.Room(3 * GIB, 200 * GIB, 900, 1000), ["warning"]),
        (room.Room(10 * MIB, 200 * GIB, 900, 1000), ["error"]),
        (room.Room(100 * GIB, 200 * GIB, 50, 1000), ["warning"]),
        (room.Room(10 * MIB, 200 * GIB, 0, 1000), ["error", "error"]),
    ],
)
def test_D10_room_on_a_disk_is_bytes_and_inodes(found: room.Room, levels: list[str]) -> None:
    said = list(room.judge("disk", Path("/x y"), found, "make room"))
    assert [each.level for each in said] == levels
    assert all(bool(each.mend) is (each.level != "ok") for each in said)
    assert said[0].mend in ("", "make room", "sudo du --inodes -xd2 '/x y' | sort -n | tail")


def folder(path: str = "/state", **more: object) -> folders.Folder:
    facts: dict[str, object] = {"mode": 0o700, "writable": True, "filesystem": "ext4", "room": PLENTY, **more}
    return folders.Folder(Path(path), **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "secrets_on", "rights_and_life", "said"),
    [
        (folder(), "tmpfs", (True, True), []),
        (folder(), "ext4", (True, False), []),
        (folder(mode=None), "tmpfs", (True, False), []),
        (folder(writable=None), "tmpfs", (True, True), []),
        (folder(), "ext4", (True, True), ["warning secrets: orchestrator run --run-dir"]),
        (folder(), "ext4", (False, False), ["warning secrets: export XDG_RUNTIME_DIR"]),
        (folder(mode=0o755), "tmpfs", (True, True), ["warning state folder: sudo chmod 700 /state"]),
        (folder(filesystem="nfs4"), "tmpfs", (True, True), ["error state folder: orchestrator run --state-dir"]),
        (folder(filesystem="tmpfs"), "tmpfs", (True, True), ["warning state folder: orchestrator run --state-dir"]),
        (folder(writable=False), "tmpfs", (False, True), ["error state folder: sudo install -d -o $USER /state"]),
        (
            folder(room=room.Room(GIB, GIB, 1, 1, read_only=True)),
            "tmpfs",
            (True, True),
            ["error state folder: sudo mount -o remount,rw /"],
        ),
    ],
)
def test_D10_folders(
    state: folders.Folder, secrets_on: str, rights_and_life: tuple[bool, bool], said: list[str]
) -> None:
    root, runs = rights_and_life
    found = [
        each for each in folders.judge(state, folder("/run/o"), secrets_on, root=root, runs=runs) if each.level != "ok"
    ]
    assert len(found) == len(said)
    for each, words in zip(found, said, strict=True):
        assert f"{each.level} {each.check}: {each.mend}".startswith(words)


def test_a_folder_that_is_not_there_yet_is_judged_by_where_it_will_be(tmp_path: Path) -> None:
    seen = folders.look(tmp_path / "a" / "b", 0)
    assert (seen.mode, seen.writable) == (None, True)
    assert seen.room.size > 0
    (tmp_path / "a").mkdir(mode=0o750)
    assert folders.look(tmp_path / "a", 0).mode == 0o750
    # Of a daemon of root that lets nobody in: its folder is not to be taken from it.
    assert folders.look(tmp_path / "a", 0, theirs=True).writable is None


@pytest.mark.parametrize(
    ("facts", "mends"),
    [
        (inotify.Facts(128, 8192, 3, 100, 20), []),
        (inotify.Facts(128, 8192, 120, 100, 0), ["sysctl -w fs.inotify.max_user_instances=256"]),
        (inotify.Facts(128, 8192, 3, 100, 9000), ["sysctl -w fs.inotify.max_user_watches=18200"]),
        (inotify.Facts(1, 10, 1, 10, 5), ["max_user_instances=4", "max_user_watches=30"]),
    ],
)
def test_D10_inotify_has_room_for_the_spec_folders(facts: inotify.Facts, mends: list[str]) -> None:
    found = list(inotify.judge(facts))
    assert [each.level for each in found] == (["warning"] * len(mends) or ["ok"])
    assert all(mend in each.mend for each, mend in zip(found, mends, strict=False))


def test_inotify_is_counted_by_user(tmp_path: Path) -> None:
    for number, links in (("1", ["anon_inode:inotify", "/dev/null"]), ("2", ["anon_inode:inotify"])):
        (tmp_path / number / "fd").mkdir(parents=True)
        (tmp_path / number / "fdinfo").mkdir()
        for name, target in enumerate(links):
            (tmp_path / number / "fd" / str(name)).symlink_to(target)
            (tmp_path / number / "fdinfo" / str(name)).write_text("pos: 0\ninotify wd:1 ino:2\ninotify wd:2 ino:3\n")
    (tmp_path / "max_user_instances").write_text("128\n")
    (tmp_path / "max_user_watches").write_text("8192\n")
    uid = tmp_path.stat().st_uid
    assert inotify.look(uid, 0, tmp_path, tmp_path) == inotify.Facts(128, 8192, 2, 4, 0)
    assert inotify.look(uid + 1, 7, tmp_path, tmp_path) == inotify.Facts(128, 8192, 0, 0, 7)


@pytest.mark.parametrize(
    ("state", "timesync", "said"),
    [
        (0, True, ["ok "]),
        (5, True, ["warning sudo timedatectl set-ntp true"]),
        (5, False, ["warning sudo apt install systemd-timesyncd"]),
        (-1, True, []),
    ],
)
def test_the_clock(state: int, timesync: bool, said: list[str]) -> None:
    assert [f"{each.level} {each.mend}" for each in clock.judge(state, timesync=timesync)] == said


def test_the_kernel_says_how_the_clock_is() -> None:
    assert clock.look() in range(-1, 6)


def test_rights() -> None:
    every = (1 << 41) - 1
    assert [each.level for each in rights.judge(rights.Facts(0, every))] == ["ok"]
    (lacks,) = rights.judge(rights.Facts(0, every & ~(1 << 12)))
    assert (lacks.level, lacks.found) == ("warning", "root without CAP_NET_ADMIN: Services are served by name alone")
    user, looker = rights.judge(rights.Facts(1000, 0, 1000)), rights.judge(rights.Facts(0, every, 1000))
    assert "the daemon is user 1000" in list(user)[1].found
    assert [each.level for each in looker] == ["ok", "ok"]
