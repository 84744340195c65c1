"""Who a container is: what it has from its image, its user, capabilities and namespaces (E05, N06, R04, R05)."""

import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.host import docker
from tests.e2e.pods import FOR_EVER, container, pod, text

RECIPE = """
RUN mkdir /real && ln -s /real /link
WORKDIR /link
USER app
ENV GIVEN=image BOTH=image
LABEL example.com/from=image
"""


@pytest.fixture(scope="module")
def full_image(image: str) -> Iterator[str]:
    """An image with a user, an environment, a label, and a working directory that is a link."""
    name = f"orchestrator-test/full-{uuid.uuid4().hex[:8]}:1"
    build = ["docker", "build", "-q", "--network", "none", "-t", name, "-"]
    subprocess.run(build, input=f"FROM {image}{RECIPE}", text=True, check=True, capture_output=True)
    yield name
    docker("rmi", "-f", name)


def said(daemon: Daemon, name: str, which: str = "main") -> list[str]:
    """The lines that a container of a finished pod has printed."""
    daemon.wait_pod(name, lambda p: p["status"]["phase"] in ("Succeeded", "Failed"))
    return daemon.logs(name, "-c", which).splitlines()


def run_once(name: str, *containers: Document, **spec: object) -> Document:
    return pod(name, *containers, restartPolicy="Never", **spec)


# --- what an image gives ---


def test_R05_what_the_image_says_holds_unless_the_spec_says_another(daemon: Daemon, full_image: str) -> None:
    script = "pwd -P; id -un; echo $GIVEN $BOTH"
    own = {"workingDir": "/tmp", "env": [{"name": "BOTH", "value": "spec"}], "securityContext": {"runAsUser": 0}}
    made = run_once("r05-image", container(script, "image"), container(script, "spec", **own))
    daemon.write(text(made).replace("IMAGE", full_image))
    assert said(daemon, "r05-image", "image") == ["/real", "app", "image image"]
    assert said(daemon, "r05-image", "spec") == ["/tmp", "root", "image spec"]
    labels = [one["Config"]["Labels"] for one in daemon.containers("r05-image")]
    from_image = {own["orchestrator.dev/container"]: own.get("example.com/from") for own in labels}
    assert from_image["image"] == from_image["spec"] == "image"


# --- users and capabilities ---


def test_R04_what_must_not_be_root_is_not_made_until_it_is_not(daemon: Daemon, full_image: str) -> None:
    def written(**own: object) -> None:
        made = run_once("r04-non-root", container("id -u", **own), securityContext={"runAsNonRoot": True})
        daemon.write(text(made).replace("IMAGE", full_image))

    def wait_refused(because: str) -> None:
        def refused(seen: Document) -> bool:
            states = [each["state"].get("waiting", {}) for each in seen["status"].get("containerStatuses", [])]
            return any(
                state.get("reason") == "CreateContainerConfigError" and because in state["message"] for state in states
            )

        daemon.wait_pod("r04-non-root", refused)

    written()
    wait_refused("image has non-numeric user (app), cannot verify")
    written(securityContext={"runAsUser": 0})
    wait_refused("container's runAsUser breaks non-root policy")
    written(securityContext={"runAsUser": 1000})
    assert said(daemon, "r04-non-root") == ["1000"]


def test_R04_a_container_s_user_and_group_beat_its_pod_s(daemon: Daemon, full_image: str) -> None:
    script = "id -u; id -g; id -G"
    contexts: dict[str, Document] = {
        "pods": {},
        "user": {"runAsUser": 1234},
        "both": {"runAsUser": 1234, "runAsGroup": 4321},
    }
    made = [container(script, name, securityContext=context) for name, context in contexts.items()]
    shared = {"runAsUser": 5, "runAsGroup": 6, "supplementalGroups": [7, 8]}
    daemon.write(text(run_once("r04-user", *made, securityContext=shared)))
    assert {name: said(daemon, "r04-user", name) for name in contexts} == {
        "pods": ["5", "6", "6 7 8"],
        "user": ["1234", "6", "6 7 8"],
        "both": ["1234", "4321", "4321 7 8"],
    }
    alone = container("id -u; id -g", securityContext={"runAsGroup": 4321})
    daemon.write(text(run_once("r04-group", alone)).replace("IMAGE", full_image), "group.yaml")
    assert said(daemon, "r04-group") == ["1000", "4321"], "the user is the image's"


NET_RAW, NET_ADMIN, CHOWN = 1 << 13, 1 << 12, 1 << 0


def test_R04_capabilities_are_added_and_dropped(daemon: Daemon) -> None:
    script = "grep CapEff /proc/self/status | cut -f 2"
    contexts: dict[str, Document] = {
        "none": {},
        "add": {"capabilities": {"add": ["NET_ADMIN"]}},
        "drop": {"capabilities": {"drop": ["NET_RAW"]}},
        "only": {"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}},
    }
    made = [container(script, name, securityContext=context) for name, context in contexts.items()]
    daemon.write(text(run_once("r04-caps", *made)))
    found = {name: int(said(daemon, "r04-caps", name)[0], 16) for name in contexts}
    usual = found["none"]
    assert usual & NET_RAW
    assert not usual & NET_ADMIN
    assert found == {"none": usual, "add": usual | NET_ADMIN, "drop": usual & ~NET_RAW, "only": CHOWN}


def test_R04_sysctls_are_the_pod_s_own(daemon: Daemon) -> None:
    wanted = {"net.ipv4.tcp_fin_timeout": "7", "kernel.shm_rmid_forced": "1"}
    context = {"sysctls": [{"name": name, "value": value} for name, value in wanted.items()]}
    script = "cat /proc/sys/net/ipv4/tcp_fin_timeout /proc/sys/kernel/shm_rmid_forced"
    daemon.write(text(run_once("r04-sysctl", container(script), securityContext=context)))
    assert said(daemon, "r04-sysctl") == ["7", "1"]


# --- namespaces ---

NAMESPACES = ("net", "ipc", "uts", "pid")


def namespaces(daemon: Daemon, name: str, which: str = "main") -> dict[str, str]:
    """The identity of each namespace that a container's processes are in."""
    script = " && ".join(f"readlink /proc/self/ns/{one}" for one in NAMESPACES)
    found = daemon.exec(name, "sh", "-c", script, container=which).split()
    return dict(zip(NAMESPACES, found, strict=True))


def test_N06_the_containers_of_a_pod_share_network_and_memory_and_processes_when_asked(daemon: Daemon) -> None:
    two = container(FOR_EVER, "one"), container(FOR_EVER, "two")
    daemon.write(text(pod("n06-apart", *two), pod("n06-shared", *two, shareProcessNamespace=True)))
    for name, shared in (("n06-apart", {"net", "ipc"}), ("n06-shared", {"net", "ipc", "pid"})):
        daemon.wait_ready(name)
        one, two_ = namespaces(daemon, name, "one"), namespaces(daemon, name, "two")
        assert {each for each in ("net", "ipc", "pid") if one[each] == two_[each]} == shared
        # The engine cannot share a UTS namespace; each of them has the pod's name in its own.
        assert {daemon.exec(name, "hostname", container=each).strip() for each in ("one", "two")} == {name}
        daemon.exec(name, "sh", "-c", "echo hello >/dev/shm/word", container="one")
        assert daemon.exec(name, "cat", "/dev/shm/word", container="two").strip() == "hello"


def test_N06_the_namespaces_of_the_host(daemon: Daemon) -> None:
    asked = {"pid": "hostPID", "ipc": "hostIPC", "net": "hostNetwork"}
    for kind, field in asked.items():
        daemon.write(text(pod(f"n06-{kind}", FOR_EVER, **{field: True})), f"{kind}.yaml")
    host = {kind: str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in asked}
    for kind in asked:
        daemon.wait_ready(f"n06-{kind}")
        found = namespaces(daemon, f"n06-{kind}")
        assert {each for each in asked if found[each] == host[each]} == {kind}


def test_E05_on_the_host_s_network_the_name_is_the_host_s(daemon: Daemon) -> None:
    daemon.write(text(pod("e05-host", FOR_EVER, hostNetwork=True, hostname="fox")))
    daemon.wait_ready("e05-host")
    assert daemon.exec("e05-host", "hostname").strip() == socket.gethostname()
    assert f"HOSTNAME={socket.gethostname()}" in daemon.exec("e05-host", "cat", "/proc/1/environ").split("\0")


def test_L06_an_init_container_shares_memory_with_the_app_and_its_log_stays(daemon: Daemon) -> None:
    init = container("echo prepared | tee /dev/shm/word", "prepare")
    daemon.write(text(run_once("l06-memory", container("cat /dev/shm/word"), initContainers=[init])))
    assert said(daemon, "l06-memory") == ["prepared"]
    assert daemon.logs("l06-memory", "-c", "prepare").strip() == "prepared"
