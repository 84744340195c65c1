"""A pod's resolver settings: dnsPolicy and dnsConfig (behaviour case E05), as the kubelet reads them.

Where our DNS responder answers, ClusterFirst means: it is asked first, and the host's servers for what it refuses, and
for everything while the daemon is down.  The engine's own resolver stands in front of all of them.  Where it does not,
Services' names are in the hosts file alone, and ClusterFirst and Default come to the same: what the host uses.
"""

from dataclasses import dataclass

from orchestrator.objects.pod import PodDNSConfig, PodSpec
from orchestrator.planning.surroundings import NodeFacts

_MAX_NAMESERVERS = 3
_NO_SEARCH = (".",)
"""The engine's word for no search domain at all."""
_NDOTS = "ndots:5"


@dataclass(frozen=True, slots=True)
class ResolverSettings:
    """What the engine is told; an empty part means the host's own."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterDNS:
    """The responder's address for a namespace, and the cluster's domain."""

    server: str
    namespace: str
    domain: str

    def searches(self) -> tuple[str, ...]:
        """What is added to a short name, in Kubernetes' order."""
        return f"{self.namespace}.svc.{self.domain}", f"svc.{self.domain}", self.domain


def asks_cluster_first(spec: PodSpec) -> bool:
    """Whether a pod is to ask our responder; on the host's network only one that says so."""
    return spec.dns_policy == "ClusterFirstWithHostNet" or (spec.dns_policy == "ClusterFirst" and not spec.host_network)


def resolver_settings(spec: PodSpec, node: NodeFacts, cluster: ClusterDNS | None = None) -> ResolverSettings:
    """With the policy None what dnsConfig says, and nothing else; otherwise it is added to what the policy gives.

    `cluster` is None where no responder answers the pod.
    """
    config = spec.dns_config or PodDNSConfig()
    options = {
        option.name: f"{option.name}:{option.value}" if option.value else option.name for option in config.options
    }
    if spec.dns_policy == "None":
        return ResolverSettings(config.nameservers, config.searches or _NO_SEARCH, tuple(options.values()))
    hosts = node.nameservers if spec.host_network else reachable(node.nameservers)
    if cluster is not None and asks_cluster_first(spec):
        # A server that the pod names itself is not crowded out by the host's, of which one is left at least.
        room = max(_MAX_NAMESERVERS - 1 - len(config.nameservers), 1)
        return ResolverSettings(
            _once(cluster.server, *hosts[:room], *config.nameservers)[:_MAX_NAMESERVERS],
            _once(*cluster.searches(), *node.searches, *config.searches),
            tuple(({"ndots": _NDOTS} | options).values()),
        )
    hosts_options = {option.partition(":")[0]: option for option in node.resolver_options}
    return ResolverSettings(
        _joined(hosts, config.nameservers)[:_MAX_NAMESERVERS],
        _joined(node.searches, config.searches),
        tuple((hosts_options | options).values()) if options else (),
    )


def reachable(nameservers: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the host's servers that pods can ask: its loopback is not that of a network of the pod's own."""
    return tuple(server for server in nameservers if not server.startswith("127.") and server != "::1")


def _joined(hosts: tuple[str, ...], own: tuple[str, ...]) -> tuple[str, ...]:
    """Both without repetition; nothing where the pod adds nothing, for the engine takes the host's by itself."""
    return _once(*hosts, *own) if own else ()


def _once(*words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
