"""Which credentials are for which image (I03): the rules of the kubelet's keyring, and of docker's own files."""

import base64
import json
from typing import Any

import pytest

from orchestrator.objects.image_reference import parse_reference
from orchestrator.planning.registry_credentials import (
    Credential,
    keyring_of_auths,
    keyring_of_secret,
    lookup,
    server_of,
)
from tests.unit.planning.builders import decoded

SAME = base64.b64encode(b"u:p").decode()


def found(servers: list[str], image: str) -> list[str]:
    """The users that are tried, each named after its key."""
    keyring = keyring_of_auths({server: {"username": server, "password": "p"} for server in servers})
    return [credential.username for credential in lookup(keyring, parse_reference(image))]


@pytest.mark.parametrize(
    ("server", "image", "matches"),
    [
        ("reg.example", "reg.example/app", True),
        ("reg.example", "reg.example/team/app:1", True),
        ("reg.example", "other.example/app", False),
        ("reg.example", "reg.example:5000/app", False),
        ("reg.example:5000", "reg.example:5000/app", True),
        ("reg.example:5000", "reg.example/app", False),
        ("https://reg.example", "reg.example/app", True),
        ("http://reg.example:5000/", "reg.example:5000/app", True),
        ("https://reg.example/v1/", "reg.example/app", True),
        ("https://reg.example/v2/", "reg.example/app", True),
        ("reg.example/team", "reg.example/team/app", True),
        ("reg.example/team", "reg.example/teams/app", True),
        ("reg.example/team", "reg.example/other/app", False),
        ("*.example", "reg.example/app", True),
        ("*.example", "a.reg.example/app", False),
        ("*.*.example", "a.reg.example/app", True),
        ("prefix.*.example", "prefix.reg.example/app", True),
        ("*.example:5000/team", "reg.example:5000/team/app", True),
        ("*", "reg.example/app", False),
        ("[::1]:5000", "[::1]:5000/app", True),
        ("https://index.docker.io/v1/", "app", True),
        ("index.docker.io", "docker.io/team/app", True),
        ("docker.io", "app:1", True),
        ("docker.io/team", "team/app", True),
        ("docker.io/team", "app", False),
        ("https://index.docker.io/v1/", "reg.example/app", False),
        ("https://[broken", "reg.example/app", False),
    ],
)
def test_I03_a_key_is_host_port_and_path_and_may_have_wildcards(server: str, image: str, matches: bool) -> None:
    assert bool(found([server], image)) is matches


def test_I03_of_several_that_match_the_more_specific_is_first_and_all_are_tried() -> None:
    servers = ["reg.example", "*.example", "reg.example/team/app", "reg.example/team", "other.example"]
    expected = ["reg.example/team/app", "reg.example/team", "reg.example", "*.example"]
    assert found(servers, "reg.example/team/app:1") == expected
    assert found(["https://reg.example/v1/", "reg.example"], "reg.example/a") == [
        "https://reg.example/v1/",
        "reg.example",
    ]


def test_I03_the_same_credential_is_tried_once() -> None:
    keyring = keyring_of_auths({"reg.example": {"auth": SAME}, "*.example": {"username": "u", "password": "p"}})
    assert lookup(keyring, parse_reference("reg.example/a")) == (Credential("u", "p"),)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"auth": base64.b64encode(b"u:p:q").decode()}, Credential("u", "p:q")),
        ({"username": "u", "password": "p", "email": "e"}, Credential("u", "p")),
        ({"username": "old", "password": "old", "auth": SAME}, Credential("u", "p")),
        ({"identitytoken": "t"}, Credential(identity_token="t")),
        ({}, None),
        ({"auth": "%%%"}, None),
        ({"auth": base64.b64encode(b"\xff\xfe").decode()}, None),
        ("text", None),
        (None, None),
    ],
)
def test_I03_an_entry_is_a_user_and_a_password_or_a_token(entry: Any, expected: Credential | None) -> None:
    assert [credential for _, credential in keyring_of_auths({"h": entry})] == ([expected] if expected else [])


def secret(kind: str, key: str, text: str) -> Any:
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": kind,
        "metadata": {"name": "s"},
        "stringData": {key: text},
    }
    return decoded(document)


AUTHS = {"reg.example": {"auth": SAME}}


@pytest.mark.parametrize(
    ("kind", "key", "text", "readable"),
    [
        ("kubernetes.io/dockerconfigjson", ".dockerconfigjson", json.dumps({"auths": AUTHS}), True),
        ("kubernetes.io/dockercfg", ".dockercfg", json.dumps(AUTHS), True),
        ("kubernetes.io/dockerconfigjson", ".dockerconfigjson", json.dumps(AUTHS), False),
        ("kubernetes.io/dockercfg", ".dockercfg", "[]", False),
        ("Opaque", ".dockerconfigjson", json.dumps({"auths": AUTHS}), False),
    ],
)
def test_I03_both_types_of_secret_are_read_and_no_other(kind: str, key: str, text: str, readable: bool) -> None:
    keyring = keyring_of_secret(secret(kind, key, text))
    assert keyring == ([("reg.example", Credential("u", "p"))] if readable else None)


def test_I03_no_text_shows_a_credential() -> None:
    credential = Credential("a-user", "a-password", "a-token")
    assert repr(credential) == str(credential) == "Credential()"
    assert {"a-password", "a-token", base64.b64encode(b"a-user:a-password").decode()} == {*credential.hidden}


def test_I03_helpers_know_docker_hub_by_its_old_address() -> None:
    assert server_of(parse_reference("app")) == "https://index.docker.io/v1/"
    assert server_of(parse_reference("127.0.0.1:5000/app")) == "127.0.0.1:5000"
