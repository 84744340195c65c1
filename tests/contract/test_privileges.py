"""A privileged container on a host that itself lacks some capabilities."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.engine import docker_convert as convert
from orchestrator.engine import privileges
from orchestrator.engine.base import ContainerConfig
from tests.contract.bench import Bench

pytestmark = pytest.mark.contract

ALL = "CapInh:\t0000000000000000\nCapBnd:\t000001ffffffffff\n"
WITHOUT_TWO = "CapInh:\t0000000000000000\nCapBnd:\t000001fffefeffff\n"


def test_what_a_host_lacks_is_read_from_its_first_process() -> None:
    assert privileges._lacking(ALL) == ()
    assert privileges._lacking(WITHOUT_TWO) == ("SYS_MODULE", "SYS_RESOURCE")
    assert privileges._lacking("") == ()


def test_privileged_is_docker_s_own_where_the_host_lacks_nothing() -> None:
    config = ContainerConfig(name="c", image="i:1", labels={}, privileged=True)
    whole = convert.create_body(config)["HostConfig"]
    assert (whole["Privileged"], whole["CapAdd"]) == (True, [])
    lacks = privileges.Host(("SYS_RESOURCE",))
    part = convert.create_body(config, lacks)["HostConfig"]
    assert (part["Privileged"], part["CapAdd"], part["CapDrop"]) == (False, ["ALL"], ["SYS_RESOURCE"])
    plain = convert.create_body(ContainerConfig(name="c", image="i:1", labels={}), lacks)["HostConfig"]
    assert (plain["Privileged"], plain["CapAdd"], plain["CapDrop"]) == (False, [], [])


def test_an_engine_that_knows_its_host_is_asked_in_its_own_words() -> None:
    host = privileges.Host(("SYS_RESOURCE", "MKNOD"), known=True)
    config = ContainerConfig(name="c", image="i:1", labels={}, cap_drop=("KILL", "CAP_MKNOD", "sys_resource", "ALL"))
    assert convert.create_body(config, host)["HostConfig"]["CapDrop"] == ["KILL", "ALL"]
    whole = convert.create_body(replace(config, privileged=True), host)["HostConfig"]
    assert (whole["Privileged"], whole["CapAdd"]) == (True, [])


async def test_a_container_may_drop_what_its_host_lacks(docker: Bench) -> None:
    container = await docker.run(cap_drop=("SYS_RESOURCE", "KILL"))
    found = await docker.engine.exec(container, ("grep", "CapBnd", "/proc/self/status"))
    assert not int(found.output.split()[1], 16) & (1 << 24 | 1 << 5)


async def test_a_privileged_container_has_all_that_the_host_has(docker: Bench) -> None:
    container = await docker.run(privileged=True)
    found = await docker.engine.exec(container, ("sh", "-c", "grep CapEff /proc/self/status; ls /dev"))
    caps, *devices = found.output.decode().split("\n")
    has = int(caps.split()[1], 16)
    status = Path("/proc/1/status").read_text()
    host = int(status.split("CapBnd:")[1].split()[0], 16)
    known = (1 << len(privileges._KNOWN_TO_ALL)) - 1
    assert has & known == host & known
    assert "loop-control" in devices or not Path("/dev/loop-control").exists()
