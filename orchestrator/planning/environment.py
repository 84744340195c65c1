"""The environment of a container: sources, service variables, `$(VAR)` (behaviour cases E01-E04).

Order and precedence are the kubelet's: service variables first, then `envFrom`, then `env`; a later one wins.
`$(VAR)` in `env` sees what stands before it, in `command` and `args` the whole environment.
"""

import re
from collections.abc import Mapping

from orchestrator.objects.config import ConfigMap, secret_files
from orchestrator.objects.container import Container, EnvFromSource, EnvVar
from orchestrator.objects.pod import Pod
from orchestrator.planning.endpoints import port_by_name
from orchestrator.planning.errors import ConfigError
from orchestrator.planning.fields import field_value, resource_value
from orchestrator.planning.surroundings import Surroundings

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


def environment(pod: Pod, container: Container, around: Surroundings, pod_ip: str) -> dict[str, str]:
    """All variables of a container by name.  ConfigError names the first reference that leads nowhere."""
    services = _service_variables(around) if pod.spec.enable_service_links else {}
    result: dict[str, str] = {}
    for source in container.env_from:
        result.update(_from_source(source, around))
    for variable in container.env:
        value = _value(variable, pod, container, around, pod_ip)
        if value is None:
            continue
        if variable.value_from is None:
            value = expand(value, services | result)
        result[variable.name] = value
    return services | result


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by the variable's value and `$$` by `$`; an unknown reference stays as written."""

    def one(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "$"
        return variables.get(name, match[0])

    return _REFERENCE.sub(one, text)


def _service_variables(around: Surroundings) -> dict[str, str]:
    """The Docker-links family for every Service that has an address (E04).

    Where names are all that works, host and port are those that work by name; the variables keep their names.
    """
    result: dict[str, str] = {}
    for service in around.services:
        spec, host = service.spec, service.spec.cluster_ip
        if not host or host == "None" or not spec.ports:
            continue
        reached = {port: port.port for port in spec.ports}
        if around.names_only:
            host = service.metadata.name
            reached = {port: port_by_name(service, port, around.peers, around.slices) for port in spec.ports}
        first = spec.ports[0]
        prefix = service.metadata.name.upper().replace("-", "_").replace(".", "_")
        result[f"{prefix}_SERVICE_HOST"] = host
        result[f"{prefix}_SERVICE_PORT"] = str(reached[first])
        for port in spec.ports:
            if port.name:
                result[f"{prefix}_SERVICE_PORT_{port.name.upper().replace('-', '_')}"] = str(reached[port])
        result[f"{prefix}_PORT"] = f"{first.protocol.lower()}://{host}:{reached[first]}"
        for port in spec.ports:
            protocol = port.protocol.lower()
            link = f"{prefix}_PORT_{port.port}_{port.protocol}"
            result[link] = f"{protocol}://{host}:{reached[port]}"
            result[f"{link}_PROTO"] = protocol
            result[f"{link}_PORT"] = str(reached[port])
            result[f"{link}_ADDR"] = host
    return result


def _from_source(source: EnvFromSource, around: Surroundings) -> dict[str, str]:
    if source.config_map_ref is not None:
        ref, kind = source.config_map_ref.name, "configmap"
        found = around.config_maps.get(ref)
        optional, files = source.config_map_ref.optional, _texts(found) if found else None
    elif source.secret_ref is not None:
        ref, kind = source.secret_ref.name, "secret"
        secret = around.secrets.get(ref)
        optional, files = source.secret_ref.optional, secret_files(secret) if secret else None
    else:
        return {}
    if files is None:
        if optional:
            return {}
        raise ConfigError(f'{kind} "{ref}" not found')
    return {source.prefix + key: _text(value, kind, ref, key) for key, value in files.items()}


def _value(variable: EnvVar, pod: Pod, container: Container, around: Surroundings, pod_ip: str) -> str | None:
    """The variable's value before expansion; None when an optional source is not there."""
    source = variable.value_from
    if source is None:
        return variable.value
    namespace = pod.metadata.namespace
    if ref := source.config_map_key_ref:
        found = around.config_maps.get(ref.name)
        files = _texts(found) if found else None
        return _key(files, "configmap", "ConfigMap", namespace, ref.name, ref.key, ref.optional)
    if secret_ref := source.secret_key_ref:
        secret = around.secrets.get(secret_ref.name)
        files = secret_files(secret) if secret else None
        return _key(files, "secret", "Secret", namespace, secret_ref.name, secret_ref.key, secret_ref.optional)
    if field := source.field_ref:
        return field_value(pod, field.field_path, around.node, pod_ip)
    if resource := source.resource_field_ref:
        return resource_value(pod, container, resource, around.node)
    raise ConfigError(f"environment variable {variable.name}: this kind of source is not supported")


def _key(
    files: Mapping[str, bytes] | None, kind: str, title: str, namespace: str, name: str, key: str, optional: bool
) -> str | None:
    if files is None:
        if optional:
            return None
        raise ConfigError(f'{kind} "{name}" not found')
    if key not in files:
        if optional:
            return None
        raise ConfigError(f"couldn't find key {key} in {title} {namespace}/{name}")
    return _text(files[key], kind, name, key)


def _texts(config_map: ConfigMap) -> dict[str, bytes]:
    """What an environment can have of a ConfigMap: `binaryData` is for volumes only."""
    return {key: value.encode() for key, value in config_map.data.items()}


def _text(value: bytes, kind: str, name: str, key: str) -> str:
    """A value as a variable can have it: text without a zero byte."""
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f'key {key} of {kind} "{name}" is not UTF-8: it cannot be a variable') from error
    if "\0" in text:
        raise ConfigError(f'key {key} of {kind} "{name}" has a zero byte: it cannot be a variable')
    return text
