"""Rules of an edit: what an object may not change once it is there."""

from typing import Any

from msgspec.structs import replace

from orchestrator.errors import Invalid
from orchestrator.objects.claims import PersistentVolumeClaim
from orchestrator.objects.config import ConfigMap, Secret, config_map_files, secret_files
from orchestrator.objects.runtime_class import RuntimeClass
from orchestrator.objects.scalars import parse_quantity
from orchestrator.objects.storage import PersistentVolume

_RULE = "Forbidden: field is immutable when `immutable` is set: remove the object first, or give this one another name"
_HANDLER_RULE = "Forbidden: field is immutable: give this class another name"
_CLAIM_RULE = (
    "Forbidden: spec is immutable after creation except resources.requests: give this claim another name, or delete "
    "the one that is there, with its data"
)


def refuse_immutable(obj: Any, old: Any) -> Any:
    """A `store.Admission`: Invalid for an edit of the data, or of the mark, of what is marked `immutable`.

    So are handlers of runtime classes, always: pods run by them.
    """
    if isinstance(old, RuntimeClass) and obj.handler != old.handler:
        raise Invalid(f"handler: {_HANDLER_RULE}")
    if not isinstance(old, ConfigMap | Secret) or not old.immutable:
        return obj
    if not obj.immutable:
        raise Invalid(f"immutable: {_RULE}")
    if isinstance(old, Secret):
        same = secret_files(obj) == secret_files(old)
    else:
        same = config_map_files(obj) == config_map_files(old)
    if not same:
        raise Invalid(f"data: {_RULE}")
    return obj


def keep_binding(obj: Any, old: Any) -> Any:
    """A `store.Admission`: an edit leaves a claim with its volume, and a volume with its claim.

    Invalid for an edit of a claim that asks for something else: it may only ask for more storage.
    """
    if isinstance(obj, PersistentVolume) and isinstance(old, PersistentVolume):
        return obj if obj.spec.claim_ref else replace(obj, spec=replace(obj.spec, claim_ref=old.spec.claim_ref))
    if not isinstance(obj, PersistentVolumeClaim) or not isinstance(old, PersistentVolumeClaim):
        return obj
    spec = obj.spec if obj.spec.volume_name else replace(obj.spec, volume_name=old.spec.volume_name)
    if spec.storage_class_name is None:
        spec = replace(spec, storage_class_name=old.spec.storage_class_name)
    if replace(spec, resources=old.spec.resources) != old.spec:
        raise Invalid(f"spec: {_CLAIM_RULE}")
    before, now = old.spec.resources.requests["storage"], spec.resources.requests["storage"]
    if parse_quantity(now) < parse_quantity(before):
        raise Invalid("spec.resources.requests.storage: Forbidden: field can not be less than previous value")
    return replace(obj, spec=spec)
