"""Firewalls of the host: whether what pods ask of the host, and of each other, gets through.

It is tried, from inside of pods that run.  Rules are read only to say who may be in the way, and whom a network policy
isolates: of its silence nothing follows.
"""

import asyncio
import json
from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from orchestrator.doctor.asking import Outcome, ask_from, connection, name_by_datagram
from orchestrator.doctor.obstacles import Chain, Hook, Obstacle, Rules, read, ufw_is_on
from orchestrator.doctor.scene import Scene
from orchestrator.engine.base import Container
from orchestrator.errors import OrchestratorError
from orchestrator.findings import Finding, error, ok, warning
from orchestrator.planning import labels
from orchestrator.services import health
from orchestrator.services.commands import run
from orchestrator.services.nft import table_name

CHECK = "firewall"
_MOST = 3
"""Pods of a namespace that are asked, at most: one that gets through is enough."""
_NAMES, _UNUSED = 53, 1


@dataclass(frozen=True, slots=True)
class Trials:
    """What came back in one namespace's network, from its pods; () where none could ask."""

    namespace: str
    bridge: str
    datagrams: tuple[Outcome, ...] = ()
    """Of questions for names to the host."""
    streams: tuple[Outcome, ...] = ()
    pods: tuple[Outcome, ...] = ()
    """Of connections from pod to pod, to a port that nobody has."""


@dataclass(frozen=True, slots=True)
class Facts:
    """`served` says whether our responder answers names; None where no daemon says it."""

    pool: str
    trials: tuple[Trials, ...] = ()
    served: bool | None = None
    chains: tuple[Chain, ...] = ()
    ufw: bool = False

    def at(self, hook: Hook) -> Obstacle:
        """Who may be in the way there."""
        return Obstacle(hook, tuple(each for each in self.chains if each.hook == hook), self.ufw)


async def check(scene: Scene) -> Iterator[Finding]:
    """The rows of this file."""
    return judge(await look(scene)) if scene.root else iter(())


async def look(scene: Scene) -> Facts:
    """Ask from pods of the instance that run, of all namespaces at once."""
    patient, survey = scene.patient, scene.survey
    try:
        rules = read(json.loads(await run("nft", "-j", "list", "ruleset")), table_name(patient.instance))
    except (OrchestratorError, ValueError):  # there is none, or one without JSON
        rules = Rules()
    rooms = [each for each in survey.networks if each.labels.get(labels.INSTANCE) == patient.instance]
    sandboxes = [each for each in survey.containers if _is_sandbox(each, patient.instance)]
    trials = (
        _try(each.labels.get(labels.NAMESPACE, ""), each.bridge, each.gateway, _pods(sandboxes, each.name), rules)
        for each in rooms
    )
    served = None if patient.daemon is None else all(each.check != health.NAMES for each in patient.daemon.findings)
    done = tuple(await asyncio.gather(*trials))
    return Facts(patient.pool, done, served, rules.chains, ufw_is_on())


def judge(facts: Facts) -> Iterator[Finding]:
    """Say what does not get through."""
    for each in facts.trials:
        lost = _lost(each, facts.served)
        if lost:
            text = (
                f"pods of namespace {each.namespace} cannot ask the host for names (port 53, {' and '.join(lost)}): "
                f"{facts.at('input')} is in the way; names in their hosts files work, others take seconds or fail"
            )
            yield warning(CHECK, text, facts.at("input").mend(facts.pool, each.bridge))
        parted = bool(each.pods) and not {"answered", "refused"} & set(each.pods)
        if parted:
            text = (
                f"pods of namespace {each.namespace} do not reach each other, by address or by a Service: "
                f"{facts.at('forward')} is in the way"
            )
            yield error(CHECK, text, facts.at("forward").mend(facts.pool, each.bridge))
        if not lost and not parted and (each.pods or each.datagrams):
            yield ok(CHECK, f"what pods of namespace {each.namespace} ask of the host and of each other gets through")
    if facts.chains and not any(each.pods or each.datagrams for each in facts.trials):
        text = f"{', '.join(map(str, facts.chains))}: whether pods are let through can be tried once some run"
        yield ok(CHECK, text)


def _lost(trials: Trials, served: bool | None) -> list[str]:
    """The protocols by which nobody's question for names was answered."""
    if served is False:
        return []
    # Without a daemon it is well to hear that nobody listens.
    good = {"answered"} if served else {"answered", "refused"}
    asked = (("UDP", trials.datagrams), ("TCP", trials.streams))
    return [protocol for protocol, outcomes in asked if outcomes and not good & set(outcomes)]


# --- trying ---


async def _try(namespace: str, bridge: str, gateway: str, pods: list[tuple[str, int]], rules: Rules) -> Trials:
    asking = [(address, pid) for address, pid in pods if address not in rules.egress]
    open_pods = [address for address, _ in pods if address not in rules.ingress]
    pairs = [(pid, target) for source, pid in asking for target in open_pods if target != source]
    datagrams, streams, reached = await asyncio.gather(
        _told(ask_from(pid, partial(name_by_datagram, gateway)) for _, pid in asking[:_MOST]),
        _told(ask_from(pid, partial(connection, gateway, _NAMES)) for _, pid in asking[:_MOST]),
        _told(ask_from(pid, partial(connection, target, _UNUSED)) for pid, target in pairs[:_MOST]),
    )
    return Trials(namespace, bridge, datagrams, streams, reached)


async def _told(asked: Iterable[Awaitable[Outcome | None]]) -> tuple[Outcome, ...]:
    return tuple(each for each in await asyncio.gather(*asked) if each is not None)


def _is_sandbox(container: Container, instance: str) -> bool:
    own = container.labels
    return (own.get(labels.ROLE), own.get(labels.INSTANCE), container.phase) == ("sandbox", instance, "running")


def _pods(sandboxes: Iterable[Container], network: str) -> list[tuple[str, int]]:
    """Address and process of those on a network."""
    return [(each.addresses[network], each.pid) for each in sandboxes if each.addresses.get(network) and each.pid]
