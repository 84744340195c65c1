"""Rules of ConfigMap and Secret: keys, base64, size.  No value of a Secret is ever part of a message."""

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.objects.config import ConfigMap, Secret
from orchestrator.objects.problem import FieldPath, Problem, error, invalid, required
from orchestrator.objects.scalars import check_base64, check_config_key

MAX_SIZE = 1024 * 1024

_REQUIRED_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
_BASIC_AUTH = ("username", "password")
_ACCOUNT = "kubernetes.io/service-account.name"


def validate_config_map(config_map: ConfigMap) -> list[Problem]:
    """Check keys, base64 and size."""
    problems = _keys(config_map.data, ("data",)) + _keys(config_map.binary_data, ("binaryData",))
    problems += [
        invalid(("data", key), key, "duplicate of key present in binaryData")
        for key in config_map.data
        if key in config_map.binary_data
    ]
    problems += _base64(config_map.binary_data, ("binaryData",))
    size = sum(len(value.encode()) for value in config_map.data.values())
    return problems + _size(size + _decoded_size(config_map.binary_data), ("data",))


def validate_secret(secret: Secret) -> list[Problem]:
    """Check keys, base64, size, and the keys that the Secret's type wants."""
    problems = _keys(secret.data, ("data",)) + _base64(secret.data, ("data",))
    problems += [required(("data", key)) for key in _REQUIRED_KEYS.get(secret.type, ()) if key not in secret.data]
    # Nothing here is made from these two: their keys are files and variables as any.
    problems += [replace(problem, runs_here=True) for problem in _of_accounts(secret)]
    return problems + _size(_decoded_size(secret.data), ("data",))


def _of_accounts(secret: Secret) -> list[Problem]:
    if secret.type == "kubernetes.io/basic-auth" and not any(key in secret.data for key in _BASIC_AUTH):
        return [required(("data", key)) for key in _BASIC_AUTH]
    if secret.type == "kubernetes.io/service-account-token" and not secret.metadata.annotations.get(_ACCOUNT):
        return [required(("metadata", "annotations", _ACCOUNT))]
    return []


def _keys(data: Mapping[str, str], path: FieldPath) -> list[Problem]:
    return [invalid((*path, key), key, rule) for key in data for rule in check_config_key(key)]


def _base64(data: Mapping[str, str], path: FieldPath) -> list[Problem]:
    fix = "write the plain text under stringData" if path == ("data",) else "write the plain text under data"
    return [error((*path, key), rule, fix) for key, value in data.items() for rule in check_base64(value)]


def _decoded_size(data: Mapping[str, str]) -> int:
    return sum(len(value) * 3 // 4 for value in data.values())


def _size(size: int, path: FieldPath) -> list[Problem]:
    return [error(path, f"Too long: may not be more than {MAX_SIZE} bytes")] if size > MAX_SIZE else []
