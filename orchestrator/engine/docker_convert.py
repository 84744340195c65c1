"""Between the Docker Engine API's dicts and the dataclasses of `base`; pure.

Shapes are those of API 1.41 and up (https://docs.docker.com/reference/api/engine/).  Only fields that 1.41 to 1.52
all have are read: a container's address comes from `NetworkSettings.Networks`, an event's id from `Actor.ID`.
"""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from orchestrator.engine.base import (
    Container,
    ContainerConfig,
    EngineEvent,
    EngineInfo,
    Image,
    ListedImage,
    Mount,
    Network,
    PortBinding,
    PullProgress,
)
from orchestrator.engine.privileges import WHOLE, Host
from orchestrator.planning.runtime_config import joined_by

Json = Mapping[str, Any]

# The kubelet's containerLogMaxSize is 10Mi; the engine keeps the newest and two older files of that size.
_LOG_CONFIG = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}

_CPU_PERIOD = 100_000
"""Microseconds: the kernel's own period, and the kubelet's."""
_BRIDGE_NAME = "com.docker.network.bridge.name"


def unix_seconds(text: str | None) -> float:
    """Unix seconds of an RFC 3339 time; 0.0 for none and for the engine's zero time, "0001-01-01T00:00:00Z"."""
    if not text or text.startswith("0001-"):
        return 0.0
    return datetime.fromisoformat(text).timestamp()


# --- what we send ---


def create_body(config: ContainerConfig, host: Host = WHOLE) -> dict[str, Any]:
    """The body of POST /containers/create, on a host that may lack some capabilities."""
    body: dict[str, Any] = {
        "Image": config.image,
        "Labels": dict(config.labels),
        "Env": list(config.env),
        "WorkingDir": config.working_dir,
        "User": config.user,
        "Hostname": config.hostname,
        "Domainname": config.domainname,
        "Tty": config.tty,
        "OpenStdin": config.stdin_open,
        "StdinOnce": config.stdin_once,
        "ExposedPorts": {_port_key(port): {} for port in config.ports},
        "HostConfig": _host_config(config, host),
    }
    # A missing key leaves the image's own value; an empty list clears it.
    if config.entrypoint is not None:
        body["Entrypoint"] = list(config.entrypoint)
    if config.command is not None:
        body["Cmd"] = list(config.command)
    if config.stop_signal:
        body["StopSignal"] = config.stop_signal
    return body


def _host_config(config: ContainerConfig, host: Host) -> dict[str, Any]:
    return {
        "NetworkMode": config.network,
        "IpcMode": config.ipc_mode or (config.network if joined_by(config.network) else ""),
        "PidMode": config.pid_mode,
        "Runtime": config.runtime,
        "RestartPolicy": {"Name": "no"},
        "LogConfig": _LOG_CONFIG,
        "Mounts": [_mount(mount) for mount in config.mounts],
        "PortBindings": _port_bindings(config.ports),
        "Dns": list(config.dns),
        "DnsSearch": list(config.dns_search),
        "DnsOptions": list(config.dns_options),
        # Swap counts memory and swap together: equal means none.
        "Memory": config.memory_bytes,
        "MemorySwap": config.memory_bytes,
        # Not NanoCpus: of those the engine takes no more than there are, and a limit may be higher.
        "CpuPeriod": _CPU_PERIOD if config.cpu_quota else 0,
        "CpuQuota": config.cpu_quota,
        "CpuShares": config.cpu_shares,
        "PidsLimit": config.pids_limit,
        "DeviceRequests": _gpus(config.gpus),
        "OomScoreAdj": host.allowed_score(config.oom_score_adj),
        "Init": config.init,
        "Privileged": config.privileged,
        "ReadonlyRootfs": config.read_only_root,
        "CapAdd": list(config.cap_add),
        "CapDrop": host.dropped(config.cap_drop),
        "GroupAdd": list(config.groups),
        "SecurityOpt": list(config.security_opt),
        "Sysctls": dict(config.sysctls),
        **({"MaskedPaths": [], "ReadonlyPaths": []} if config.unmasked_proc else {}),
        **(host.privileged() if config.privileged else {}),
    }


def _gpus(count: int) -> list[dict[str, Any]]:
    return [{"Driver": "", "Count": count, "Capabilities": [["gpu"]]}] if count else []


def _mount(mount: Mount) -> dict[str, Any]:
    # "Mounts" and not "Binds": a source that is missing is an error, never a folder that root owns.
    if mount.source is not None:
        return {
            "Type": "bind",
            "Source": mount.source,
            "Target": mount.target,
            "ReadOnly": mount.read_only,
            **({"BindOptions": options} if (options := _bind_options(mount)) else {}),
        }
    size = {"SizeBytes": mount.size_bytes} if mount.size_bytes else {}
    return {"Type": "tmpfs", "Target": mount.target, "ReadOnly": mount.read_only, "TmpfsOptions": size}


def _bind_options(mount: Mount) -> dict[str, Any]:
    options: dict[str, Any] = {"Propagation": mount.propagation} if mount.propagation else {}
    if mount.read_only_below is not None:
        # Both are of API 1.44; below it nobody asks.
        options["ReadOnlyForceRecursive" if mount.read_only_below else "ReadOnlyNonRecursive"] = True
    return options


def _port_key(port: PortBinding) -> str:
    return f"{port.container_port}/{port.protocol.lower()}"


def _port_bindings(ports: tuple[PortBinding, ...]) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        bindings.setdefault(_port_key(port), []).append({"HostIp": port.host_ip, "HostPort": str(port.host_port)})
    return bindings


def network_body(
    name: str, labels: Mapping[str, str], subnet: str, ip_range: str, gateway: str, bridge: str
) -> dict[str, Any]:
    """The body of POST /networks/create, for a bridge network."""
    pool = {"Subnet": subnet, "IPRange": ip_range, "Gateway": gateway}
    return {
        "Name": name,
        "CheckDuplicate": True,
        "Driver": "bridge",
        "IPAM": {"Driver": "default", "Config": [{key: value for key, value in pool.items() if value}]},
        "Options": {_BRIDGE_NAME: bridge} if bridge else {},
        "Labels": dict(labels),
    }


# --- what we read ---


def engine_info(version: Json, info: Json) -> EngineInfo:
    """From GET /version and GET /info."""
    components = version.get("Components") or [{}]
    name = components[0].get("Name", "Engine")
    return EngineInfo(
        name="Docker Engine" if name == "Engine" else name,
        version=version.get("Version", ""),
        api_version=version["ApiVersion"],
        os=version.get("Os", ""),
        architecture=version.get("Arch", ""),
        cpus=info.get("NCPU", 0),
        memory_bytes=info.get("MemTotal", 0),
        id=info.get("ID") or "",
        root=info.get("DockerRootDir") or "",
        app_armor=any(option.startswith("name=apparmor") for option in info.get("SecurityOptions") or ()),
    )


def container(inspected: Json) -> Container:
    """From GET /containers/{id}/json."""
    config, state = inspected["Config"], inspected["State"]
    networks = inspected.get("NetworkSettings", {}).get("Networks") or {}
    started_at, finished_at = unix_seconds(state.get("StartedAt")), unix_seconds(state.get("FinishedAt"))
    # The end of a very short run may be noted a moment before its start.
    if state["Status"] in ("exited", "dead") and finished_at:
        finished_at = max(started_at, finished_at)
    return Container(
        id=inspected["Id"],
        name=inspected["Name"].removeprefix("/"),
        labels=config.get("Labels") or {},
        image=config["Image"],
        image_id=inspected["Image"],
        phase=state["Status"],
        pid=state.get("Pid", 0),
        exit_code=state.get("ExitCode", 0),
        oom_killed=state.get("OOMKilled", False),
        error=state.get("Error", ""),
        created_at=unix_seconds(inspected.get("Created")),
        started_at=started_at,
        finished_at=finished_at,
        addresses={name: end["IPAddress"] for name, end in networks.items() if end.get("IPAddress")},
        joined=joined_by(inspected.get("HostConfig", {}).get("NetworkMode") or ""),
        stop_signal=config.get("StopSignal") or "",
        layer=((inspected.get("GraphDriver") or {}).get("Data") or {}).get("UpperDir") or "",
        log=inspected.get("LogPath") or "",
    )


def hung_container(summary: Json) -> Container:
    """From an item of GET /containers/json, where there is no more to be had."""
    networks = (summary.get("NetworkSettings") or {}).get("Networks") or {}
    return Container(
        id=summary["Id"],
        name=next(iter(summary.get("Names") or ()), "").removeprefix("/"),
        labels=summary.get("Labels") or {},
        image=summary.get("Image", ""),
        image_id=summary.get("ImageID", ""),
        phase=summary["State"],
        created_at=float(summary.get("Created") or 0),
        addresses={name: end["IPAddress"] for name, end in networks.items() if end.get("IPAddress")},
        hung=True,
    )


def image(inspected: Json) -> Image:
    """From GET /images/{name}/json."""
    config = inspected.get("Config") or {}
    return Image(
        id=inspected["Id"],
        tags=tuple(inspected.get("RepoTags") or ()),
        digests=tuple(inspected.get("RepoDigests") or ()),
        architecture=inspected.get("Architecture", ""),
        size_bytes=inspected.get("Size", 0),
        user=config.get("User") or "",
        stop_signal=config.get("StopSignal") or "",
        labels=config.get("Labels") or {},
        os=inspected.get("Os") or "linux",
        variant=inspected.get("Variant") or "",
    )


def listed_image(listed: Json) -> ListedImage:
    """From one entry of GET /images/json; "<none>:<none>" is no name."""
    return ListedImage(
        id=listed["Id"],
        tags=tuple(tag for tag in listed.get("RepoTags") or () if not tag.startswith("<none>")),
        digests=tuple(digest for digest in listed.get("RepoDigests") or () if not digest.startswith("<none>")),
        size_bytes=listed.get("Size", 0),
    )


def platforms(answer: Json) -> tuple[str, ...]:
    """From GET /distribution/{name}/json."""
    found = answer.get("Platforms") or ()
    return tuple("/".join(filter(None, (p.get("os"), p.get("architecture"), p.get("variant")))) for p in found)


def platform_query(platform: str) -> Json:
    """What GET /images/{name}/json takes for "linux/arm/v7"."""
    names = ("os", "architecture", "variant")
    return dict(zip(names, platform.split("/"), strict=False))


def network(inspected: Json) -> Network:
    """From GET /networks or GET /networks/{id}; the fields of the first IPv4 pool, "" where there is none."""
    pools = (inspected.get("IPAM") or {}).get("Config") or []
    pool: Json = next((pool for pool in pools if ":" not in pool.get("Subnet", "")), {})
    bridge = ""
    if inspected.get("Driver") == "bridge":
        bridge = (inspected.get("Options") or {}).get(_BRIDGE_NAME) or f"br-{inspected['Id'][:12]}"
    return Network(
        id=inspected["Id"],
        name=inspected["Name"],
        labels=inspected.get("Labels") or {},
        subnet=pool.get("Subnet", ""),
        ip_range=pool.get("IPRange", ""),
        gateway=pool.get("Gateway", ""),
        bridge=bridge,
    )


def event(message: Json) -> EngineEvent:
    """From one line of GET /events; container_id is "" where it is about none."""
    actor, attributes = message["Actor"], message["Actor"].get("Attributes") or {}
    of_network = message["Type"] == "network"
    return EngineEvent(
        action=message["Action"],
        container_id=attributes.get("container", "") if of_network else actor["ID"],
        attributes=attributes,
        at=message["timeNano"] / 1e9,
    )


def pull_progress(message: Json) -> PullProgress:
    """From one line of POST /images/create."""
    detail = message.get("progressDetail") or {}
    return PullProgress(
        layer=message.get("id", ""),
        status=message.get("status", ""),
        current=detail.get("current", 0),
        total=detail.get("total", 0),
    )


def registry_auth(auth: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """The header that a pull's credential travels in, which the engine hands on to the registry."""
    return {"X-Registry-Auth": base64.urlsafe_b64encode(msgspec.json.encode(auth)).decode()} if auth else None
