"""Cases I03 and I04: private registries and images for several platforms, against real registries."""

import base64
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.pod_status import status_of, waiting_reason
from tests.e2e.pods import FOR_EVER, container, pod, text
from tests.images import containerd_store
from tests.registry import FOREIGN, NATIVE, Registry

PASSWORDS = ("correct-horse", "battery-staple", "not-the-password")
PLATFORM = "orchestrator.dev/platform"


def auths(registry: Registry, user: str, password: str) -> dict[str, Document]:
    """An entry of docker's files."""
    return {registry.address: {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}}


def pull_secret(name: str, config: Document, *, old: bool = False) -> Document:
    """A Secret as `kubectl create secret docker-registry` makes it, or of the older type."""
    kind = "dockercfg" if old else "dockerconfigjson"
    content = json.dumps(config if old else {"auths": config})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": f"kubernetes.io/{kind}",
        "data": {f".{kind}": base64.b64encode(content.encode()).decode()},
    }


def private(name: str, image: str, *secrets: str) -> Document:
    """A pod that pulls its image each time, with these Secrets."""
    one = container(FOR_EVER, image=image, imagePullPolicy="Always")
    return pod(name, one, imagePullSecrets=[{"name": secret} for secret in secrets])


def why(daemon: Daemon, name: str) -> str:
    """What a pod that cannot have its image says."""
    waits = daemon.wait_pod(name, lambda p: waiting_reason(p) in ("ErrImagePull", "ImagePullBackOff"))
    return str(status_of(waits)["state"]["waiting"]["message"])


def test_I03_image_pull_secrets_right_wrong_and_missing(
    new_daemon: Callable[..., Daemon], private_registry: Registry, tls_registry: Registry
) -> None:
    # No second try comes by itself.
    own = new_daemon("--backoff-base", "300", "--backoff-max", "300").start()
    registry = private_registry
    image = registry.push("team/app", "1").name
    # Once another pod has pulled an image, nobody looks for the Secrets of a second.
    its_own = registry.push("team/some", "1").name
    right, wrong = auths(registry, "anna", PASSWORDS[0]), auths(registry, "anna", PASSWORDS[2])
    other = auths(registry, "bert", PASSWORDS[1])
    pattern = {registry.address.replace("127.0.0.1", "127.*.0.1") + "/team": right[registry.address]}
    own.write(
        text(
            pull_secret("right", right),
            pull_secret("wrong", wrong),
            pull_secret("old", other, old=True),
            pull_secret("pattern", pattern),
            pull_secret("tls", auths(tls_registry, "bert", PASSWORDS[1])),
        ),
        "secrets.yaml",
    )
    pods = {
        "i03-right": ("right",),
        "i03-old": ("old",),
        "i03-pattern": ("pattern",),
        "i03-order": ("wrong", "old"),
        "i03-some": ("absent", "right"),
        "i03-wrong": ("wrong",),
        "i03-none": ("absent",),
    }
    images = {"i03-some": its_own}
    own.write(text(*(private(name, images.get(name, image), *secrets) for name, secrets in pods.items())))
    here = pod("i03-here", FOR_EVER, imagePullSecrets=[{"name": "absent"}])
    own.write(text(here), "here.yaml")
    own.write(text(private("i03-tls", tls_registry.push("team/app", "1").name, "tls", "right")), "tls.yaml")
    for name in ("i03-right", "i03-old", "i03-pattern", "i03-order", "i03-some", "i03-tls"):
        own.wait_ready(name)
    refused = "401 Unauthorized" if containerd_store() else "unauthorized: authentication required"
    assert refused in why(own, "i03-wrong")
    assert "no basic auth credentials" in why(own, "i03-none")
    for name in ("i03-some", "i03-none", "i03-here"):
        told = own.wait_event(name, "FailedToRetrieveImagePullSecret")
        assert told["message"] == (
            "Unable to retrieve some image pull secrets (absent); attempting to pull the image may not succeed."
        )

    own.write(text(pull_secret("wrong", right), pull_secret("absent", right)), "mended.yaml")
    own.remove("secrets.yaml")
    for name in ("i03-wrong", "i03-none"):
        own.wait_ready(name)

    shown = own.log.read_text() + own.cli("describe", "pods") + own.cli("events") + own.cli("get", "pods", "-o", "yaml")
    hidden = [*PASSWORDS, *(entry["auth"] for config in (right, wrong, other) for entry in config.values())]
    assert [word for word in hidden if word in shown] == []


def helper(folder: Path, name: str, script: str) -> None:
    """A program that keeps credentials, as docker asks it."""
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_I03_the_hosts_docker_configuration_and_its_helpers(
    new_daemon: Callable[..., Daemon], private_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, home = private_registry, tmp_path / "docker"
    home.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(home))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    answer = json.dumps({"ServerURL": registry.address, "Username": "bert", "Secret": PASSWORDS[1]})
    helper(tmp_path, "good", f"""read s; [ "$1 $s" = "get {registry.address}" ] || exit 1; echo '{answer}'""")
    helper(tmp_path, "empty", "echo credentials not found in native keychain; exit 1")
    own = new_daemon().start()
    image = registry.push("team/host", "1").name
    config = home / "config.json"

    config.write_text("{ no json")
    own.write(text(private("i03-host", image)))
    assert "no basic auth credentials" in why(own, "i03-host")
    # The next try reads it anew.
    config.write_text(json.dumps({"auths": auths(registry, "anna", PASSWORDS[0])}))
    own.wait_ready("i03-host")

    config.write_text(json.dumps({"auths": {registry.address: {}}, "credsStore": "good"}))
    own.write(text(private("i03-store", image)), "store.yaml")
    own.wait_ready("i03-store")
    config.write_text(json.dumps({"credsStore": "empty", "credHelpers": {registry.address: "good"}}))
    own.write(text(private("i03-helper", image)), "helper.yaml")
    own.wait_ready("i03-helper")
    log = own.log.read_text()
    assert "it is no JSON" in log
    assert [word for word in PASSWORDS if word in log] == []


def on(platform: str, document: Document) -> Document:
    document["metadata"]["annotations"] = {PLATFORM: platform}
    return document


def test_I04_a_list_gives_the_hosts_own_image_or_the_annotations_and_what_fits_not_is_named(
    daemon: Daemon, registry: Registry
) -> None:
    native, foreign = registry.push("i04/app"), registry.push("i04/app", architecture=FOREIGN)
    listed = registry.push_list("i04/app", "both", (native, foreign))
    # In containerd's store both are one image, and its id is the list's.
    own, other = (listed, listed) if containerd_store() else (native.id, foreign.id)
    registry.push_list("i04/app", "foreign", (foreign,))
    single = registry.push("i04/app", "single", architecture=FOREIGN)
    both = f"{registry.address}/i04/app:both"

    def of(name: str, image: str) -> Document:
        return pod(name, container(FOR_EVER, image=image))

    daemon.write(text(of("i04-own", both)))
    assert status_of(daemon.wait_ready("i04-own"))["imageID"] == own
    # The name moves to the other platform's image; who asks for none still gets the host's own.
    daemon.write(text(on(f"linux/{FOREIGN}", of("i04-other", both))), "other.yaml")
    failed = daemon.wait_pod("i04-other", lambda p: bool(status_of(p).get("lastState", {}).get("terminated")))
    last = status_of(failed)["lastState"]["terminated"]
    text_of_it = f'exec format error: image "{both}" is for linux/{FOREIGN}, and this host runs linux/{NATIVE}'
    assert (status_of(failed)["imageID"], last["message"]) == (other, text_of_it)
    daemon.wait_event("i04-other", "Failed", text=text_of_it)
    assert text_of_it in daemon.cli("describe", "pod", "i04-other")
    daemon.write(text(of("i04-again", both)), "again.yaml")
    assert status_of(daemon.wait_ready("i04-again"))["imageID"] == own

    daemon.write(
        text(
            of("i04-none", f"{registry.address}/i04/app:foreign"),
            on("linux/s390x", of("i04-absent", both)),
            on(f"linux/{NATIVE}", of("i04-not", single.name)),
            of("i04-single", single.name),
        ),
        "none.yaml",
    )
    nothing = why(daemon, "i04-none")
    assert f"no matching manifest for linux/{NATIVE} in the manifest list entries" in nothing
    assert f" (there are: linux/{FOREIGN})" in nothing
    assert "no matching manifest for linux/s390x" in why(daemon, "i04-absent")
    assert f"the image is for linux/{FOREIGN}, and linux/{NATIVE} is asked for" in why(daemon, "i04-not")
    daemon.wait_event("i04-single", "Failed", text=f'exec format error: image "{single.name}" is for linux/{FOREIGN}')
