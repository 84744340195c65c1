"""What the daemon can be told: flags over environment over defaults, frozen once it starts.

Every field has one flag (`--state-dir`) and one variable (`ORCHESTRATOR_STATE_DIR`).  Times are seconds.
"""

import ipaddress
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

SOCKET_NAME = "orchestrator.sock"
SOCKET_GROUP = "orchestrator"
"""Its members may use the socket, where the host has such a group."""
_RUN_DIR = Path("/run/orchestrator")
"""Of root's daemon."""


def _root() -> bool:
    return os.geteuid() == 0


def default_state_dir() -> Path:
    """/var/lib/orchestrator for root, `$XDG_STATE_HOME/orchestrator` for others."""
    if _root():
        return Path("/var/lib/orchestrator")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "orchestrator"


def default_run_dir() -> Path:
    """/run/orchestrator for root, `$XDG_RUNTIME_DIR/orchestrator` for others (both are on tmpfs)."""
    if _root():
        return _RUN_DIR
    return Path(os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/orchestrator-{os.geteuid()}") / "orchestrator"


def default_socket() -> Path:
    """Where a client looks: ORCHESTRATOR_SOCKET, else the user's own daemon, else the host's."""
    if named := os.environ.get("ORCHESTRATOR_SOCKET"):
        return Path(named)
    own, hosts = default_run_dir() / SOCKET_NAME, _RUN_DIR / SOCKET_NAME
    return hosts if os.access(hosts, os.F_OK) and not os.access(own, os.F_OK) else own


def loopback(address: str) -> tuple[str, int]:
    """Take "127.0.0.1:9100" apart: (host, port).  ValueError for any address that others can reach."""
    wrong = f"cannot serve metrics on {address!r}: "
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname or "", parts.port
        if host == "localhost":
            host = "127.0.0.1"
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise ValueError(f"{wrong}write it as 127.0.0.1:9100") from error
    if port is None or parts.path:
        raise ValueError(f"{wrong}write it as {host}:9100")
    if not is_loopback:
        raise ValueError(
            f"{wrong}whoever reaches that address could read them; use 127.0.0.1:{port}, and a proxy in front"
        )
    return host, port


@dataclass(frozen=True)
class Settings:
    """One daemon's settings.  Its folders are made absolute."""

    specs: tuple[Path, ...]
    state_dir: Path = field(default_factory=default_state_dir)
    run_dir: Path = field(default_factory=default_run_dir)
    instance: str = "default"
    """Two instances on one engine do not see each other: it is part of every name and label."""
    down_on_exit: bool = False
    engine_url: str = field(default_factory=lambda: os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    node_name: str = field(default_factory=socket.gethostname)
    pool: str = "10.201.0.0/16"
    """Every namespace's network is cut out of this range."""
    node_port_range: str = "30000-32767"
    """The ports of the host that Services may name, or are given, as nodePort."""
    backoff_base: float = 10.0
    """The wait before the second restart in a row; doubled each time up to `backoff_max`."""
    backoff_max: float = 300.0
    empty_folder_delay: float = 10.0
    """How long an emptied or vanished folder may stay so before its objects are deleted."""
    cluster_domain: str = "cluster.local"
    service_mode: Literal["auto", "names"] = "auto"
    """How Services are carried: by the kernel where that can be, or by name alone."""
    namespace_isolation: Literal["on", "off"] = "on"
    """Whether a namespace's pods are kept away from the pods and Services of others."""
    dns: Literal["on", "off"] = "on"
    """Whether pods' questions for names are answered by DNS too, beside the hosts files."""
    resolv_conf: Path = Path("/etc/resolv.conf")
    """The host's name servers, search list and options, for pods (the kubelet's resolvConf)."""
    image_gc_high_threshold: int = 85
    """Percent of the disk in use above which images that nobody needs are removed; 100 keeps all."""
    image_gc_low_threshold: int = 80
    """Percent in use down to which they are removed."""
    minimum_image_ttl_duration: float = 120.0
    """How long an image is kept at least."""
    system_reserved: str = ""
    """What of the host pods may not have, as the kubelet's flag of this name: "cpu=250m,memory=512Mi"."""
    eviction_hard: str = "memory.available<100Mi,nodefs.available<10%"
    """When the host is so short that pods are evicted, as the kubelet's flag of this name; "none": never."""
    pod_pids_limit: int = 0
    """How many processes a container may have; 0 is no limit."""
    policy: Literal["privileged", "baseline", "restricted"] = "privileged"
    """The level of the Pod Security Standards that every namespace has at least."""
    allowed_unsafe_sysctls: str = "any"
    """Kernel settings of their own that pods may ask for beside the safe ones: "any", "none", or names, and beginnings
    with "*", with commas between."""
    socket_group: str = SOCKET_GROUP
    """Whose members may use the socket beside its owner; one that is not the default must be there."""

    metrics_address: str = ""
    """A loopback address for metrics ("127.0.0.1:9100"), beside the socket."""

    def __post_init__(self) -> None:
        # The engine mounts folders by their whole path; it knows nothing of the folder that we were started in.
        for name in ("state_dir", "run_dir"):
            object.__setattr__(self, name, Path(os.path.realpath(getattr(self, name))))

    @property
    def socket(self) -> Path:
        """The API's unix socket."""
        return self.run_dir / SOCKET_NAME
