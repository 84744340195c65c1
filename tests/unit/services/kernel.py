"""What the kernel does with our policies' rules: reads nft's scripts, and judges new packets.

It knows the few words that our scripts are made of, refuses what the kernel refuses (to remove a chain that something
leads to, or an element that is not there), and fails on any word that it does not know.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

_COMMAND = re.compile(r"(add|delete) (chain|map|set|rule|element) ip t ([\w-]+) ?(.*)")


@dataclass(frozen=True)
class Packet:
    """The first one of a connection."""

    source: str
    target: str
    protocol: str
    port: int
    interface: str = "orc-1"
    local: bool = False
    """Its target is an address of the host."""


@dataclass
class Kernel:
    """One table."""

    chains: dict[str, list[str]] = field(default_factory=dict)
    maps: dict[str, dict[str, str]] = field(default_factory=dict)
    sets: dict[str, set[str]] = field(default_factory=dict)

    def run(self, lines: list[str]) -> None:
        """Carry out a script; nothing may be left that leads nowhere."""
        for line in lines:
            match = _COMMAND.fullmatch(line)
            assert match, line
            self._do(*match.groups())
        text = " ".join(rule for rules in self.chains.values() for rule in rules)
        named = {verdict.split()[1] for elements in self.maps.values() for verdict in elements.values()}
        assert named <= self.chains.keys()
        assert set(re.findall(r"@([\w-]+)", text)) <= self.sets.keys() | self.maps.keys()

    def admits(self, packet: Packet) -> bool:
        """Whether it comes through: on its way to a pod, or to the host."""
        chain = "policy-input" if packet.local else "policy-forward"
        return self._walk(chain, packet) != "drop" if chain in self.chains else True

    def _do(self, verb: str, what: str, name: str, rest: str) -> None:
        match verb, what:
            case "add", "chain":
                assert name not in self.chains
                self.chains[name] = []
            case "add", "map":
                self.maps[name] = {}
            case "add", "set":
                assert name not in self.sets
                self.sets[name] = set()
            case "add", "rule":
                self.chains[name].append(rest)
            case "delete", "chain":
                del self.chains[name]
            case "delete", "map":
                del self.maps[name]
            case "delete", "set":
                del self.sets[name]
            case _:
                for element in rest.removeprefix("{ ").removesuffix(" }").split(", "):
                    self._element(verb, name, element)

    def _element(self, verb: str, name: str, element: str) -> None:
        key, _, verdict = element.partition(" : ")
        if verb == "delete":
            if name in self.maps:
                del self.maps[name][key]
            else:
                self.sets[name].remove(key)
        elif name in self.maps:
            assert key not in self.maps[name]
            self.maps[name][key] = verdict
        else:
            assert key not in self.sets[name]
            self.sets[name].add(key)

    def _walk(self, chain: str, packet: Packet) -> str:
        for rule in self.chains[chain]:
            verdict = self._judge(rule, packet)
            if verdict.startswith("jump "):
                verdict = self._walk(verdict.removeprefix("jump "), packet)
            elif verdict == "return":
                return ""
            if verdict in ("accept", "drop"):
                return verdict
        return ""

    def _judge(self, rule: str, packet: Packet) -> str:
        """The verdict of a rule on a packet, "" when it does not match."""
        for word, holds in self._words(rule, packet):
            if word:
                return "" if word == "none" else word
            if not holds:
                return ""
        raise AssertionError(f"no verdict in {rule!r}")

    def _words(self, rule: str, packet: Packet) -> Iterator[tuple[str, bool]]:
        ends = {"saddr": packet.source, "daddr": packet.target}
        place = f"{packet.target} . {packet.protocol} . {packet.port}"
        while rule:
            for pattern, holds in (
                (r"ct state established,related ", lambda _: False),
                (r'iifname != "lo" ', lambda _: packet.interface != "lo"),
                (r"fib daddr type local ", lambda _: packet.local),
                (r"ip saddr \. ip daddr @([\w-]+) ", lambda m: f"{packet.source} . {packet.target}" in self.sets[m[1]]),
                (r"ip daddr \. meta l4proto \. th dport @([\w-]+) ", lambda m: place in self.sets[m[1]]),
                (r"ip (saddr|daddr) @([\w-]+) ", lambda m: ends[m[1]] in self.sets[m[2]]),
                (r"ip (saddr|daddr) != \{ ([^}]*) \} ", lambda m: not _inside(ends[m[1]], m[2])),
                (r"ip (saddr|daddr) (\d[\d./]*) ", lambda m: _inside(ends[m[1]], m[2])),
                (r"meta l4proto \{ ([^}]*) \} ", lambda m: packet.protocol in m[1].split(", ")),
                (r"meta l4proto (\w+) ", lambda m: packet.protocol == m[1]),
                (r"th dport (\d+) ", lambda m: packet.port == int(m[1])),
                (
                    r"(tcp|udp|sctp) dport \{ ([^}]*) \} ",
                    lambda m: packet.protocol == m[1] and _among(packet.port, m[2]),
                ),
            ):
                if match := re.match(pattern, rule):
                    rule = rule[match.end() :]
                    yield "", holds(match)
                    break
            else:
                yield self._last(rule, ends, packet), True
                return

    def _last(self, rule: str, ends: dict[str, str], packet: Packet) -> str:
        if match := re.fullmatch(r"ip (saddr|daddr) vmap @([\w-]+)", rule):
            return self.maps[match[2]].get(ends[match[1]], "none")
        if match := re.fullmatch(r"ip daddr \. meta l4proto \. th dport vmap @([\w-]+)", rule):
            for key, verdict in self.maps[match[1]].items():
                address, protocol, port = key.split(" . ")
                if _inside(packet.target, address) and (protocol, int(port)) == (packet.protocol, packet.port):
                    return verdict
            return "none"
        assert rule in ("accept", "drop", "return"), rule
        return rule


def _inside(address: str, networks: str) -> bool:
    return any(ip_address(address) in ip_network(each) for each in networks.split(", "))


def _among(port: int, spans: str) -> bool:
    ends = ((span + f"-{span}").split("-")[:2] for span in spans.split(", "))
    return any(int(first) <= port <= int(last) for first, last in ends)
