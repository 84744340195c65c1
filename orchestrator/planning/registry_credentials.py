"""Whose credentials a registry is shown: docker's configuration files, matched to images as the kubelet does.

A key is a host with an optional port and path; the host's parts may have wildcards ("*.example.com"), a path is a
prefix.  The more specific key comes first, and all that match are tried.  (Kubernetes: "Pull an Image from a Private
Registry"; pkg/credentialprovider/keyring.go.)
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from orchestrator.objects.config import Secret, secret_files
from orchestrator.objects.image_reference import HUB, ImageReference

HUB_SERVER = "https://index.docker.io/v1/"
"""What Docker's own tools call Docker Hub."""
_HUB_KEYS = ("index.docker.io", HUB)
_SECRET_KEYS = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


@dataclass(frozen=True, slots=True)
class Credential:
    """A name and a password, or a token; none of it is ever shown."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def hidden(self) -> tuple[str, ...]:
        """What no text may contain."""
        pair = f"{self.username}:{self.password}".encode()
        return tuple(filter(None, (self.password, self.identity_token, base64.b64encode(pair).decode())))


Keyring = Iterable[tuple[str, Credential]]


def keyring_of_secret(secret: Secret) -> list[tuple[str, Credential]] | None:
    """The credentials in an imagePullSecret; None for a Secret that is of no such type, or cannot be read."""
    key = _SECRET_KEYS.get(secret.type, "")
    try:
        document = json.loads(secret_files(secret)[key])
        return keyring_of_auths(document["auths"] if secret.type.endswith("dockerconfigjson") else document)
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def keyring_of_auths(auths: Any) -> list[tuple[str, Credential]]:
    """From docker's `auths`: credentials by key.  An entry that holds none is left out; ValueError for no mapping."""
    if not isinstance(auths, Mapping):
        raise ValueError("auths is no mapping")
    found = ((_key(str(server)), _credential(entry)) for server, entry in auths.items())
    return [(key, credential) for key, credential in found if key and credential is not None]


def lookup(keyring: Keyring, reference: ImageReference) -> tuple[Credential, ...]:
    """The credentials for an image, the most specific key first; the same one is tried once."""
    entries = sorted(keyring, key=lambda entry: entry[0], reverse=True)
    matching = [credential for key, credential in entries if _matches(key, reference)]
    if not matching and reference.host == HUB:
        matching = [credential for key, credential in entries if key in _HUB_KEYS]
    return tuple(dict.fromkeys(matching))


def server_of(reference: ImageReference) -> str:
    """What credential helpers know a registry by."""
    return HUB_SERVER if reference.host == HUB else reference.host


def _key(server: str) -> str:
    """Host, port and path; docker's own files have a scheme, and the version of an API in place of a path."""
    try:
        parsed = urlsplit(server if "://" in server else f"https://{server}")
    except ValueError:
        return ""
    path = parsed.path
    if path.startswith(("/v1/", "/v2/")):
        path = path[3:]
    return parsed.netloc + (path if path != "/" else "")


def _matches(key: str, reference: ImageReference) -> bool:
    host, slash, path = key.partition("/")
    (name, port), (wanted, wanted_port) = _host_and_port(host), _host_and_port(reference.host)
    parts, wanted_parts = name.split("."), wanted.split(".")
    return (
        port == wanted_port
        and len(parts) == len(wanted_parts)
        and f"/{reference.path}".startswith(slash + path)
        and all(fnmatchcase(part, pattern) for part, pattern in zip(wanted_parts, parts, strict=True))
    )


def _host_and_port(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    name, port = (name, port) if colon and not port.endswith("]") else (host, "")
    # In a pattern brackets would be a set of letters.
    return name.strip("[]"), port


def _credential(entry: Any) -> Credential | None:
    if not isinstance(entry, Mapping):
        return None
    username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if auth := entry.get("auth"):
        try:
            username, _, password = base64.b64decode(str(auth)).decode().rstrip("\0").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
    token = str(entry.get("identitytoken") or "")
    return Credential(username, password, token) if username or token else None
