"""What a pod's plan may look at besides the pod: the objects of its namespace, the node, and where files lie."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.objects.config import ConfigMap, Secret
from orchestrator.objects.endpoint_slice import EndpointSlice
from orchestrator.objects.pod import Pod
from orchestrator.objects.runtime_class import RuntimeClass
from orchestrator.objects.service import Service
from orchestrator.objects.volumes import HostPathType
from orchestrator.planning.backoff import BackoffSettings
from orchestrator.planning.sysctls import Allowed


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The host: its name and address, cores in billionths, memory in bytes, and its resolver's settings."""

    name: str
    ip: str
    nano_cpus: int
    memory_bytes: int
    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    resolver_options: tuple[str, ...] = ()
    capacity: Mapping[str, int] = field(default_factory=dict)
    """What it has: cpu in thousandths of a core, all else in its own unit."""
    allocatable: Mapping[str, int] = field(default_factory=dict)
    """What pods may have of that in all."""
    pod_pids_limit: int = 0
    """How many processes a container may have; 0 is no limit of its own."""
    recursive_read_only: bool = False
    """The engine can make what is mounted below a read-only mount read-only too."""
    app_armor: bool = False
    """The engine confines containers by AppArmor profiles."""


@dataclass(frozen=True, slots=True)
class PodPaths:
    """Where a pod's files lie on the host; `memory` is on tmpfs."""

    volumes: str
    memory: str
    hosts: str


@dataclass(frozen=True, slots=True)
class ClaimVolume:
    """Where a claim's data lies on the host; `problem` says why there is none, in the scheduler's words."""

    directory: str = ""
    host_type: HostPathType = ""
    managed: bool = False
    """Whether its owner and modes are for the pod to set (fsGroup)."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All of it, at one instant.  `paths` gives a pod's places by its uid."""

    instance: str
    node: NodeFacts
    paths: Callable[[str], PodPaths]
    sandbox_image: str
    network: str
    """The name that the namespace's network has or will have."""
    config_maps: Mapping[str, ConfigMap] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    services: tuple[Service, ...] = ()
    claims: Mapping[str, ClaimVolume] = field(default_factory=dict)
    claims_in: Callable[[str], Mapping[str, ClaimVolume]] = lambda _namespace: {}
    """Those of another namespace."""
    runtime_classes: Mapping[str, RuntimeClass] = field(default_factory=dict)
    names_only: bool = False
    """Nothing carries a Service's address here: what works is its name, and the port that its pods listen on."""
    peers: tuple[Pod, ...] = ()
    """With `names_only`, the namespace's pods: they tell which number a named target port is."""
    slices: tuple[EndpointSlice, ...] = ()
    """With `names_only`, the namespace's EndpointSlices: they tell the ports of a Service without a selector."""
    pods: Callable[[], Iterable[Pod]] = tuple
    """All pods of the host."""
    binds_sub_paths: bool = False
    """The daemon can mount: a subPath is bound to a place where no container can swap it for a link."""
    backoff: BackoffSettings = field(default_factory=BackoffSettings)
    cluster_domain: str = "cluster.local"
    dns_server: Callable[[], str] = str
    """The address of our own DNS responder in the namespace's network, "" where none answers."""
    seccomp_profiles: str = ""
    """The folder of the host's own seccomp profiles (a kubelet's <root>/seccomp)."""
    allowed_unsafe_sysctls: Allowed = None
    """What pods may set in their own namespaces beside what is safe everywhere."""
    digest_key: bytes = field(default=b"", repr=False)
    """The instance's own key, with which the digests of config are made."""
