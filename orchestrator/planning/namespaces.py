"""Namespaces that are there because something is in them."""

from collections.abc import Iterable

from orchestrator.objects.config import Namespace
from orchestrator.objects.defaults import namespace_defaults
from orchestrator.objects.meta import Object, ObjectMeta


def implied_namespaces(objects: Iterable[Object]) -> tuple[Namespace, ...]:
    """Those that objects use without a document of their own, and "default"."""
    found = tuple(objects)
    used = {obj.metadata.namespace for obj in found} - {""} | {"default"}
    named = {obj.metadata.name for obj in found if isinstance(obj, Namespace)}
    return tuple(namespace_defaults(Namespace(metadata=ObjectMeta(name=name))) for name in sorted(used - named))
