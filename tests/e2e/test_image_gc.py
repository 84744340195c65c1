"""Case I05: images that nobody needs are removed where the disk is full, and no other."""

import json
import socket
import subprocess
import time
from collections.abc import Callable

from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.host import docker
from tests.e2e.pod_status import waiting_reason
from tests.e2e.pods import FOR_EVER, container, pod, text
from tests.registry import Registry

FULL = ("--image-gc-high-threshold", "1", "--image-gc-low-threshold", "0", "--minimum-image-ttl-duration", "0")
"""With these every disk is full, and no image too young."""


def present(image: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode == 0


def wait_removed(daemon: Daemon, image: str) -> None:
    """Look until the engine has it no more; each look is a round trip of tens of milliseconds."""
    deadline = time.monotonic() + SECONDS
    while present(image):
        assert time.monotonic() < deadline, f"{image} is still there\n{daemon.tail()}"


def test_I05_what_nobody_needs_goes_and_what_anybody_has_or_names_stays(
    new_daemon: Callable[..., Daemon], registry: Registry
) -> None:
    own = new_daemon(*FULL).start()
    names = ("gone", "runs", "named", "theirs", "tagged", "held", "last")
    images = {name: registry.push(f"i05/{name}", "1").name for name in names}
    docker("pull", images["theirs"])
    absent = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "i05-absent", "key": "a"}}}]
    own.write(
        text(
            pod("i05-runs", container(FOR_EVER, image=images["runs"])),
            pod("i05-named", container(FOR_EVER, image=images["named"], env=absent)),
        ),
        "stays.yaml",
    )
    leaving = ("gone", "theirs", "tagged", "held")
    own.write(text(*(pod(f"i05-{name}", container(FOR_EVER, image=images[name])) for name in leaving)))
    for name in ("runs", *leaving):
        own.wait_ready(f"i05-{name}")
    own.wait_pod("i05-named", lambda p: waiting_reason(p) == "CreateContainerConfigError")
    docker("tag", images["tagged"], f"{registry.address}/i05/mine:1")
    held = docker("create", images["held"])
    try:
        own.remove()
        for name in leaving:
            own.wait_gone(f"i05-{name}")
        # A pull makes it look.
        own.write(text(pod("i05-last", container(FOR_EVER, image=images["last"]))), "last.yaml")
        wait_removed(own, images["gone"])
        told = own.wait_event(socket.gethostname(), "FreeDiskSpaceFailed", text="Insufficient free disk space")
        assert {name for name, image in images.items() if present(image)} == {*names} - {"gone"}
    finally:
        docker("rm", "-f", held)
    assert told["involvedObject"]["kind"] == "Node"
    assert "FreeDiskSpaceFailed" in own.cli("events")
    assert f"removed image {images['gone']}" in own.log.read_text()
    # It is pulled anew where it is wanted again.
    own.write(text(pod("i05-gone", container(FOR_EVER, image=images["gone"]))))
    own.wait_ready("i05-gone")
    assert json.loads(docker("image", "inspect", images["gone"]))[0]["RepoTags"] == [images["gone"]]


def test_I05_a_low_threshold_above_the_high_one_is_wrong_use(new_daemon: Callable[..., Daemon]) -> None:
    done = new_daemon("--image-gc-high-threshold", "80").run_to_end()
    assert done.returncode == 2
    assert "--image-gc-low-threshold (80) must be below --image-gc-high-threshold (80)" in done.stderr
