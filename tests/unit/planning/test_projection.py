"""What the files of a volume are (V01), and that nothing else moves the digest."""

import pytest

from orchestrator.objects.meta import Object
from orchestrator.planning.errors import MountError
from orchestrator.planning.projection import VolumeContent, volume_content
from tests.unit.planning.builders import around, config_map, decoded, pod, secret


def content(volume: str, *objects: Object, **metadata: object) -> VolumeContent:
    of = pod(
        f"volumes: [{{name: data, {volume}}}]\n"
        'containers: [{name: web, image: "web:1", resources: {limits: {cpu: 100m}}}]',
        **metadata,
    )
    return volume_content(of.spec.volumes[0], of, around(*objects))  # type: ignore[arg-type]


def files(volume: str, *objects: Object, **metadata: object) -> dict[str, tuple[bytes, str]]:
    return {f.path: (f.content, f"{f.mode:o}") for f in content(volume, *objects, **metadata).files or ()}


def test_V01_every_key_of_a_ConfigMap_is_a_file_binary_ones_too() -> None:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    made = decoded({**document, "data": {"a": "1"}, "binaryData": {"b": "AAEC"}})
    assert files("configMap: {name: c}", made) == {"a": (b"1", "644"), "b": (b"\0\1\2", "644")}


def test_V01_items_choose_rename_and_set_modes() -> None:
    volume = "configMap: {name: c, defaultMode: 0o400, items: [{key: a, path: dir/x}, {key: b, path: y, mode: 0o600}]}"
    found = files(volume.replace("0o400", "256").replace("0o600", "384"), config_map("c", a="1", b="2", c="3"))
    assert found == {"dir/x": (b"1", "400"), "y": (b"2", "600")}


def test_V01_a_secret_is_in_memory() -> None:
    made = content("secret: {secretName: s}", secret("s", a="1"))
    assert made.directory == "/m/1a2b3c4d/data"
    assert content("configMap: {name: c}", config_map("c")).directory == "/v/1a2b3c4d/data"
    assert content("emptyDir: {}").directory == "/v/1a2b3c4d/data"
    assert content("emptyDir: {medium: Memory}").directory == "/m/1a2b3c4d/data"
    assert content("hostPath: {path: /srv}").directory == "/srv"
    spec = "{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}"
    assert content(f"ephemeral: {{volumeClaimTemplate: {{spec: {spec}}}}}").directory == "/v/1a2b3c4d/data"


def test_the_words_for_a_content_do_not_show_it() -> None:
    assert "hunter2" not in repr(content("secret: {secretName: s}", secret("s", a="hunter2")))


@pytest.mark.parametrize("kind", ["configMap: {name: c", "secret: {secretName: c"])
def test_V01_optional_sources_and_keys_may_be_absent(kind: str) -> None:
    assert files(f"{kind}, optional: true}}") == {}
    volume = f"{kind}, optional: true, items: [{{key: a, path: a}}, {{key: b, path: b}}]}}"
    assert list(files(volume, config_map("c", a="1"), secret("c", a="1"))) == ["a"]


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        ("configMap: {name: c}", 'configmap "c" not found'),
        ("secret: {secretName: s}", 'secret "s" not found'),
        ("configMap: {name: d, items: [{key: b, path: b}]}", "references non-existent configmap key: b"),
        ("projected: {sources: [{secret: {name: s}}]}", 'secret "s" not found'),
    ],
)
def test_V01_what_is_missing_is_named(volume: str, words: str) -> None:
    with pytest.raises(MountError) as caught:
        content(volume, config_map("d", a="1"))
    assert str(caught.value) == words


def test_V01_the_downward_API() -> None:
    volume = """downwardAPI: {items: [
        {path: notes, fieldRef: {fieldPath: metadata.annotations}},
        {path: name, fieldRef: {fieldPath: metadata.name}, mode: 256},
        {path: cpu, resourceFieldRef: {containerName: web, resource: limits.cpu, divisor: 1m}}]}"""
    assert files(volume, annotations={"b": "2", "a": 'say "1"'}) == {
        "cpu": (b"100", "644"),
        "name": (b"web", "400"),
        "notes": (b'a="say \\"1\\""\nb="2"', "644"),
    }


def test_V01_projected_sources_are_put_together_and_the_later_one_wins() -> None:
    volume = """projected: {sources: [
        {configMap: {name: c}},
        {secret: {name: s, items: [{key: a, path: a}]}},
        {downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}}]}"""
    found = files(volume, config_map("c", a="1", b="2"), secret("s", a="3"))
    assert {path: text for path, (text, _) in found.items()} == {"a": b"3", "b": b"2", "name": b"web"}


def test_V01_what_only_a_cluster_projects_is_left_out_or_awaited() -> None:
    token, bundle = "serviceAccountToken: {path: token}", "clusterTrustBundle: {name: b, path: ca.pem%s}"
    config = "{configMap: {name: c}}"
    volume = f"projected: {{sources: [{{{token}}}, {config}, {{{bundle % ', optional: true'}}}]}}"
    assert list(files(volume, config_map("c", a="1"))) == ["a"]
    signer = "podCertificate: {keyType: ED25519, signerName: example.com/s, credentialBundlePath: x}"
    for source in (bundle % "", signer):
        with pytest.raises(MountError, match="this host has no such projected source"):
            content(f"projected: {{sources: [{{{source}}}]}}")


# --- the digest ---


ALL = "configMap: {name: c}"
ONE = "configMap: {name: c, items: [{key: a, path: a}]}"


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ((ALL, {"a": "1", "b": "2"}), (ALL, {"b": "2", "a": "1"}), True),
        ((ALL, {"a": "1"}), (ALL, {"a": "2"}), False),
        ((ALL, {"a": "1"}), (ALL, {"b": "1"}), False),
        ((ALL, {"a": "1"}), (ALL, {"a": "1", "b": ""}), False),
        ((ALL, {"a": "12", "b": "3"}), (ALL, {"a": "1", "b": "23"}), False),
        ((ONE, {"a": "1", "b": "2"}), (ONE, {"a": "1", "b": "other"}), True),
        ((ALL, {"a": "1"}), ("configMap: {name: c, defaultMode: 256}", {"a": "1"}), False),
    ],
)
def test_the_digest_changes_when_something_visible_does(
    before: tuple[str, dict[str, str]], after: tuple[str, dict[str, str]], same: bool
) -> None:
    digests = [content(volume, config_map("c", **data)).digest for volume, data in (before, after)]
    assert (digests[0] == digests[1]) == same


def test_a_label_changes_only_a_volume_that_shows_it() -> None:
    shows = "downwardAPI: {items: [{path: x, fieldRef: {fieldPath: metadata.labels}}]}"
    hides = "downwardAPI: {items: [{path: x, fieldRef: {fieldPath: metadata.name}}]}"
    assert content(shows, labels={"a": "1"}).digest != content(shows, labels={"a": "2"}).digest
    assert content(hides, labels={"a": "1"}).digest == content(hides, labels={"a": "2"}).digest
