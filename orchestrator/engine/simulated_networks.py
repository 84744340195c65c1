"""The simulated engine's networks: names, subnets that may not overlap, and addresses by number."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network

from orchestrator.engine.base import EngineRefused, Network
from orchestrator.errors import Conflict, NotFound

_BUILT_IN = (
    Network("bridge" + "0" * 58, "bridge", {}, "172.17.0.0/16", "", "172.17.0.1", "docker0"),
    Network("host" + "0" * 60, "host", {}, "", "", "", ""),
    Network("none" + "0" * 60, "none", {}, "", "", "", ""),
)


class SimulatedNetworks:
    """All networks of one engine, by name."""

    def __init__(self) -> None:
        self._networks = {network.name: network for network in _BUILT_IN}

    def all(self, labels: Mapping[str, str]) -> list[Network]:
        """Those that bear all these labels."""
        return [each for each in self._networks.values() if labels.items() <= each.labels.items()]

    def get(self, name: str) -> Network:
        """By name or id."""
        for network in self._networks.values():
            if name in (network.name, network.id):
                return network
        raise NotFound(f"network {name} not found")

    def add(self, network: Network) -> None:
        """Conflict when the name is taken, EngineRefused when subnet or bridge are."""
        if network.name in self._networks:
            raise Conflict(f"network with name {network.name} already exists")
        for other in self._networks.values():
            if other.subnet and IPv4Network(other.subnet).overlaps(IPv4Network(network.subnet)):
                raise EngineRefused("Pool overlaps with other one on this address space", 403)
            if other.bridge and other.bridge == network.bridge:
                raise EngineRefused(f"networks have same bridge name: {other.name}", 403)
        self._networks[network.name] = network

    def remove(self, network: Network) -> None:
        """Forget it."""
        del self._networks[network.name]

    def address(self, name: str, taken: Iterable[str]) -> str:
        """A free address on a network, "" on one that has none; NotFound without the network."""
        network = self.get(name)
        if not network.subnet:
            return ""
        used = {IPv4Address(address) for address in (*taken, network.gateway) if address}
        subnet, pool = IPv4Network(network.subnet), IPv4Network(network.ip_range or network.subnet)
        edges = {subnet.network_address, subnet.broadcast_address}
        for address in pool:
            if address not in used and address not in edges:
                return str(address)
        raise EngineRefused(f"no available IPv4 addresses on this network's address pools: {network.name}")
