"""What a pod has come to: phase, conditions, and the state of each container."""

from collections.abc import Mapping
from typing import Final, Literal

from orchestrator.objects.container import ResourceRequirements
from orchestrator.objects.meta import Part
from orchestrator.objects.scalars import Quantity, Time

PodPhase = Literal["Pending", "Running", "Succeeded", "Failed", "Unknown"]
FINAL_PHASES: Final[tuple[PodPhase, ...]] = ("Succeeded", "Failed")
"""The phases that no pod leaves."""
ConditionStatus = Literal["True", "False", "Unknown"]


class PodCondition(Part, frozen=True, kw_only=True):
    """One observed truth about a pod: PodReadyToStartContainers, Initialized, ContainersReady, Ready."""

    type: str
    status: ConditionStatus
    observed_generation: int = 0
    last_probe_time: Time = ""
    last_transition_time: Time = ""
    reason: str = ""
    message: str = ""


class ContainerStateWaiting(Part, frozen=True, kw_only=True):
    """It does not run yet, or not again yet."""

    reason: str = ""
    message: str = ""


class ContainerStateRunning(Part, frozen=True, kw_only=True):
    """It runs."""

    started_at: Time = ""


class ContainerStateTerminated(Part, frozen=True, kw_only=True):
    """It ran and has ended."""

    exit_code: int
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: Time = ""
    finished_at: Time = ""
    container_id: str = ""


class ContainerState(Part, frozen=True, kw_only=True):
    """At most one of these is set; none at all means waiting."""

    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class ResourceHealth(Part, frozen=True, kw_only=True):
    """The health of one device."""

    resource_id: str
    health: str = ""


class ResourceStatus(Part, frozen=True, kw_only=True):
    """The health of a container's devices."""

    name: str
    resources: tuple[ResourceHealth, ...] = ()


class LinuxContainerUser(Part, frozen=True, kw_only=True):
    """The user that the first process ran as."""

    uid: int
    gid: int
    supplemental_groups: tuple[int, ...] = ()


class ContainerUser(Part, frozen=True, kw_only=True):
    """The user that the first process ran as, by operating system."""

    linux: LinuxContainerUser | None = None


class VolumeMountStatus(Part, frozen=True, kw_only=True):
    """How a volume is in fact mounted."""

    name: str
    mount_path: str
    read_only: bool = False
    recursive_read_only: str = ""


class ContainerStatus(Part, frozen=True, kw_only=True):
    """What a container has come to; `last_state` is how its run before this one ended."""

    name: str
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    ready: bool
    restart_count: int
    image: str
    image_id: str
    container_id: str = ""
    started: bool | None = None
    resources: ResourceRequirements | None = None
    allocated_resources: Mapping[str, Quantity] = {}
    allocated_resources_status: tuple[ResourceStatus, ...] = ()
    stop_signal: str = ""
    user: ContainerUser | None = None
    volume_mounts: tuple[VolumeMountStatus, ...] = ()


class HostIP(Part, frozen=True, kw_only=True):
    """An address of the host."""

    ip: str


class PodIP(Part, frozen=True, kw_only=True):
    """An address of the pod."""

    ip: str


class PodResourceClaimStatus(Part, frozen=True, kw_only=True):
    """The claim that was made from a template."""

    name: str
    resource_claim_name: str = ""


class ContainerExtendedResourceRequest(Part, frozen=True, kw_only=True):
    """Which request of a claim backs an extended resource."""

    container_name: str
    resource_name: str
    request_name: str


class PodExtendedResourceClaimStatus(Part, frozen=True, kw_only=True):
    """The claim behind the pod's extended resources."""

    resource_claim_name: str
    request_mappings: tuple[ContainerExtendedResourceRequest, ...]


class PodStatus(Part, frozen=True, kw_only=True):
    """What a pod has come to.

    Follows https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodStatus.
    """

    observed_generation: int = 0
    phase: PodPhase | None = None
    conditions: tuple[PodCondition, ...] = ()
    message: str = ""
    reason: str = ""
    nominated_node_name: str = ""
    host_ip: str = ""
    host_ips: tuple[HostIP, ...] = ()
    pod_ip: str = ""
    pod_ips: tuple[PodIP, ...] = ()
    start_time: Time = ""
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    ephemeral_container_statuses: tuple[ContainerStatus, ...] = ()
    qos_class: Literal["Guaranteed", "Burstable", "BestEffort"] | None = None
    resize: str = ""
    resource_claim_statuses: tuple[PodResourceClaimStatus, ...] = ()
    extended_resource_claim_status: PodExtendedResourceClaimStatus | None = None
