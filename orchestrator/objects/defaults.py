"""Kubernetes' defaults that depend on other fields; the fixed ones are the defaults of the structs themselves.

Pure functions: each gives a new object, and giving it its own result again changes nothing.
"""

import base64
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from orchestrator.objects.claims import PersistentVolumeClaim, PersistentVolumeClaimStatus
from orchestrator.objects.config import Namespace, Secret
from orchestrator.objects.container import Container
from orchestrator.objects.image_reference import parse_reference
from orchestrator.objects.meta import Object
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.policy import NetworkPolicy, NetworkPolicySpec
from orchestrator.objects.probes import Probe
from orchestrator.objects.service import (
    ClientIPConfig,
    Service,
    ServicePort,
    ServiceSpec,
    SessionAffinityConfig,
    is_externally_accessible,
)
from orchestrator.objects.storage import PersistentVolume, PersistentVolumeStatus
from orchestrator.objects.volumes import EmptyDirVolumeSource, Volume

DEFAULT_NAMESPACE = "default"
NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that every namespace has."""


def apply_defaults(obj: Object, *, namespaced: bool) -> Object:
    """Give the object with every default that Kubernetes would fill in."""
    if namespaced and not obj.metadata.namespace:
        obj = replace(obj, metadata=replace(obj.metadata, namespace=DEFAULT_NAMESPACE))
    match obj:
        case Pod():
            return replace(obj, spec=pod_spec_defaults(obj.spec))
        case Service():
            return replace(obj, spec=_service_spec(obj.spec))
        case NetworkPolicy():
            return replace(obj, spec=_policy_spec(obj.spec))
        case Namespace():
            return namespace_defaults(obj)
        case Secret():
            return _secret(obj)
        case PersistentVolumeClaim():
            # What a manifest that was copied out of a cluster says of its volume there is no truth here.
            return replace(obj, status=PersistentVolumeClaimStatus())
        case PersistentVolume():
            return replace(obj, status=PersistentVolumeStatus())
        case _:
            return obj


def pod_spec_defaults(spec: PodSpec) -> PodSpec:
    """Give a pod's spec with its defaults; templates of workloads use it too."""
    return replace(
        spec,
        containers=_containers(spec.containers, host_network=spec.host_network),
        init_containers=_containers(spec.init_containers, host_network=spec.host_network),
        volumes=tuple(_volume(volume) for volume in spec.volumes),
        service_account_name=spec.service_account_name or spec.service_account,
    )


def namespace_defaults(namespace: Namespace) -> Namespace:
    """Give a namespace with the label of its name, by which selectors find it."""
    meta = namespace.metadata
    return replace(namespace, metadata=replace(meta, labels={**meta.labels, NAMESPACE_NAME: meta.name}))


def pull_policy(image: str) -> Any:
    """Give the default pull policy: Always for `latest` (also when no tag is given), else IfNotPresent."""
    try:
        return "Always" if parse_reference(image).is_latest else "IfNotPresent"
    except ValueError:
        return "IfNotPresent"


def _containers(containers: Iterable[Container], *, host_network: bool) -> tuple[Container, ...]:
    return tuple(_container(container, host_network=host_network) for container in containers)


def _container(container: Container, *, host_network: bool) -> Container:
    resources = container.resources
    if resources.limits:
        resources = replace(resources, requests={**resources.limits, **resources.requests})
    ports = container.ports
    if host_network:
        ports = tuple(replace(port, host_port=port.host_port or port.container_port) for port in ports)
    return replace(
        container,
        image_pull_policy=container.image_pull_policy or pull_policy(container.image),
        resources=resources,
        ports=ports,
        liveness_probe=_probe(container.liveness_probe),
        readiness_probe=_probe(container.readiness_probe),
        startup_probe=_probe(container.startup_probe),
    )


def _probe(probe: Probe | None) -> Probe | None:
    """A zero means the default, as in Kubernetes."""
    if probe is None:
        return None
    return replace(
        probe,
        timeout_seconds=probe.timeout_seconds or 1,
        period_seconds=probe.period_seconds or 10,
        success_threshold=probe.success_threshold or 1,
        failure_threshold=probe.failure_threshold or 3,
    )


def _volume(volume: Volume) -> Volume:
    sources = (getattr(volume, name) for name in volume.__struct_fields__ if name != "name")
    if all(source is None for source in sources):
        return replace(volume, empty_dir=EmptyDirVolumeSource())
    return volume


def _service_spec(spec: ServiceSpec) -> ServiceSpec:
    cluster_ips = spec.cluster_ips or ((spec.cluster_ip,) if spec.cluster_ip else ())
    internal = spec.internal_traffic_policy or ("Cluster" if spec.type != "ExternalName" else None)
    external = spec.external_traffic_policy
    if external is None and is_externally_accessible(spec):
        external = "Cluster"
    affinity = spec.session_affinity_config
    if spec.session_affinity == "ClientIP" and (affinity is None or affinity.client_ip is None):
        affinity = SessionAffinityConfig(client_ip=ClientIPConfig())
    node_ports = spec.allocate_load_balancer_node_ports
    if node_ports is None and spec.type == "LoadBalancer":
        node_ports = True
    return replace(
        spec,
        ports=tuple(_service_port(port) for port in spec.ports),
        cluster_ip=spec.cluster_ip or (spec.cluster_ips[0] if spec.cluster_ips else ""),
        cluster_ips=cluster_ips,
        internal_traffic_policy=internal,
        external_traffic_policy=external,
        session_affinity_config=affinity,
        allocate_load_balancer_node_ports=node_ports,
    )


def _service_port(port: ServicePort) -> ServicePort:
    return port if port.target_port not in (None, 0, "") else replace(port, target_port=port.port)


def _policy_spec(spec: NetworkPolicySpec) -> NetworkPolicySpec:
    """A policy without types is about ingress, and about egress too where it has rules for it."""
    if spec.policy_types:
        return spec
    return replace(spec, policy_types=("Ingress", "Egress") if spec.egress else ("Ingress",))


def _secret(secret: Secret) -> Secret:
    if not secret.string_data:
        return secret
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in secret.string_data.items()}
    return replace(secret, data={**secret.data, **encoded}, string_data={})
