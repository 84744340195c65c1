"""What Kubernetes' conformance tests say of commands, subPathExpr, logs and files of the root (docs/conformance.md)."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.host import docker
from tests.e2e.pod_status import status_of, waiting_reason
from tests.e2e.pods import FOR_EVER, container, pod, text


def over(daemon: Daemon, name: str) -> Document:
    """Follow a pod to its end."""
    return daemon.wait_pod(name, lambda p: p["status"]["phase"] in ("Succeeded", "Failed"))


# --- the image's ENTRYPOINT and CMD ---


@pytest.fixture
def speaking_image(image: str) -> Iterator[str]:
    """An image that prints its arguments: ENTRYPOINT `echo entrypoint`, CMD `default arguments`."""
    name = f"orchestrator-test/speaking-{uuid.uuid4().hex[:8]}:1"
    recipe = f'FROM {image}\nENTRYPOINT ["/bin/echo", "entrypoint"]\nCMD ["default", "arguments"]\n'
    subprocess.run(["docker", "build", "-q", "-t", name, "-"], input=recipe, text=True, check=True, capture_output=True)
    yield name
    docker("rmi", "-f", name)


def test_L01_command_and_args_override_entrypoint_and_cmd(daemon: Daemon, speaking_image: str) -> None:
    """A command alone leaves the image's CMD out."""
    own: dict[str, Document] = {
        "blank": {},
        "args": {"args": ["own", "words"]},
        "command": {"command": ["/bin/echo", "own"]},
        "both": {"command": ["/bin/echo", "own"], "args": ["words"]},
    }
    made = [{"name": name, "image": speaking_image, **fields} for name, fields in own.items()]
    daemon.write(text(pod("c-command", *made, restartPolicy="Never")))
    over(daemon, "c-command")
    assert {name: daemon.logs("c-command", "-c", name).strip() for name in own} == {
        "blank": "entrypoint default arguments",
        "args": "entrypoint own words",
        "command": "own",
        "both": "own words",
    }


# --- subPathExpr ---


def expanding(name: str, expression: str, env: list[Document], **metadata: Any) -> Document:
    """A pod with an emptyDir at /whole, and what the expression chooses of it at /part."""
    mounts = [
        {"name": "data", "mountPath": "/part", "subPathExpr": expression},
        {"name": "data", "mountPath": "/whole"},
    ]
    main = container(FOR_EVER, env=env, volumeMounts=mounts)
    made = pod(name, main, volumes=[{"name": "data", "emptyDir": {}}])
    made["metadata"] |= metadata
    return made


def test_V05_sub_path_expr_is_expanded_and_can_be_written_to(daemon: Daemon) -> None:
    """From a plain variable and from an annotation; an edit of the annotation touches nothing that runs."""
    note = {"name": "NOTE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['path']"}}}
    env = [{"name": "POD_NAME", "value": "c-expr"}, note]
    document = expanding("c-expr", "$(NOTE)/$(POD_NAME)", env, annotations={"path": "logs"})
    daemon.write(text(document))
    daemon.wait_ready("c-expr")
    daemon.exec("c-expr", "touch", "/whole/logs/c-expr/from-whole", "/part/from-part")
    names = daemon.exec("c-expr", "ls", "/part", "/whole/logs/c-expr").split()
    assert names == ["/part:", "from-part", "from-whole", "/whole/logs/c-expr:", "from-part", "from-whole"]
    life = daemon.life("c-expr")
    document["metadata"]["annotations"] = {"path": "elsewhere"}
    daemon.write(text(document))
    daemon.wait_pod("c-expr", lambda p: p["metadata"]["annotations"] == {"path": "elsewhere"})
    assert daemon.life("c-expr") == life
    daemon.remove()
    daemon.wait_gone("c-expr")


@pytest.mark.parametrize(("case", "value"), [("back", ".."), ("absolute", "/tmp")])
def test_V05_a_sub_path_expr_that_leads_out_or_is_absolute_starts_nothing(
    daemon: Daemon, case: str, value: str
) -> None:
    name = f"c-expr-{case}"
    daemon.write(text(expanding(name, "$(WHERE)", [{"name": "WHERE", "value": value}])))
    held = daemon.wait_pod(name, lambda p: waiting_reason(p) == "CreateContainerConfigError")
    assert held["status"]["phase"] == "Pending"
    roles = [one["Config"]["Labels"]["orchestrator.dev/role"] for one in daemon.containers(name)]
    assert "container" not in roles


@pytest.mark.races
def test_V05_a_failing_sub_path_expr_starts_once_an_edit_makes_it_valid(daemon: Daemon) -> None:
    """The annotation is absent, so the path begins with "/"; when it comes, the container starts."""
    note = {"name": "NOTE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['path']"}}}
    document = expanding("c-expr-mend", "$(NOTE)/logs", [note], annotations={"other": "x"})
    daemon.write(text(document))
    held = daemon.wait_pod("c-expr-mend", lambda p: waiting_reason(p) == "CreateContainerConfigError")
    document["metadata"]["annotations"] = {"path": "mine"}
    daemon.write(text(document))
    seen = daemon.wait_ready("c-expr-mend")
    assert seen["metadata"]["uid"] == held["metadata"]["uid"]
    daemon.exec("c-expr-mend", "test", "-d", "/whole/mine/logs")


# --- logs, and files that a container may not write ---


def test_L05_both_outputs_are_in_the_log(daemon: Daemon) -> None:
    daemon.write(text(pod("c-log", "echo to stdout; echo to stderr >&2", restartPolicy="Never")))
    over(daemon, "c-log")
    assert sorted(daemon.logs("c-log").splitlines()) == ["to stderr", "to stdout"]


def test_a_root_that_is_read_only_cannot_be_written(daemon: Daemon) -> None:
    script = "echo x >/file && exit 9; echo x >/tmp/file && exit 8; exit 0"
    main = container(script, securityContext={"readOnlyRootFilesystem": True})
    daemon.write(text(pod("c-root", main, restartPolicy="Never")))
    assert status_of(over(daemon, "c-root"))["state"]["terminated"]["exitCode"] == 0
    assert "Read-only file system" in daemon.logs("c-root")


MANAGED = "# Kubernetes-managed hosts file."


def test_E05_the_hosts_file_is_managed_unless_a_container_mounts_its_own(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("192.0.2.9\tmine\n")
    own = {"name": "own", "hostPath": {"path": str(tmp_path / "hosts"), "type": "File"}}
    mounts = [{"name": "own", "mountPath": "/etc/hosts"}]
    containers = container(FOR_EVER, "one"), container(FOR_EVER, "two"), container(FOR_EVER, "own", volumeMounts=mounts)
    daemon.write(text(pod("c-hosts", *containers, volumes=[own])))
    daemon.wait_ready("c-hosts")
    read = {name: daemon.exec("c-hosts", "cat", "/etc/hosts", container=name) for name in ("one", "two", "own")}
    assert read["one"].startswith(MANAGED)
    assert read["two"] == read["one"]
    assert read["own"] == "192.0.2.9\tmine\n"


def test_E05_a_pod_on_the_host_s_network_has_the_host_s_names(daemon: Daemon) -> None:
    daemon.write(text(pod("c-hosts-net", FOR_EVER, hostNetwork=True)))
    daemon.wait_ready("c-hosts-net")
    read = daemon.exec("c-hosts-net", "cat", "/etc/hosts")
    assert MANAGED not in read
    assert "localhost" in read


# --- the downward API ---


def test_E02_limits_that_are_not_set_are_what_the_host_has(daemon: Daemon) -> None:
    """As much of it as pods may have in all: the node says so, and it is no more than the engine's host has."""
    names = {"CPUS": "limits.cpu", "MEMORY": "limits.memory"}
    env = [{"name": key, "valueFrom": {"resourceFieldRef": {"resource": names[key]}}} for key in names]
    daemon.write(text(pod("c-limits", container("echo $CPUS $MEMORY", env=env), restartPolicy="Never")))
    over(daemon, "c-limits")
    node = daemon.client.get("/api/v1/nodes")["items"][0]["status"]
    told = daemon.logs("c-limits").split()
    assert told == [node["allocatable"]["cpu"], node["allocatable"]["memory"]]
    cores, memory = docker("info", "--format", "{{.NCPU}} {{.MemTotal}}").split()
    assert (told[0], node["capacity"]["memory"]) == (cores, memory)
    assert 0 < int(told[1]) <= int(memory)
