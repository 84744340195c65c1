"""A container of a pod: image, command, environment, ports, resources, mounts."""

from collections.abc import Mapping
from typing import Literal

from orchestrator.objects.meta import Part, shown
from orchestrator.objects.probes import Lifecycle, Probe
from orchestrator.objects.scalars import Quantity
from orchestrator.objects.security import SecurityContext
from orchestrator.objects.service import Protocol


class ConfigMapKeySelector(Part, frozen=True, kw_only=True):
    """One key of a ConfigMap."""

    name: str = ""
    key: str
    optional: bool = False


class SecretKeySelector(Part, frozen=True, kw_only=True):
    """One key of a Secret."""

    name: str = ""
    key: str
    optional: bool = False


class ObjectFieldSelector(Part, frozen=True, kw_only=True):
    """A field of the pod itself ("metadata.name", "status.podIP")."""

    api_version: str = shown("v1")
    field_path: str


class ResourceFieldSelector(Part, frozen=True, kw_only=True):
    """A limit or request of a container ("limits.cpu"), divided by `divisor` and rounded up."""

    container_name: str = ""
    resource: str
    divisor: Quantity = "0"


class FileKeySelector(Part, frozen=True, kw_only=True):
    """A variable of an env file in a volume."""

    volume_name: str
    path: str
    key: str
    optional: bool = False


class EnvVarSource(Part, frozen=True, kw_only=True):
    """Where a variable's value comes from: exactly one of these."""

    config_map_key_ref: ConfigMapKeySelector | None = None
    secret_key_ref: SecretKeySelector | None = None
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    file_key_ref: FileKeySelector | None = None


class EnvVar(Part, frozen=True, kw_only=True):
    """One environment variable: a value, in which `$(OTHER)` is expanded, or a source."""

    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


class ConfigMapEnvSource(Part, frozen=True, kw_only=True):
    """All keys of a ConfigMap."""

    name: str = ""
    optional: bool = False


class SecretEnvSource(Part, frozen=True, kw_only=True):
    """All keys of a Secret."""

    name: str = ""
    optional: bool = False


class EnvFromSource(Part, frozen=True, kw_only=True):
    """Variables from all keys of a ConfigMap or Secret, with `prefix` before each name."""

    prefix: str = ""
    config_map_ref: ConfigMapEnvSource | None = None
    secret_ref: SecretEnvSource | None = None


class ContainerPort(Part, frozen=True, kw_only=True):
    """A port that the container listens on; `host_port` (0: none) publishes it on the host."""

    name: str = ""
    container_port: int
    host_port: int = 0
    host_ip: str = ""
    protocol: Protocol = shown("TCP")


class VolumeMount(Part, frozen=True, kw_only=True):
    """Where a volume of the pod appears in the container."""

    name: str
    mount_path: str
    read_only: bool = False
    recursive_read_only: Literal["Disabled", "IfPossible", "Enabled"] | None = None
    sub_path: str = ""
    sub_path_expr: str = ""
    mount_propagation: Literal["None", "HostToContainer", "Bidirectional"] | None = None


class VolumeDevice(Part, frozen=True, kw_only=True):
    """Where a raw block volume appears in the container."""

    name: str
    device_path: str


class ResourceClaim(Part, frozen=True, kw_only=True):
    """A claimed device of the pod that this container uses."""

    name: str
    request: str = ""


class ResourceRequirements(Part, frozen=True, kw_only=True):
    """What a container needs and may use at most, by resource ("cpu", "memory", "nvidia.com/gpu")."""

    limits: Mapping[str, Quantity] = {}
    requests: Mapping[str, Quantity] = {}
    claims: tuple[ResourceClaim, ...] = ()


class ContainerResizePolicy(Part, frozen=True, kw_only=True):
    """Whether a changed resource restarts the container."""

    resource_name: str
    restart_policy: Literal["NotRequired", "RestartContainer"]


class ContainerRestartRuleOnExitCodes(Part, frozen=True, kw_only=True):
    """Exit codes that a restart rule is for."""

    operator: Literal["In", "NotIn"]
    values: tuple[int, ...] = ()


class ContainerRestartRule(Part, frozen=True, kw_only=True):
    """What to do on some exit codes, whatever the restart policy says."""

    action: Literal["Restart"]
    exit_codes: ContainerRestartRuleOnExitCodes | None = None


class Container(Part, frozen=True, kw_only=True):
    """One container of a pod; init containers have the same fields.

    `image_pull_policy` is never None once the defaults have been applied.  `restart_policy` "Always" on an init
    container makes it a sidecar.  Follows
    https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container.
    """

    name: str
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    ports: tuple[ContainerPort, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    env: tuple[EnvVar, ...] = ()
    resources: ResourceRequirements = ResourceRequirements()
    resize_policy: tuple[ContainerResizePolicy, ...] = ()
    restart_policy: Literal["Always", "OnFailure", "Never"] | None = None
    restart_policy_rules: tuple[ContainerRestartRule, ...] = ()
    volume_mounts: tuple[VolumeMount, ...] = ()
    volume_devices: tuple[VolumeDevice, ...] = ()
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    termination_message_path: str = shown("/dev/termination-log")
    termination_message_policy: Literal["File", "FallbackToLogsOnError"] = shown("File")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    security_context: SecurityContext | None = None
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False


class EphemeralContainer(Container, frozen=True, kw_only=True):
    """A container put into a running pod for debugging."""

    target_container_name: str = ""
