"""From a pod's spec to what the engine is asked to make: the sandbox, and one container that joins it.

The sandbox owns network, hostname, published ports and resolver settings; a container has everything else.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from orchestrator.objects.container import Container, VolumeMount
from orchestrator.objects.pod import Pod
from orchestrator.objects.security import Capabilities, PodSecurityContext, SecurityContext
from orchestrator.planning.confinement import seccomp_file, security_options
from orchestrator.planning.environment import environment, expand
from orchestrator.planning.errors import ConfigError
from orchestrator.planning.identity import container_digest, pod_identity
from orchestrator.planning.labels import CONFIG, SANDBOX_NAME, container_labels, container_name
from orchestrator.planning.limits import engine_limits
from orchestrator.planning.made_from import config_label
from orchestrator.planning.non_root import check_non_root
from orchestrator.planning.projection import is_read_only, volume_directory
from orchestrator.planning.quality import SANDBOX_SCORE
from orchestrator.planning.resolver import ClusterDNS, asks_cluster_first, resolver_settings
from orchestrator.planning.runtime_class import handler_of, missing_class
from orchestrator.planning.runtime_config import ContainerConfig, Mount, PortBinding
from orchestrator.planning.surroundings import Surroundings
from orchestrator.planning.sysctls import own_sysctls

SUB_PATHS = ".subpaths"
"""The folder, beside a pod's volumes, where its containers' subPaths are bound to."""


def hostname_of(pod: Pod) -> str:
    """`spec.hostname`, else the pod's name; at most 63 characters, as the kernel has it."""
    return (pod.spec.hostname or pod.metadata.name)[:63].rstrip("-.")


def domain_of(pod: Pod, cluster_domain: str) -> str:
    """ "sub.ns.svc.cluster.local" where the pod has a subdomain, else ""."""
    sub = pod.spec.subdomain
    return f"{sub}.{pod.metadata.namespace}.svc.{cluster_domain}" if sub else ""


def shown_hostname(pod: Pod, around: Surroundings) -> str:
    """What `hostname` says in its containers: on the host's network it is the host's own name."""
    if pod.spec.host_network:
        return around.node.name
    domain = domain_of(pod, around.cluster_domain) if pod.spec.set_hostname_as_fqdn else ""
    return f"{hostname_of(pod)}.{domain}" if domain else hostname_of(pod)


def sandbox_config(pod: Pod, attempt: int, around: Surroundings) -> ContainerConfig:
    """The container that owns the pod's address and waits."""
    spec, meta = pod.spec, pod.metadata
    dns = resolver_settings(spec, around.node, _cluster_dns(pod, around))
    return ContainerConfig(
        name=container_name(around.instance, meta.namespace, meta.name, meta.uid, SANDBOX_NAME, attempt),
        image=around.sandbox_image,
        labels=container_labels(
            around.instance, meta.namespace, meta.name, meta.uid, SANDBOX_NAME, attempt, pod_identity(pod), "sandbox"
        ),
        runtime=handler_of(pod, around.runtime_classes),
        hostname="" if spec.host_network else shown_hostname(pod, around),
        network="host" if spec.host_network else around.network,
        ipc_mode="host" if spec.host_ipc else "shareable",
        pid_mode="host" if spec.host_pid else "",
        ports=() if spec.host_network else _published(pod),
        dns=dns.nameservers,
        dns_search=dns.searches,
        dns_options=dns.options,
        sysctls=own_sysctls(spec),
        oom_score_adj=SANDBOX_SCORE,
        init=not spec.host_pid,
    )


def _cluster_dns(pod: Pod, around: Surroundings) -> ClusterDNS | None:
    server = around.dns_server() if asks_cluster_first(pod.spec) else ""
    return ClusterDNS(server, pod.metadata.namespace, around.cluster_domain) if server else None


@dataclass(frozen=True, slots=True)
class Joined:
    """The sandbox that a container joins: its id (or engine name), and the pod's address."""

    sandbox: str
    ip: str


def container_config(
    pod: Pod, container: Container, attempt: int, around: Surroundings, joined: Joined, role: str, image_user: str = ""
) -> ContainerConfig:
    """One attempt of one container, joined to its sandbox.

    ConfigError for a reference that leads nowhere, and for root where it must not be.  `image_user` is the user that
    the image names, for a spec that names none.
    """
    spec, meta, own = pod.spec, pod.metadata, container.security_context or SecurityContext()
    variables = environment(pod, container, around, joined.ip)
    if problem := missing_class(pod, around.runtime_classes):
        # Never by the default one: the class may be there to keep it apart.
        raise ConfigError(problem)
    check_non_root(pod, container, image_user)
    caps = own.capabilities or Capabilities()
    return ContainerConfig(
        name=container_name(around.instance, meta.namespace, meta.name, meta.uid, container.name, attempt),
        image=container.image,
        labels=container_labels(
            around.instance,
            meta.namespace,
            meta.name,
            meta.uid,
            container.name,
            attempt,
            container_digest(container),
            role,
        )
        | ({CONFIG: config} if (config := config_label(pod, container, around)) else {}),
        entrypoint=tuple(expand(word, variables) for word in container.command) or None,
        command=tuple(expand(word, variables) for word in container.args) or None,
        env=tuple(f"{name}={value}" for name, value in ({"HOSTNAME": shown_hostname(pod, around)} | variables).items()),
        working_dir=container.working_dir,
        user=_user(own, spec.security_context, image_user),
        runtime=handler_of(pod, around.runtime_classes),
        network=f"container:{joined.sandbox}",
        ipc_mode="host" if spec.host_ipc else f"container:{joined.sandbox}",
        pid_mode="host" if spec.host_pid else f"container:{joined.sandbox}" if spec.share_process_namespace else "",
        mounts=(
            *_mounts(pod, container, around, variables),
            *_hosts(pod, container, around),
            *_message(pod, container, attempt, around),
        ),
        tty=container.tty,
        stdin_open=container.stdin,
        stdin_once=container.stdin_once,
        privileged=bool(own.privileged),
        read_only_root=bool(own.read_only_root_filesystem),
        cap_add=caps.add,
        cap_drop=caps.drop,
        groups=_groups(spec.security_context),
        security_opt=security_options(spec, own, around),
        seccomp_file=seccomp_file(spec, own, around),
        unmasked_proc=own.proc_mount == "Unmasked",
        stop_signal=container.lifecycle.stop_signal if container.lifecycle else "",
        **asdict(engine_limits(pod, container, around.node)),
    )


def sub_path_of(mount: VolumeMount, variables: Mapping[str, str]) -> str:
    """The part of the volume that is mounted, "" for all of it; ConfigError for an expression without a value."""
    if not mount.sub_path_expr:
        return mount.sub_path
    path = expand(mount.sub_path_expr, variables)
    if "$(" in path:
        raise ConfigError(f'cannot expand subPathExpr "{mount.sub_path_expr}" of volume mount {mount.name}')
    return path


def _mounts(pod: Pod, container: Container, around: Surroundings, variables: Mapping[str, str]) -> list[Mount]:
    volumes = {volume.name: volume for volume in pod.spec.volumes}
    result = []
    # Of several at one place the container sees the last; the engine takes one only.
    last = {mount.mount_path: index for index, mount in enumerate(container.volume_mounts)}
    for index in sorted(last.values()):
        mount = container.volume_mounts[index]
        volume = volumes[mount.name]
        directory, sub_path = volume_directory(volume, pod, around), sub_path_of(mount, variables)
        source = sub_path_source(pod, container, index, directory, sub_path, around) if sub_path else directory
        propagation = {"HostToContainer": "rslave", "Bidirectional": "rshared"}.get(mount.mount_propagation or "", "")
        result.append(
            Mount(
                target=mount.mount_path,
                source=source,
                read_only=mount.read_only or is_read_only(volume),
                propagation=propagation,
                read_only_below=_read_only_below(mount, around),
            )
        )
    return result


def _read_only_below(mount: VolumeMount, around: Surroundings) -> bool | None:
    """recursiveReadOnly, as far as the engine knows of it; ConfigError where it must be and cannot."""
    if not around.node.recursive_read_only:
        if mount.recursive_read_only == "Enabled":
            problem = "requested recursive read-only mode, but it is not supported by the runtime"
            raise ConfigError(f'failed to resolve recursive read-only mode: volume "{mount.name}" {problem}')
        return None
    return mount.recursive_read_only in ("Enabled", "IfPossible") if mount.read_only else None


def sub_path_source(
    pod: Pod, container: Container, mount: int, directory: str, sub_path: str, around: Surroundings
) -> str:
    """What the engine mounts for a subPath: the place that it is bound to, or else the path itself."""
    if around.binds_sub_paths:
        return f"{around.paths(pod.metadata.uid).memory}/{SUB_PATHS}/{container.name}/{mount}"
    return f"{directory}/{sub_path}"


def _hosts(pod: Pod, container: Container, around: Surroundings) -> list[Mount]:
    """The hosts file, unless the pod shares the host's network or the container mounts its own."""
    if pod.spec.host_network or any(m.mount_path == "/etc/hosts" for m in container.volume_mounts):
        return []
    return [Mount(target="/etc/hosts", source=around.paths(pod.metadata.uid).hosts)]


def message_file(pod: Pod, container: str, attempt: int, around: Surroundings) -> str:
    """The file on the host that one attempt of a container may write its termination message to."""
    return f"{around.paths(pod.metadata.uid).volumes}/.messages/{container}_{attempt}"


def _message(pod: Pod, container: Container, attempt: int, around: Surroundings) -> list[Mount]:
    path = container.termination_message_path
    if any(mount.mount_path == path for mount in container.volume_mounts):
        return []
    return [Mount(target=path, source=message_file(pod, container.name, attempt, around))]


def _groups(pods: PodSecurityContext) -> tuple[str, ...]:
    """The groups of the processes besides their own: also the one that owns the volumes."""
    groups = (*pods.supplemental_groups, *((pods.fs_group,) if pods.fs_group is not None else ()))
    return tuple(dict.fromkeys(str(group) for group in groups))


def _published(pod: Pod) -> tuple[PortBinding, ...]:
    ports = (port for container in pod.spec.containers for port in container.ports if port.host_port)
    return tuple(PortBinding(p.container_port, p.host_port, p.protocol.lower(), p.host_ip) for p in ports)


def _user(own: SecurityContext, pods: PodSecurityContext, image_user: str) -> str:
    user = own.run_as_user if own.run_as_user is not None else pods.run_as_user
    group = own.run_as_group if own.run_as_group is not None else pods.run_as_group
    if user is None and group is None:
        return ""
    name = str(user) if user is not None else image_user.partition(":")[0] or "0"
    return name if group is None else f"{name}:{group}"
