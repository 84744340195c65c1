"""Rules of others that may keep packets of pods away, and the commands that let them through.

Nothing is concluded from them: they are read to name who is in the way, once it is known that something is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

_UFW = Path("/etc/ufw/ufw.conf")
_ENGINES = ("ip", "filter", "FORWARD")
_HOOKS = ("input", "forward")

Hook = Literal["input", "forward"]


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain that drops or refuses whatever no rule of it lets through."""

    hook: Hook
    family: str
    table: str
    name: str

    def __str__(self) -> str:
        return f"chain {self.name} of nft's table {self.family} {self.table}"


@dataclass(frozen=True, slots=True)
class Rules:
    """What is read: chains that may be in the way, and the addresses that policies isolate, by direction."""

    chains: tuple[Chain, ...] = ()
    egress: frozenset[str] = frozenset()
    ingress: frozenset[str] = frozenset()


def read(ruleset: Any, own_table: str) -> Rules:
    """Find both in what `nft -j list ruleset` prints (libnftables-json(5))."""
    entries = ruleset["nftables"]
    last = {_place(rule, "chain"): rule.get("expr", ()) for entry in entries if (rule := entry.get("rule"))}
    chains = (
        Chain(chain["hook"], *place)
        for entry in entries
        if (chain := entry.get("chain")) and chain.get("hook") in _HOOKS and (place := _place(chain, "name"))
        if chain.get("policy") == "drop" or _drops_all(last.get(place, ()))
        if place != _ENGINES and not chain["table"].startswith("orchestrator-")
    )
    isolated = {
        found["name"]: frozenset(str(element[0]) for element in found.get("elem") or ())
        for entry in entries
        if (found := entry.get("map")) and found["table"] == own_table
    }
    none = frozenset[str]()
    return Rules(tuple(chains), isolated.get("policy-egress", none), isolated.get("policy-ingress", none))


def ufw_is_on() -> bool:
    """Whether ufw rules this host."""
    try:
        return "ENABLED=yes" in _UFW.read_text().splitlines()
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Who keeps packets away at a hook, as far as that can be seen."""

    hook: Hook
    chains: tuple[Chain, ...] = ()
    ufw: bool = False

    def __str__(self) -> str:
        if self.ufw:
            return "ufw"
        return "firewalld" if self._is_firewalld() else " or ".join(map(str, self.chains)) or "a firewall of this host"

    def mend(self, pool: str, bridge: str) -> str:
        """The command that lets pods of the pool ask for names, or those of this bridge reach each other."""
        asking = self.hook == "input"
        if self.ufw:
            words = f"allow from {pool} to any port 53" if asking else f"route allow in on {bridge} out on {bridge}"
            return f"sudo ufw {words}"
        if self._is_firewalld():
            return f"sudo firewall-cmd --permanent --zone=trusted --add-source={pool} && sudo firewall-cmd --reload"
        if self.chains:
            return " && ".join(line for each in self.chains for line in _openings(each, pool, bridge))
        return "orchestrator run --dns off SPECS" if asking else "sudo iptables -S FORWARD"

    def _is_firewalld(self) -> bool:
        return any(each.table == "firewalld" for each in self.chains)


def _place(of: Any, name: str) -> tuple[str, str, str]:
    return of["family"], of["table"], of[name]


def _drops_all(rule: Iterable[Any]) -> bool:
    """Whether a rule drops or refuses whatever comes to it (counters, comments and logs match everything)."""
    parts = [part for part in rule if not {"counter", "comment", "log"} & part.keys()]
    verdict = parts[0] if len(parts) == 1 else {}
    return bool({"drop", "reject"} & verdict.keys()) or (verdict.get("xt") or {}).get("name") == "REJECT"


def _openings(chain: Chain, pool: str, bridge: str) -> Iterator[str]:
    """The commands that let it through one chain, above all that is there."""
    if chain.family == "ip" and chain.name == "INPUT":  # iptables' own, which cannot show what only nft can say
        for protocol in ("udp", "tcp"):
            yield f"sudo iptables -I INPUT -s {pool} -p {protocol} --dport 53 -j ACCEPT"
        return
    place = f"sudo nft insert rule {chain.family} {chain.table} {chain.name}"
    if chain.hook == "input":
        yield f"{place} ip saddr {pool} meta l4proto '{{ tcp, udp }}' th dport 53 accept"
    else:
        yield f"{place} iifname {bridge} oifname {bridge} accept"
