"""ConfigMap, Secret and Namespace."""

import base64
from collections.abc import Mapping
from typing import Literal

from orchestrator.objects.meta import Object, Part, shown
from orchestrator.objects.scalars import Time


class ConfigMap(Object, frozen=True, kw_only=True):
    """Settings as text (`data`) or base64 (`binaryData`), by key."""

    api_version: Literal["v1"] = shown("v1")
    kind: Literal["ConfigMap"] = shown("ConfigMap")
    immutable: bool | None = None
    data: Mapping[str, str] = {}
    binary_data: Mapping[str, str] = {}


class Secret(Object, frozen=True, kw_only=True):
    """Values that no log, Event, plan or error may show; `data` is base64.  Its repr has keys only."""

    api_version: Literal["v1"] = shown("v1")
    kind: Literal["Secret"] = shown("Secret")
    type: str = shown("Opaque")
    immutable: bool | None = None
    data: Mapping[str, str] = {}
    string_data: Mapping[str, str] = {}

    def __repr__(self) -> str:
        keys = sorted({*self.data, *self.string_data})
        return f"Secret(namespace={self.metadata.namespace!r}, name={self.metadata.name!r}, keys={keys!r})"


class NamespaceCondition(Part, frozen=True, kw_only=True):
    """One observed truth about a namespace."""

    type: str
    status: str
    last_transition_time: Time = ""
    reason: str = ""
    message: str = ""


class NamespaceSpec(Part, frozen=True, kw_only=True):
    """What must be done before it is gone."""

    finalizers: tuple[str, ...] = ()


class NamespaceStatus(Part, frozen=True, kw_only=True):
    """Active or Terminating."""

    phase: Literal["Active", "Terminating"] = shown("Active")
    conditions: tuple[NamespaceCondition, ...] = ()


class Namespace(Object, frozen=True, kw_only=True):
    """A room for names, with a network of its own."""

    api_version: Literal["v1"] = shown("v1")
    kind: Literal["Namespace"] = shown("Namespace")
    spec: NamespaceSpec = NamespaceSpec()
    status: NamespaceStatus = NamespaceStatus()


def config_map_files(config_map: ConfigMap) -> dict[str, bytes]:
    """Give every key of a ConfigMap with its bytes."""
    text = {key: value.encode() for key, value in config_map.data.items()}
    return text | {key: base64.b64decode(value) for key, value in config_map.binary_data.items()}


def secret_files(secret: Secret) -> dict[str, bytes]:
    """Give every key of a Secret with its bytes; `stringData` wins over `data`."""
    binary = {key: base64.b64decode(value) for key, value in secret.data.items()}
    return binary | {key: value.encode() for key, value in secret.string_data.items()}
