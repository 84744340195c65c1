"""Pod: containers that share a network, an address, volumes and a life."""

from collections.abc import Mapping
from typing import Literal

from orchestrator.objects.container import Container, EphemeralContainer, ResourceRequirements
from orchestrator.objects.meta import LocalObjectReference, Object, ObjectMeta, Part, shown
from orchestrator.objects.pod_status import PodStatus
from orchestrator.objects.scalars import Quantity
from orchestrator.objects.scheduling import (
    Affinity,
    PodReadinessGate,
    PodResourceClaim,
    PodSchedulingGate,
    Toleration,
    TopologySpreadConstraint,
)
from orchestrator.objects.security import PodSecurityContext
from orchestrator.objects.volumes import Volume


class HostAlias(Part, frozen=True, kw_only=True):
    """A line of the pod's hosts file."""

    ip: str
    hostnames: tuple[str, ...] = ()


class PodDNSConfigOption(Part, frozen=True, kw_only=True):
    """One option of the resolver ("ndots")."""

    name: str = ""
    value: str | None = None


class PodDNSConfig(Part, frozen=True, kw_only=True):
    """Resolver settings, on top of what `dnsPolicy` gives."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[PodDNSConfigOption, ...] = ()


class PodOS(Part, frozen=True, kw_only=True):
    """The operating system of the pod's images."""

    name: str


class PodSpec(Part, frozen=True, kw_only=True, weakref=True):
    """What a pod is to be.  Times are seconds.

    Follows https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec.
    """

    init_containers: tuple[Container, ...] = ()
    containers: tuple[Container, ...]
    ephemeral_containers: tuple[EphemeralContainer, ...] = ()
    volumes: tuple[Volume, ...] = ()
    restart_policy: Literal["Always", "OnFailure", "Never"] = shown("Always")
    termination_grace_period_seconds: int = shown(30)
    active_deadline_seconds: int | None = None
    # The network and its names.
    hostname: str = ""
    subdomain: str = ""
    set_hostname_as_fqdn: bool | None = None
    hostname_override: str | None = None
    host_aliases: tuple[HostAlias, ...] = ()
    dns_policy: Literal["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] = shown("ClusterFirst")
    dns_config: PodDNSConfig | None = None
    enable_service_links: bool = shown(True)
    host_network: bool = False
    # Namespaces, users and rights.
    host_pid: bool = False
    host_ipc: bool = False
    host_users: bool | None = None
    share_process_namespace: bool = False
    security_context: PodSecurityContext = PodSecurityContext()
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()
    service_account_name: str = ""
    service_account: str = ""
    automount_service_account_token: bool | None = None
    runtime_class_name: str | None = None
    os: PodOS | None = None
    # Resources and scheduling.
    resources: ResourceRequirements | None = None
    overhead: Mapping[str, Quantity] = {}
    node_name: str = ""
    node_selector: Mapping[str, str] = {}
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] = ()
    scheduler_name: str = shown("default-scheduler")
    scheduling_gates: tuple[PodSchedulingGate, ...] = ()
    readiness_gates: tuple[PodReadinessGate, ...] = ()
    resource_claims: tuple[PodResourceClaim, ...] = ()
    priority: int | None = None
    priority_class_name: str = ""
    preemption_policy: Literal["PreemptLowerPriority", "Never"] | None = None

    @property
    def every_container(self) -> tuple[Container, ...]:
        """Init containers, sidecars among them, and then the app's, in the order in which they start."""
        return (*self.init_containers, *self.containers)

    @property
    def sidecars(self) -> tuple[Container, ...]:
        """The init containers that go on running beside the app."""
        return tuple(container for container in self.init_containers if container.restart_policy == "Always")


class PodTemplateSpec(Part, frozen=True, kw_only=True):
    """What the pods of a workload are to be."""

    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec | None = None


class Pod(Object, frozen=True, kw_only=True):
    """Containers that share a network, an address, volumes and a life."""

    api_version: Literal["v1"] = shown("v1")
    kind: Literal["Pod"] = shown("Pod")
    spec: PodSpec
    status: PodStatus = PodStatus()
