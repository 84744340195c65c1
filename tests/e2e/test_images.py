"""Cases I01 and I02: names, policies and pulls, against a real registry and one that fails as it is told."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.pod_status import is_ready, restarts, status_of, waiting_reason
from tests.e2e.pods import FOR_EVER, container, pod, text
from tests.faults import Cut, Faults, Garble, Hold, Refuse
from tests.images import containerd_store
from tests.registry import Registry

PULLED = re.compile(
    r'Successfully pulled image "(\S+)" in (\S+s) \(\S+s including waiting\)\. Image size: ([1-9]\d+) bytes\.'
)
TOO_MANY = b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "come back later"}]}'
PARTS = Path("/var/lib/docker/tmp")
"""Where the engine keeps what it has of a layer."""


def of_image(name: str, image: str, script: str = FOR_EVER, **fields: object) -> Document:
    return pod(name, container(script, image=image, **fields), terminationGracePeriodSeconds=0)


def reasons(daemon: Daemon, name: str) -> list[str]:
    return [event["reason"] for event in daemon.events(name)]


def test_I01_an_image_is_named_by_tag_or_digest_and_policies_are_kubernetes_own(
    daemon: Daemon, registry: Registry
) -> None:
    tagged, digested = registry.push("i01/deep/nested/app", "v1.2"), registry.push("i01/app")
    first = registry.push("i01/moving", "latest")
    moving = first.name.removesuffix(":latest")
    again = "until [ -e /tmp/go ]; do sleep 0.05; done"
    daemon.write(
        text(
            of_image("i01-tag", tagged.name), of_image("i01-digest", digested.name), of_image("i01-new", moving, again)
        )
    )
    for name, image in (("i01-tag", tagged), ("i01-digest", digested), ("i01-new", first)):
        assert status_of(daemon.wait_ready(name))["imageID"] == image.engine_id
        pulled = PULLED.fullmatch(daemon.wait_event(name, "Pulled")["message"])
        assert pulled
        assert pulled[1] == (moving if image is first else image.name)
        assert reasons(daemon, name).index("Pulling") < reasons(daemon, name).index("Pulled")

    daemon.write(text(of_image("i01-again", tagged.name)), "again.yaml")
    daemon.wait_event("i01-again", "Pulled", text=f'Container image "{tagged.name}" already present on machine')
    second = registry.push("i01/moving", "latest")
    daemon.exec("i01-new", "touch", "/tmp/go")
    restarted = daemon.wait_pod("i01-new", lambda p: restarts(p) == 1 and is_ready(p))
    assert status_of(restarted)["imageID"] == second.engine_id


def test_I02_one_pull_serves_all_and_a_slow_one_delays_nobody(
    daemon: Daemon, registry: Registry, faults: Faults
) -> None:
    slow, fast = registry.push("i02/slow", "1", layers=(os.urandom(6_000_000),)), registry.push("i02/fast", "1")
    hold = Hold(after=4_000_000)
    faults.on(slow.layers[1], hold)
    names = [f"i02-slow-{number}" for number in range(3)]
    daemon.write(text(*(of_image(name, slow.name.replace(registry.address, faults.address)) for name in names)))
    for name in names:
        daemon.wait_event(name, "Pulling")
    assert hold.held.wait(20)
    daemon.write(text(of_image("i02-fast", fast.name)), "fast.yaml")
    daemon.wait_ready("i02-fast")
    assert {waiting_reason(daemon.pod(name)) for name in names} == {"ContainerCreating"}
    (pull,) = daemon.client.status()["pulls"]
    assert pull["image"].endswith("/i02/slow:1")
    progress = re.compile(r"Pull: +\d of 2 layers, \S+ of \S+MB\n +\w{12}: Downloading \S+ of 6.0MB")
    daemon.cli_until(lambda shown: bool(progress.search(shown)), "describe", "pod", names[0])
    hold.go.set()
    for name in names:
        daemon.wait_ready(name)
        assert PULLED.fullmatch(daemon.wait_event(name, "Pulled")["message"])
    assert [path for _, path, _ in faults.asked if slow.layers[1] in path] == [f"/v2/i02/slow/blobs/{slow.layers[1]}"]


def test_I02_a_registry_in_trouble_is_named_waited_for_and_harms_nobody(
    daemon: Daemon, registry: Registry, faults: Faults
) -> None:
    words = {
        "busy": ("toomanyrequests: come back later", "429 Too Many Requests"),
        "down": ("received unexpected HTTP status: 503 Service Unavailable", "503 Service Unavailable"),
        "garbled": ("unexpected end of JSON input", "short read: expected "),
    }
    troubles = {
        "busy": Refuse(status=429, headers={"Retry-After": "1"}, body=TOO_MANY),
        "down": Refuse(status=503),
        "garbled": Garble(),
    }
    for name, fault in troubles.items():
        faults.on(f"/i02/{name}/manifests/", fault)
        registry.push(f"i02/{name}", "1")
    daemon.write(text(pod("i02-well", FOR_EVER)), "well.yaml")
    well = daemon.wait_ready("i02-well")
    images = {name: f"{faults.address}/i02/{name}:1" for name in troubles}
    daemon.write(text(*(of_image(f"i02-{name}", image) for name, image in images.items())))
    for name in troubles:
        # What the engine says of it, whose words depend on where it keeps images.
        said = words[name][containerd_store()]
        failed = daemon.wait_event(f"i02-{name}", "Failed", text=f'Failed to pull image "{images[name]}": ')
        assert said in failed["message"]
        daemon.wait_event(f"i02-{name}", "Failed", text="Error: ErrImagePull")
        waits = daemon.wait_pod(f"i02-{name}", lambda p: waiting_reason(p) == "ImagePullBackOff")
        message = status_of(waits)["state"]["waiting"]["message"]
        assert message.startswith(f'Back-off pulling image "{images[name]}": ErrImagePull: ')
        assert said in message
        daemon.wait_event(f"i02-{name}", "BackOff", text=f'Back-off pulling image "{images[name]}"')
        daemon.wait_event(f"i02-{name}", "Failed", text="Error: ImagePullBackOff")
    faults.forget()
    for name in troubles:
        daemon.wait_ready(f"i02-{name}")
    assert status_of(daemon.pod("i02-well")) == status_of(well)


def test_I02_a_layer_that_breaks_off_is_gone_on_with_where_it_was(
    daemon: Daemon, registry: Registry, faults: Faults
) -> None:
    image = registry.push("i02/broken", "1", layers=(os.urandom(2_000_000),))
    faults.on(image.layers[1], Cut(after=1_500_000, times=1))
    daemon.write(text(of_image("i02-broken", image.name.replace(registry.address, faults.address))))
    daemon.wait_ready("i02-broken")
    ranges = [asked for _, path, asked in faults.asked if image.layers[1] in path]
    assert ranges[0] == ""
    assert re.fullmatch(r"bytes=[1-9]\d*-.*", ranges[1])


@pytest.mark.races
def test_I02_a_pull_that_nobody_wants_is_broken_off_and_one_that_a_crash_broke_off_is_begun_anew(
    new_daemon: Callable[..., Daemon], registry: Registry, faults: Faults
) -> None:
    own = new_daemon().start()
    image = registry.push("i02/left", "1", layers=(os.urandom(2_000_000),))
    first, second, third = Hold(times=1), Hold(times=1), Hold(times=1)
    for hold in (first, second, third):
        faults.on(image.layers[1], hold)
    spec = text(of_image("i02-left", image.name.replace(registry.address, faults.address)))
    own.write(spec)
    assert first.held.wait(20)
    before = {*PARTS.glob("GetImageBlob*")}
    own.remove()
    own.wait_gone("i02-left")
    first.go.set()
    own.write(spec)
    assert second.held.wait(20)
    own.kill()
    second.go.set()
    own.start()
    assert third.held.wait(20)
    assert waiting_reason(own.pod("i02-left")) == "ContainerCreating"
    third.go.set()
    own.wait_ready("i02-left")
    assert not before & {*PARTS.glob("GetImageBlob*")}
