"""The pure parts under the Docker engine: conversions, stream formats, errors, and whom the killer spares."""

import asyncio
import struct
import subprocess
from dataclasses import replace

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol

from orchestrator.engine import docker_convert as convert
from orchestrator.engine import docker_errors as errors
from orchestrator.engine.base import ContainerConfig, EngineRefused, Mount, PortBinding
from orchestrator.engine.docker_streams import frames, json_lines
from orchestrator.engine.privileges import Host
from orchestrator.engine.processes import kill_tree
from orchestrator.errors import Conflict, NotFound

PLAIN = ContainerConfig(name="c", image="i:1", labels={"a": "b"})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0001-01-01T00:00:00Z", 0.0),
        ("", 0.0),
        (None, 0.0),
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("2026-11-21T22:33:21.682620123Z", 1795300401.682620),
        ("1970-01-01T02:00:01.25+02:00", 1.25),
    ],
)
def test_engine_times_are_unix_seconds(text: str | None, seconds: float) -> None:
    assert convert.unix_seconds(text) == pytest.approx(seconds, abs=1e-6)


def test_a_plain_container_leaves_the_images_own_command() -> None:
    body = convert.create_body(PLAIN)
    assert not {"Entrypoint", "Cmd", "StopSignal"} & body.keys()
    assert body["HostConfig"]["RestartPolicy"] == {"Name": "no"}
    assert body["HostConfig"]["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}


def test_an_empty_entrypoint_is_sent() -> None:
    body = convert.create_body(replace(PLAIN, entrypoint=(), command=("a", "b")))
    assert (body["Entrypoint"], body["Cmd"]) == ([], ["a", "b"])


def test_a_joined_container_joins_ipc_too_unless_told() -> None:
    joined = replace(PLAIN, network="container:abc")
    assert convert.create_body(joined)["HostConfig"]["IpcMode"] == "container:abc"
    assert convert.create_body(replace(joined, ipc_mode="host"))["HostConfig"]["IpcMode"] == "host"
    assert convert.create_body(joined)["HostConfig"]["PidMode"] == ""


def test_limits_leave_no_swap() -> None:
    host = convert.create_body(replace(PLAIN, memory_bytes=1 << 26, cpu_quota=25_000, pids_limit=9))["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (1 << 26, 1 << 26)
    assert (host["CpuPeriod"], host["CpuQuota"], host["PidsLimit"]) == (100_000, 25_000, 9)


def test_R02_gpus_are_asked_of_the_engine() -> None:
    host = convert.create_body(replace(PLAIN, gpus=2))["HostConfig"]
    assert host["DeviceRequests"] == [{"Driver": "", "Count": 2, "Capabilities": [["gpu"]]}]
    assert convert.create_body(PLAIN)["HostConfig"]["DeviceRequests"] == []


@pytest.mark.parametrize(("lacks", "score"), [((), -997), (("SYS_RESOURCE",), 0), (("AUDIT_READ",), -997)])
def test_R02_a_score_that_the_kernel_refuses_is_not_asked_for(lacks: tuple[str, ...], score: int) -> None:
    body = convert.create_body(replace(PLAIN, oom_score_adj=-997), Host(lacks))
    assert body["HostConfig"]["OomScoreAdj"] == score
    assert convert.create_body(replace(PLAIN, oom_score_adj=500), Host(lacks))["HostConfig"]["OomScoreAdj"] == 500


def test_ports_are_exposed_and_bound() -> None:
    ports = (PortBinding(53, 5353, "UDP"), PortBinding(80, 8080, host_ip="127.0.0.1"), PortBinding(80, 8081))
    body = convert.create_body(replace(PLAIN, ports=ports))
    assert body["ExposedPorts"] == {"53/udp": {}, "80/tcp": {}}
    assert body["HostConfig"]["PortBindings"] == {
        "53/udp": [{"HostIp": "", "HostPort": "5353"}],
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}, {"HostIp": "", "HostPort": "8081"}],
    }


def test_mounts_are_binds_or_tmpfs() -> None:
    mounts = (
        Mount("/a", "/host", read_only=True),
        Mount("/b", None, size_bytes=4096),
        Mount("/c", "/host", propagation="rslave"),
        Mount("/d", "/host", read_only=True, read_only_below=True),
        Mount("/e", "/host", read_only=True, read_only_below=False),
    )
    bind = {"Type": "bind", "Source": "/host"}
    assert convert.create_body(replace(PLAIN, mounts=mounts))["HostConfig"]["Mounts"] == [
        {**bind, "Target": "/a", "ReadOnly": True},
        {"Type": "tmpfs", "Target": "/b", "ReadOnly": False, "TmpfsOptions": {"SizeBytes": 4096}},
        {**bind, "Target": "/c", "ReadOnly": False, "BindOptions": {"Propagation": "rslave"}},
        {**bind, "Target": "/d", "ReadOnly": True, "BindOptions": {"ReadOnlyForceRecursive": True}},
        {**bind, "Target": "/e", "ReadOnly": True, "BindOptions": {"ReadOnlyNonRecursive": True}},
    ]


def test_the_end_of_a_run_is_never_before_its_start() -> None:
    state = {"Status": "exited", "StartedAt": "2026-01-01T00:00:00.2Z", "FinishedAt": "2026-01-01T00:00:00.1Z"}
    inspected = {"Id": "1", "Name": "/c", "Image": "sha256:1", "Config": {"Image": "i"}, "State": state}
    found = convert.container(inspected)
    assert found.finished_at == found.started_at > 0


def test_a_network_without_pools_has_no_subnet() -> None:
    network = convert.network({"Id": "1" * 64, "Name": "host", "Driver": "host", "IPAM": {"Config": None}})
    assert (network.subnet, network.gateway, network.bridge) == ("", "", "")


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (404, "No such container: x", NotFound),
        (409, "the name is taken", Conflict),
        (403, "network n id 1 has active endpoints", Conflict),
        (403, "Pool overlaps with other one on this address space", EngineRefused),
        (500, "disk is full", EngineRefused),
    ],
)
def test_refusals_keep_the_engines_words(status: int, words: str, kind: type[Exception]) -> None:
    error = errors.refusal(status, words + "\n")
    assert (type(error), str(error)) == (kind, words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "driver failed programming external connectivity on endpoint web (44f10): Error starting userland proxy: "
            "listen tcp4 127.0.0.1:8080: bind: address already in use",
            "host port 127.0.0.1:8080 is in use by a process of this host: end that, or choose another hostPort",
        ),
        (
            "failed to set up container networking: driver failed programming external connectivity on endpoint web "
            "(d1695): failed to bind host port for 0.0.0.0:8080:10.227.92.2:9000/tcp: address already in use",
            "host port 0.0.0.0:8080 is in use by a process of this host: end that, or choose another hostPort",
        ),
        (
            "failed to bind host port [::1]:8080/udp: address already in use",
            "host port [::1]:8080 is in use by a process of this host: end that, or choose another hostPort",
        ),
        (
            "driver failed programming external connectivity on endpoint web (d1695): "
            "Bind for 0.0.0.0:8080 failed: port is already allocated",
            "host port 0.0.0.0:8080 is in use by another container: end that, or choose another hostPort",
        ),
    ],
)
def test_a_taken_port_is_told_in_one_sentence(words: str, told: str) -> None:
    assert str(errors.refusal(500, words)) == told


def test_a_refusal_knows_its_status() -> None:
    error = errors.refusal(400, "bad")
    assert isinstance(error, EngineRefused)
    assert error.status == 400


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("manifest for a:1 not found: manifest unknown", NotFound),
        ("pull access denied for a, repository does not exist or may require 'docker login'", NotFound),
        ("Get https://r/v2/: unauthorized: wrong password", EngineRefused),
    ],
)
def test_pull_refusals_keep_the_registrys_words(words: str, kind: type[Exception]) -> None:
    error = errors.pull_refusal(words)
    assert (type(error), str(error)) == (kind, words)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (PermissionError(13, "Permission denied"), "permission denied; run as root or as a member"),
        (FileNotFoundError(2, "No such file"), "there is no such socket; is the Docker Engine installed"),
        (ConnectionRefusedError(111, "Connection refused"), "nobody listens there; is the Docker Engine started"),
        (OSError(113, "No route to host"), "no route to host"),
        (aiohttp.ServerDisconnectedError(), "the connection broke"),
    ],
)
def test_no_connection_is_told_with_what_mends_it(cause: Exception, words: str) -> None:
    wrapped = RuntimeError("from the client")
    wrapped.__context__ = cause
    text = str(errors.unreachable("unix:///d.sock", wrapped))
    assert text.startswith("cannot reach the Docker Engine at unix:///d.sock: ")
    assert words in text


def _reader(*chunks: bytes) -> aiohttp.StreamReader:
    loop = asyncio.get_running_loop()
    reader = aiohttp.StreamReader(BaseProtocol(loop), 2**20, loop=loop)
    for chunk in chunks:
        reader.feed_data(chunk)
    reader.feed_eof()
    return reader


@pytest.mark.parametrize("size", [1, 3, 8, 1000])
async def test_frames_are_put_together_however_they_come(size: int) -> None:
    whole = b"".join(
        struct.pack(">BxxxL", stream, len(data)) + data for stream, data in ((1, b"one"), (2, b""), (2, b"two" * 50))
    )
    pieces = (whole[at : at + size] for at in range(0, len(whole), size))
    assert [each async for each in frames(_reader(*pieces))] == [(1, b"one"), (2, b"two" * 50)]


async def test_a_frame_cut_short_is_given_as_far_as_it_came() -> None:
    assert [each async for each in frames(_reader(struct.pack(">BxxxL", 1, 10) + b"half"))] == [(1, b"half")]


async def test_lines_of_json_may_be_long_and_cut_anywhere() -> None:
    long = b'{"a":"' + b"x" * 300_000 + b'"}'
    found = [each async for each in json_lines(_reader(b'{"b"', b":1}\n\n", long[:9], long[9:] + b"\n", b'{"c":2}'))]
    assert [list(each) for each in found] == [["b"], ["a"], ["c"]]


def test_a_process_of_another_container_is_spared() -> None:
    with subprocess.Popen(["sleep", "100"]) as bystander:
        try:
            assert not kill_tree(bystander.pid, "f" * 64)
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_a_process_that_is_gone_cannot_be_reached() -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    assert not kill_tree(gone.pid, "f" * 64)
