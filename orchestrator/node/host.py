"""What the host is: its address and its resolver's settings.  Reads files; sends nothing."""

import socket
from dataclasses import dataclass
from pathlib import Path

_ANYWHERE = ("192.0.2.1", 9)
"""An address that nobody has (TEST-NET-1): the kernel says by which own address it would be reached."""


def host_address() -> str:
    """The host's own address towards the default route; 127.0.0.1 where it has none.  No packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ANYWHERE)
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address


_STUB = "127.0.0.53"
_BEHIND_STUB = Path("/run/systemd/resolve/resolv.conf")
"""See systemd-resolved(8)."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """The host's resolv.conf."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def resolver_settings(path: Path, behind_stub: Path = _BEHIND_STUB) -> Resolver:
    """What the host's resolver uses; nothing where the file is not there.

    Where it names systemd-resolved's stub alone, what stands behind that: no pod can ask the stub.
    """
    found = _read(path)
    return _read(behind_stub) if found.nameservers == (_STUB,) and behind_stub.exists() else found


def _read(path: Path) -> Resolver:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return Resolver()
    words = [line.split() for line in lines if line.strip() and line[0] not in "#;"]
    return Resolver(
        nameservers=tuple(line[1] for line in words if line[0] == "nameserver" and len(line) > 1),
        searches=next((tuple(line[1:]) for line in reversed(words) if line[0] == "search"), ()),
        options=tuple(option for line in words if line[0] == "options" for option in line[1:]),
    )
