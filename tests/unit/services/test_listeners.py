"""The holder of a port, on a small /proc of the test's own."""

from pathlib import Path

from orchestrator.services.listeners import listener

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def line(port: int, state: str, inode: int) -> str:
    queues = "00000000:00000000 00:00000000 00000000"
    return f"   0: 00000000:{port:04X} 00000000:0000 {state} {queues}     0        0 {inode} 1\n"


def process(proc: Path, pid: int, name: str, inode: int) -> None:
    (proc / str(pid) / "fd").mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(f"{name}\n")
    (proc / str(pid) / "fd" / "0").symlink_to("/dev/null")
    (proc / str(pid) / "fd" / "3").symlink_to(f"socket:[{inode}]")


def test_the_process_that_listens_is_named_not_one_with_a_connection(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(HEAD + line(80, "01", 7) + line(80, "0A", 8) + line(81, "0A", 9))
    (tmp_path / "net" / "udp6").write_text(HEAD + line(53, "07", 10))
    for pid, name, inode in ((2, "client", 7), (3, "nginx", 8), (4, "other", 9), (5, "dnsmasq", 10)):
        process(tmp_path, pid, name, inode)
    (tmp_path / "1").mkdir()  # one whose descriptors may not be seen
    assert listener("TCP", 80, tmp_path) == "nginx (pid 3)"
    assert listener("UDP", 53, tmp_path) == "dnsmasq (pid 5)"
    assert listener("TCP", 82, tmp_path) == ""
    assert listener("SCTP", 80, tmp_path) == ""
