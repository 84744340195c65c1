"""What a container is made of, in the engine's terms: the border between plans and engines.

It lives here, below the engine, because plans carry it: a plan says exactly what will be created.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Mount:
    """A bind mount, or a tmpfs when `source` is None (then `size_bytes` may bound it)."""

    target: str
    source: str | None
    read_only: bool = False
    size_bytes: int | None = None
    propagation: str = ""
    """"rslave", "rshared", or "" for the engine's own choice: private, but for a source that holds its own folder."""
    read_only_below: bool | None = None
    """Of a read-only mount: whether what is mounted below it is read-only too; None is the engine's own choice."""


@dataclass(frozen=True, slots=True)
class PortBinding:
    """A port published on the host (`hostPort`)."""

    container_port: int
    host_port: int
    protocol: str = "tcp"
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class ContainerConfig:
    """Everything that a container is made of, in the engine's terms.

    `network` is a network's name, "host", "none", or "container:<name or id>" (then ipc joins it too, and pid where
    `pid_mode` says so).  `entrypoint` and `command` None mean the image's own; an `entrypoint` of ()
    clears the image's.
    """

    name: str
    image: str
    labels: Mapping[str, str]
    platform: str = ""
    """Which of the images under that name, where it has several; "" for the host's own."""
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    env: tuple[str, ...] = field(default=(), repr=False)
    """"NAME=value" each; never shown, a value may be a secret."""
    working_dir: str = ""
    user: str = ""
    hostname: str = ""
    domainname: str = ""
    runtime: str = ""
    """The engine's name of the runtime that runs it, "" for its default one."""
    network: str = "none"
    ipc_mode: str = ""
    pid_mode: str = ""
    mounts: tuple[Mount, ...] = ()
    ports: tuple[PortBinding, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    memory_bytes: int = 0
    cpu_quota: int = 0
    """Microseconds in each period of 100 ms; 0 is no limit."""
    cpu_shares: int = 0
    pids_limit: int = 0
    gpus: int = 0
    oom_score_adj: int = 0
    init: bool = False
    tty: bool = False
    stdin_open: bool = False
    stdin_once: bool = False
    privileged: bool = False
    read_only_root: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    seccomp_file: str = ""
    """A seccomp profile on this host, which the engine is to have as it is when the container is made."""
    unmasked_proc: bool = False
    """Nothing in /proc and /sys is hidden or read-only."""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = ""


def joined_by(network: str) -> str:
    """The container, by id or name, whose network a container with this `network` joins; "" for none."""
    return network.removeprefix("container:") if network.startswith("container:") else ""
