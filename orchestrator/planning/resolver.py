"""A pod's resolver settings: dnsPolicy and dnsConfig (behaviour case E05).

The engine's own resolver stands in front of all of it and knows nothing but containers; Services' names are in the
hosts file.  So ClusterFirst and Default come to the same: what the host uses.
"""

from dataclasses import dataclass

from orchestrator.objects.pod import PodDNSConfig, PodSpec
from orchestrator.planning.surroundings import NodeFacts

_MAX_NAMESERVERS = 3
_NO_SEARCH = (".",)
"""The engine's word for no search domain at all."""


@dataclass(frozen=True, slots=True)
class ResolverSettings:
    """What the engine is told; an empty part means the host's own."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def resolver_settings(spec: PodSpec, node: NodeFacts) -> ResolverSettings:
    """With the policy None what dnsConfig says, and nothing else; otherwise it is added to what the host has."""
    config = spec.dns_config or PodDNSConfig()
    options = {
        option.name: f"{option.name}:{option.value}" if option.value else option.name for option in config.options
    }
    if spec.dns_policy == "None":
        return ResolverSettings(config.nameservers, config.searches or _NO_SEARCH, tuple(options.values()))
    # A resolver on the host's loopback cannot be reached from a network of the pod's own.
    hosts = tuple(server for server in node.nameservers if spec.host_network or not server.startswith("127."))
    hosts_options = {option.partition(":")[0]: option for option in node.resolver_options}
    return ResolverSettings(
        _joined(hosts, config.nameservers)[:_MAX_NAMESERVERS],
        _joined(node.searches, config.searches),
        tuple((hosts_options | options).values()) if options else (),
    )


def _joined(hosts: tuple[str, ...], own: tuple[str, ...]) -> tuple[str, ...]:
    """Both without repetition; nothing where the pod adds nothing, for the engine takes the host's by itself."""
    return tuple(dict.fromkeys((*hosts, *own))) if own else ()
