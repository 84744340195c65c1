"""What every object has: the base struct, its metadata, selectors and references.

`Part` is the base of every struct here: frozen, keyword-only, strict about unknown fields, named as Kubernetes names
it outside (`host_ip` is `hostIP`).  A default that a reader of `-o yaml` must see (`restartPolicy: Always`) is given
with `shown`; all others are left out when an object is encoded.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

from orchestrator.objects.scalars import Time

T = TypeVar("T")

_ACRONYMS = {
    word.lower(): word for word in ("API", "FQDN", "ID", "IO", "IP", "IPs", "IPC", "PID", "URI", "UUID", "WWNs")
}


def kubernetes_name(name: str) -> str:
    """Give a field's name as Kubernetes writes it: `downward_api` is `downwardAPI`, `host_ips` is `hostIPs`."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(_ACRONYMS.get(word, word.capitalize()) for word in rest)


def shown(value: T) -> T:
    """Give a field a default that is written out when the object is encoded."""
    default: T = msgspec.field(default_factory=lambda: value)
    return default


class Part(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, rename=kubernetes_name
):
    """The base of every struct in this room."""


class OwnerReference(Part, frozen=True, kw_only=True):
    """The object that made this one; when it goes, this one goes."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ManagedFieldsEntry(Part, frozen=True, kw_only=True):
    """Who set which field (server-side apply); kept as it came, for manifests copied out of a cluster."""

    api_version: str = ""
    fields_type: str = ""
    fields_v1: Mapping[str, Any] = {}
    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: Time = ""


class ObjectMeta(Part, frozen=True, kw_only=True):
    """Name, labels and life of an object.

    Follows https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/.
    """

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time = ""
    deletion_timestamp: Time = ""
    deletion_grace_period_seconds: int | None = None
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()
    self_link: str = ""
    managed_fields: tuple[ManagedFieldsEntry, ...] = ()


class Object(Part, frozen=True, kw_only=True):
    """The base of every kind.  A kind narrows `api_version` and `kind` to its own."""

    api_version: str
    kind: str
    metadata: ObjectMeta = ObjectMeta()


class LabelSelectorRequirement(Part, frozen=True, kw_only=True):
    """One condition on a label."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()


class LabelSelector(Part, frozen=True, kw_only=True):
    """Which objects, by label; all conditions must hold, and an empty selector takes everything."""

    match_labels: Mapping[str, str] = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether an object with these labels is taken."""
        return labels_match(self.match_labels, labels) and all(
            _holds(condition, labels) for condition in self.match_expressions
        )

    @property
    def text(self) -> str:
        """The selector as kubectl shows it ("app=web,tier in (a,b)"), "<none>" when it takes everything."""
        parts = [(key, f"{key}={value}") for key, value in self.match_labels.items()]
        parts += [(condition.key, _condition_text(condition)) for condition in self.match_expressions]
        return ",".join(text for _, text in sorted(parts)) or "<none>"


class LocalObjectReference(Part, frozen=True, kw_only=True):
    """The name of an object in the same namespace."""

    name: str = ""


class ObjectReference(Part, frozen=True, kw_only=True):
    """Any object, or a part of it (`fieldPath`)."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    resource_version: str = ""
    field_path: str = ""


class Condition(Part, frozen=True, kw_only=True):
    """One observed truth about an object (meta/v1)."""

    type: str
    status: str
    last_transition_time: Time
    reason: str
    message: str
    observed_generation: int = 0


def labels_match(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Say whether `labels` has every wanted pair (a Service's selector, `matchLabels`)."""
    return all(labels.get(key) == value for key, value in wanted.items())


def _condition_text(condition: LabelSelectorRequirement) -> str:
    values = ",".join(sorted(condition.values))
    match condition.operator:
        case "In":
            return f"{condition.key} in ({values})"
        case "NotIn":
            return f"{condition.key} notin ({values})"
        case "Exists":
            return condition.key
        case "DoesNotExist":
            return f"!{condition.key}"


def _holds(condition: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    match condition.operator:
        case "In":
            return labels.get(condition.key) in condition.values
        case "NotIn":
            return labels.get(condition.key) not in condition.values
        case "Exists":
            return condition.key in labels
        case "DoesNotExist":
            return condition.key not in labels
