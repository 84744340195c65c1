"""Rules of volumes: names, exactly one source, files that stay inside, modes."""

import re
from collections.abc import Sequence

from orchestrator.objects.problem import FieldPath, Problem, duplicate, error, forbidden, invalid, required
from orchestrator.objects.scalars import check_config_key, check_label, parse_quantity
from orchestrator.objects.validation.claims import validate_claim_spec
from orchestrator.objects.validation.common import (
    exactly_one,
    local_path,
    name_problems,
    names_that_run_here,
    set_fields,
)
from orchestrator.objects.validation.fields import VOLUME_FIELDS, field_reference, resource_reference
from orchestrator.objects.volumes import (
    DownwardAPIVolumeFile,
    EmptyDirVolumeSource,
    HostPathVolumeSource,
    KeyToPath,
    ProjectedVolumeSource,
    Volume,
)

_MODE_RULE = "must be a number between 0 and 0777 (octal), both inclusive"
_ONE_SOURCE = "may not specify more than 1 volume type"
_SOURCES = tuple(
    (attribute, outside)
    for attribute, outside in zip(Volume.__struct_fields__, Volume.__struct_encode_fields__, strict=True)
    if attribute != "name"
)
_PROJECTIONS = (
    ("config_map", "configMap"), ("secret", "secret"), ("downward_api", "downwardAPI"),
    ("service_account_token", "serviceAccountToken"), ("cluster_trust_bundle", "clusterTrustBundle"),
    ("pod_certificate", "podCertificate"),
)  # fmt: skip


def validate_volumes(volumes: Sequence[Volume], path: FieldPath, containers: frozenset[str]) -> list[Problem]:
    """Check all volumes of a pod; `containers` are the names that a downward API file may ask about."""
    problems: list[Problem] = []
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        here = (*path, index)
        problems += names_that_run_here(name_problems(volume.name, check_label, (*here, "name")), volume.name)
        if volume.name in seen:
            problems.append(duplicate((*here, "name"), volume.name))
        seen.add(volume.name)
        chosen = set_fields(volume, _SOURCES)
        problems += [forbidden((*here, name), _ONE_SOURCE) for name in chosen[1:]]
        problems += _source(volume, here, containers)
    return problems


def _source(volume: Volume, path: FieldPath, containers: frozenset[str]) -> list[Problem]:
    problems: list[Problem] = []
    if source := volume.config_map:
        here = (*path, "configMap")
        problems += _object_files(source.name, "name", source.items, source.default_mode, here)
    if secret := volume.secret:
        here = (*path, "secret")
        problems += _object_files(secret.secret_name, "secretName", secret.items, secret.default_mode, here)
    if downward := volume.downward_api:
        here = (*path, "downwardAPI")
        problems += _mode(downward.default_mode, (*here, "defaultMode"))
        problems += _downward(downward.items, (*here, "items"), containers)
    if projected := volume.projected:
        problems += _projected(projected, (*path, "projected"), containers)
    if volume.empty_dir:
        problems += _empty_dir(volume.empty_dir, (*path, "emptyDir"))
    if volume.host_path:
        problems += host_path_problems(volume.host_path, (*path, "hostPath"))
    if volume.ephemeral:
        here, template = (*path, "ephemeral", "volumeClaimTemplate"), volume.ephemeral.volume_claim_template
        problems += validate_claim_spec(template.spec, (*here, "spec")) if template else [required(here)]
    if volume.persistent_volume_claim and not volume.persistent_volume_claim.claim_name:
        problems.append(required((*path, "persistentVolumeClaim", "claimName")))
    return problems


def _object_files(
    name: str, name_field: str, items: Sequence[KeyToPath], default_mode: int | None, path: FieldPath
) -> list[Problem]:
    problems: list[Problem] = [] if name else [required((*path, name_field))]
    problems += _mode(default_mode, (*path, "defaultMode"))
    for index, item in enumerate(items):
        here = (*path, "items", index)
        problems += [invalid((*here, "key"), item.key, rule) for rule in check_config_key(item.key)]
        problems += _file_path(item.path, (*here, "path")) + _mode(item.mode, (*here, "mode"))
    return problems


def _downward(items: Sequence[DownwardAPIVolumeFile], path: FieldPath, containers: frozenset[str]) -> list[Problem]:
    problems: list[Problem] = []
    fields = (("field_ref", "fieldRef"), ("resource_field_ref", "resourceFieldRef"))
    for index, item in enumerate(items):
        here = (*path, index)
        problems += _file_path(item.path, (*here, "path")) + _mode(item.mode, (*here, "mode"))
        chosen = set_fields(item, fields)
        problems += exactly_one(
            chosen,
            here,
            missing="one of fieldRef and resourceFieldRef is required",
            many="fieldRef and resourceFieldRef can not be specified simultaneously",
        )
        if item.field_ref:
            problems += field_reference(item.field_ref, VOLUME_FIELDS, (*here, "fieldRef"))
        if item.resource_field_ref:
            reference, where = item.resource_field_ref, (*here, "resourceFieldRef")
            if not reference.container_name:
                problems.append(required((*where, "containerName")))
            problems += resource_reference(reference, where, containers)
    return problems


def _projected(projected: ProjectedVolumeSource, path: FieldPath, containers: frozenset[str]) -> list[Problem]:
    problems = _mode(projected.default_mode, (*path, "defaultMode"))
    for index, source in enumerate(projected.sources):
        here = (*path, "sources", index)
        problems += [
            forbidden((*here, name), "may not specify more than 1 volume type per source")
            for name in set_fields(source, _PROJECTIONS)[1:]
        ]
        if part := source.config_map:
            problems += _object_files(part.name, "name", part.items, None, (*here, "configMap"))
        if secret := source.secret:
            problems += _object_files(secret.name, "name", secret.items, None, (*here, "secret"))
        if source.downward_api:
            problems += _downward(source.downward_api.items, (*here, "downwardAPI", "items"), containers)
    return problems


def _empty_dir(source: EmptyDirVolumeSource, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    if source.medium not in ("", "Memory") and not source.medium.startswith("HugePages"):
        problems.append(
            error((*path, "medium"), f'Unsupported value: "{source.medium}": supported values: "", "Memory"')
        )
    if source.size_limit is not None and parse_quantity(source.size_limit) < 0:
        problems.append(forbidden((*path, "sizeLimit"), "SizeLimit field must be a valid resource quantity"))
    return problems


def host_path_problems(source: HostPathVolumeSource, path: FieldPath) -> list[Problem]:
    """Check a path of the host, of a pod or of a persistent volume."""
    if not source.path:
        return [required((*path, "path"))]
    if ".." in source.path.split("/"):
        return [invalid((*path, "path"), source.path, "must not contain '..'")]
    if not source.path.startswith("/"):
        return [invalid((*path, "path"), source.path, "must be an absolute path")]
    return []


def _file_path(value: str, path: FieldPath) -> list[Problem]:
    if not value:
        return [required(path)]
    problems = local_path(value, path)
    if not problems and value.startswith(".."):
        problems.append(invalid(path, value, "must not start with '..'"))
    return problems


def _mode(mode: int | None, path: FieldPath) -> list[Problem]:
    if mode is None or 0 <= mode <= 0o777:
        return []
    octal = re.fullmatch("[0-7]{3}", str(mode))
    return [invalid(path, mode, _MODE_RULE, f"write {path[-1]}: 0{mode}" if octal else "")]
