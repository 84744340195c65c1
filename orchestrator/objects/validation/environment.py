"""Rules of env and envFrom: names, and exactly one source."""

from orchestrator.objects.container import Container, EnvFromSource, EnvVar, EnvVarSource
from orchestrator.objects.problem import FieldPath, Problem, error, invalid, required, warning
from orchestrator.objects.scalars import check_config_key, check_env_name, check_subdomain
from orchestrator.objects.validation.common import names_that_run_here, set_fields
from orchestrator.objects.validation.fields import ENV_FIELDS, field_reference, resource_reference

_SOURCES = (
    ("config_map_key_ref", "configMapKeyRef"),
    ("secret_key_ref", "secretKeyRef"),
    ("field_ref", "fieldRef"),
    ("resource_field_ref", "resourceFieldRef"),
    ("file_key_ref", "fileKeyRef"),
)


def validate_environment(container: Container, path: FieldPath, containers: frozenset[str]) -> list[Problem]:
    """Check all variables of a container."""
    problems: list[Problem] = []
    seen: set[str] = set()
    for index, variable in enumerate(container.env):
        here = (*path, "env", index)
        problems += _variable(variable, here, containers)
        if variable.name in seen:
            problems.append(warning(here, f'hides previous definition of "{variable.name}", which may be unexpected'))
        seen.add(variable.name)
    for index, source in enumerate(container.env_from):
        problems += _env_from(source, (*path, "envFrom", index))
    return problems


def _variable(variable: EnvVar, path: FieldPath, containers: frozenset[str]) -> list[Problem]:
    if not variable.name:
        return [required((*path, "name"))]
    problems = [invalid((*path, "name"), variable.name, rule) for rule in check_env_name(variable.name)]
    source = variable.value_from
    if source is None:
        return problems
    here = (*path, "valueFrom")
    if variable.value:
        problems.append(invalid(here, "", "may not be specified when `value` is not empty"))
    chosen = set_fields(source, _SOURCES)
    if not chosen:
        names = ", ".join(f"`{name}`" for _, name in _SOURCES)
        problems.append(invalid(here, "", f"must specify one of: {names}"))
    elif len(chosen) > 1:
        problems.append(invalid(here, "", "may not have more than one field specified at a time"))
    return problems + _source(source, here, containers)


def _source(source: EnvVarSource, path: FieldPath, containers: frozenset[str]) -> list[Problem]:
    problems: list[Problem] = []
    for field, selector in (("configMapKeyRef", source.config_map_key_ref), ("secretKeyRef", source.secret_key_ref)):
        if selector is None:
            continue
        problems += _object_name(selector.name, (*path, field))
        problems += [invalid((*path, field, "key"), selector.key, rule) for rule in check_config_key(selector.key)]
    if source.field_ref:
        problems += field_reference(source.field_ref, ENV_FIELDS, (*path, "fieldRef"))
    if source.resource_field_ref:
        problems += resource_reference(source.resource_field_ref, (*path, "resourceFieldRef"), containers)
    return problems


def _env_from(source: EnvFromSource, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    if source.prefix:
        problems += [invalid((*path, "prefix"), source.prefix, rule) for rule in check_env_name(source.prefix)]
    if source.config_map_ref and source.secret_ref:
        problems.append(invalid(path, "", "may not have more than one field specified at a time"))
    elif source.config_map_ref:
        problems += _object_name(source.config_map_ref.name, (*path, "configMapRef"))
    elif source.secret_ref:
        problems += _object_name(source.secret_ref.name, (*path, "secretRef"))
    else:
        problems.append(error(path, "must specify one of: `configMapRef` or `secretRef`"))
    return problems


def _object_name(name: str, path: FieldPath) -> list[Problem]:
    if not name:
        return [required((*path, "name"))]
    return names_that_run_here((invalid((*path, "name"), name, rule) for rule in check_subdomain(name)), name)
