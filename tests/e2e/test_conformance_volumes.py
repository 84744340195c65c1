"""Kubernetes' conformance tests of emptyDir, and of volumes that are made of the API's objects (V01, V03)."""

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text

MODES = ("644", "666", "777")
WRITE = """
for folder in /disk /memory; do
  for mode in 644 666 777; do
    file=$folder/$(id -u)-$mode; umask 0; echo content >$file; chmod $mode $file; stat -c '%n %a %u' $file; cat $file
  done
done
stat -f -c %T /memory; stat -c %a /disk /memory
"""


def test_V03_files_of_an_empty_dir_have_the_modes_that_they_are_given(daemon: Daemon) -> None:
    volumes = [{"name": "disk", "emptyDir": {}}, {"name": "memory", "emptyDir": {"medium": "Memory"}}]
    mounts = {"volumeMounts": [{"name": name, "mountPath": f"/{name}"} for name in ("disk", "memory")]}
    users = {"root": 0, "app": 1001}
    made = [container(WRITE, name, securityContext={"runAsUser": uid}, **mounts) for name, uid in users.items()]
    daemon.write(text(pod("v03-modes", *made, volumes=volumes, restartPolicy="Never")))
    daemon.wait_pod("v03-modes", lambda p: p["status"]["phase"] == "Succeeded")
    for name, uid in users.items():
        written = [
            line
            for folder in ("/disk", "/memory")
            for mode in MODES
            for line in (f"{folder}/{uid}-{mode} {mode} {uid}", "content")
        ]
        assert daemon.logs("v03-modes", "-c", name).splitlines() == [*written, "tmpfs", "777", "777"]


@pytest.mark.races
def test_V01_many_volumes_of_many_pods_are_in_nobody_s_way(daemon: Daemon) -> None:
    """Fifty ConfigMaps in each of five pods that start at once, with a Secret and an emptyDir beside them."""
    names = [f"v01-{number}" for number in range(50)]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "v01-many"}, "stringData": {"key": "hush"}}
    volumes = [{"name": name, "configMap": {"name": name}} for name in names]
    volumes += [{"name": "secret", "secret": {"secretName": "v01-many"}}, {"name": "scratch", "emptyDir": {}}]
    mounts = [{"name": each["name"], "mountPath": f"/v/{each['name']}"} for each in volumes]
    pods = [pod(f"v01-many-{n}", container(FOR_EVER, volumeMounts=mounts), volumes=volumes) for n in range(5)]
    daemon.write(text(*(config_map(name, key=name) for name in names), secret, *pods))
    for n in range(5):
        daemon.wait_ready(f"v01-many-{n}")
        read = daemon.exec(f"v01-many-{n}", "sh", "-c", "for f in /v/*/key; do cat $f; echo; done").splitlines()
        assert sorted(read) == sorted([*names, "hush"])
