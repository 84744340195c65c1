"""Case D01 where the whole host went: a reboot, after which the state folder is there, and little else.

What lies in /run, in memory and in the kernel is gone; containers are dead, or gone too where the engine lost them.
"""

import shutil
import subprocess
from collections.abc import Callable

import pytest

from orchestrator.services.nft import table_name
from tests.e2e.daemon import Daemon
from tests.e2e.host import docker, mounts_below
from tests.e2e.pod_status import is_ready, restarts
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text
from tests.e2e.traffic import address_of, range_of, server, service, wait_answers

CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "boot"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "boot"}, "stringData": {"key": "sesame"}}
VOLUMES = {
    "secret": {"secret": {"secretName": "boot"}},
    "config": {"configMap": {"name": "boot"}},
    "memory": {"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
    "scratch": {"emptyDir": {}},
    "claim": {"persistentVolumeClaim": {"claimName": "boot"}},
}


def die(daemon: Daemon) -> None:
    """As after a power cut: the engine has dead containers and its networks."""
    running = [one["Id"] for one in daemon.containers() if one["State"]["Running"]]
    docker("kill", *running)


def lose(daemon: Daemon) -> None:
    """The engine's own disk is new."""
    label = f"label=orchestrator.dev/instance={daemon.instance}"
    docker("rm", "-f", *docker("ps", "-aq", "--filter", label).split())
    docker("network", "rm", *docker("network", "ls", "-q", "--filter", label).split())


@pytest.mark.parametrize("engine", [die, lose])
def test_D01_a_reboot_brings_everything_back(own_daemon: Daemon, engine: Callable[[Daemon], None]) -> None:
    daemon = own_daemon
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in VOLUMES]
    volumes = [{"name": name, **source} for name, source in VOLUMES.items()]
    daemon.write(
        text(
            SECRET,
            CLAIM,
            config_map("boot", key="value"),
            service("boot", "boot"),
            server("boot-server", "boot"),
            pod("boot-volumes", container(FOR_EVER, volumeMounts=mounts), volumes=volumes),
            pod("boot-done", container("exit 0"), restartPolicy="Never"),
        )
    )
    daemon.wait_ready("boot-server")
    daemon.wait_ready("boot-volumes")
    daemon.wait_pod("boot-done", lambda found: found["status"]["phase"] == "Succeeded")
    daemon.exec("boot-volumes", "sh", "-c", "for each in memory scratch claim; do echo mine >/$each/file; done")
    address = address_of(daemon, "boot")
    names = ("boot-server", "boot-volumes", "boot-done")
    uids = [daemon.pod(name)["metadata"]["uid"] for name in names]

    daemon.kill()
    # A container that the engine lost has no end that a reader could have seen.
    daemon.new_reader()
    engine(daemon)
    for mount in mounts_below(daemon.home):
        subprocess.run(["umount", mount], check=True, timeout=60)
    shutil.rmtree(daemon.home / "run")
    subprocess.run(["nft", "delete", "table", "ip", table_name(daemon.instance)], check=True, timeout=60)
    subprocess.run(["ip", "route", "flush", "table", "local", "root", str(range_of(address))], check=True, timeout=60)
    daemon.start()

    for name in names[:2]:
        daemon.wait_pod(name, lambda found: is_ready(found) and restarts(found) == 1)
    assert [daemon.pod(name)["metadata"]["uid"] for name in names] == uids
    assert daemon.pod("boot-done")["status"]["phase"] == "Succeeded"
    assert restarts(daemon.pod("boot-done")) == 0
    assert address_of(daemon, "boot") == address
    wait_answers(lambda answers: set(answers) == {"boot-server"}, address)
    script = "cat /secret/key /config/key /scratch/file /claim/file; ls /memory; df -k /memory | tail -1"
    said = daemon.exec("boot-volumes", "sh", "-c", script)
    assert said.startswith("sesamevaluemine\nmine\n")
    assert said.split()[-5] == "1024", "the volume in memory is there again, empty"
