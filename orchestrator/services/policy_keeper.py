"""Works out what network policies say now, and holds new pods until the kernel says it too.

A pod's rules must be there before anything of the pod runs, and must stay until nothing of it runs any more.  So the
node asks (`guard`) between sandbox and containers, when the pod has its address, and tells (`release`) when nothing of
the pod is left: until then a pod counts even if another has taken its place in the store.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

from orchestrator.errors import OrchestratorError
from orchestrator.objects.config import Namespace
from orchestrator.objects.pod import Pod
from orchestrator.objects.policy import NetworkPolicy
from orchestrator.planning.isolation import Reckoning
from orchestrator.planning.policy import Isolation, Member, Protocol, member
from orchestrator.services.dataplane import DataPlane, Mode
from orchestrator.services.policy_rules import NO_POLICIES, PolicyRules, policy_rules
from orchestrator.state.events import EventRecorder
from orchestrator.state.store import Store

log = logging.getLogger(__name__)

GUARD_SECONDS = 10.0
"""How long a pod waits for its rules before that is a failure, which is told and tried again."""


_Order = tuple[tuple[NetworkPolicy, ...], tuple[Namespace, ...]]
"""What policies say, of whatever pods there are."""
_DNS_PORTS: Mapping[tuple[str, Protocol], int] = {("dns", "udp"): 53, ("dns-tcp", "tcp"): 53}


class PolicyKeeper:
    """One daemon's policies.  `settle` and `tell` are for the controller's rounds, the others for the node."""

    def __init__(
        self,
        store: Store,
        recorder: EventRecorder,
        dataplane: DataPlane,
        gateways: Callable[[], Iterable[str]],
        nameservers: Iterable[str],
    ) -> None:
        """`gateways` are the host's addresses in our networks, `nameservers` the host's own resolvers."""
        self._store = store
        self._recorder = recorder
        self._dataplane = dataplane
        self._gateways = gateways
        self._nameservers = tuple(address for address in nameservers if ":" not in address)
        self._wake: Callable[[], None] = lambda: None
        self._known: dict[str, Member] = {}
        self._seen: dict[str, tuple[Pod, Member | None]] = {}
        """What `member` made of the pods of the last round."""
        self._open: list[Pod] = []
        """Those of the last round that are on the host's network."""
        self._released: set[str] = set()
        self._order: _Order = (), ()
        self._reckoning: Reckoning | None = None
        self._made_from: tuple[Isolation, tuple[str, ...]] | None = None
        self._rules = NO_POLICIES
        self._taken = self._carried = 0
        self._moved = asyncio.Condition()
        self._told: set[tuple[str, str]] = set()

    def remember(self, pods: Iterable[Pod]) -> None:
        """At a start: these run.  Those that are not in the store were replaced, and count until they are released."""
        self._known = {pod.metadata.uid: found for pod in pods if (found := member(pod)) is not None}

    # --- for the node ---

    async def guard(self, pod: Pod) -> None:
        """Wait until the kernel knows what policies say of this pod, whose address is in the store.

        OrchestratorError when that does not come to be: nothing of the pod may run then.
        """
        self._released.discard(pod.metadata.uid)
        if self._dataplane.mode is Mode.NAMES or not self._store.list("NetworkPolicy"):
            return
        target = self._store.version
        self._wake()
        try:
            async with asyncio.timeout(GUARD_SECONDS), self._moved:
                await self._moved.wait_for(lambda: self._carried >= target)
        except TimeoutError as error:
            raise OrchestratorError(
                f"cannot isolate it as network policies say: no rules in the kernel within {GUARD_SECONDS:g} s"
            ) from error

    def release(self, uid: str) -> None:
        """Nothing of the pod with this uid is left: neither are its rules to be."""
        self._released.add(uid)
        if uid in self._known:
            self._wake()

    # --- for the rounds ---

    def attach(self, wake: Callable[[], None]) -> None:
        """Have this called to ask for a round."""
        self._wake = wake

    def settle(self) -> PolicyRules:
        """The rules that should hold now."""
        self._taken = self._store.version
        policies = tuple(self._store.list("NetworkPolicy"))
        if not policies:
            self._order, self._reckoning, self._made_from, self._rules = ((), ()), None, None, NO_POLICIES
            self._known.clear()
            self._seen.clear()
            return NO_POLICIES
        gateways = tuple(sorted(self._gateways()))
        order = policies, tuple(self._store.list("Namespace"))
        if self._reckoning is None or order != self._order:
            self._order, self._reckoning = order, Reckoning(*order)
        found = self._reckoning.of(self._members(), tuple(self._resolvers(gateways)))
        if self._made_from is None or found is not self._made_from[0] or gateways != self._made_from[1]:
            self._made_from, self._rules = (found, gateways), policy_rules(found, gateways)
        return self._rules

    async def tell(self) -> None:
        """What `settle` gave is in the kernel: whoever waits may go on, and what is not enforced is told."""
        async with self._moved:
            self._carried = self._taken
            self._moved.notify_all()
        told = set()
        for policy in self._order[0]:
            for text in self._troubles(policy, self._open):
                told.add((policy.metadata.uid, text))
                if (policy.metadata.uid, text) not in self._told:
                    name = f"{policy.metadata.namespace}/{policy.metadata.name}"
                    log.warning("network policy %s is not enforced: %s", name, text)
                    self._recorder.record(policy, "Warning", "NetworkPolicyNotEnforced", text)
        self._told = told

    # --- inner ---

    def _members(self) -> Mapping[str, Member]:
        """Those that count, the ones that come last in place of others with their address: they are the living."""
        pods: dict[str, Pod] = {pod.metadata.uid: pod for pod in self._store.list("Pod")}
        self._seen = {uid: self._look(pod) for uid, pod in pods.items()}
        self._open = [pod for pod in pods.values() if pod.spec.host_network]
        ending = [uid for uid, pod in pods.items() if pod.metadata.deletion_timestamp]
        there = {
            uid: found
            for uid in dict.fromkeys((*ending, *pods))
            if uid not in self._released and (found := self._seen[uid][1]) is not None
        }
        replaced = {uid: known for uid, known in self._known.items() if uid not in pods and uid not in self._released}
        self._released &= pods.keys()
        self._known = replaced | there
        return self._known

    def _look(self, pod: Pod) -> tuple[Pod, Member | None]:
        """See the pod as policies do, unless it is as it was."""
        before = self._seen.get(pod.metadata.uid)
        return before if before is not None and before[0] is pod else (pod, member(pod))

    def _resolvers(self, gateways: Iterable[str]) -> Iterator[Member]:
        """What answers for names, as a cluster's policies know it: the pods of kube-dns."""
        for address in (*gateways, *self._nameservers):
            yield Member("kube-system", {"k8s-app": "kube-dns"}, address, _DNS_PORTS)

    def _troubles(self, policy: NetworkPolicy, open_pods: Iterable[Pod]) -> Iterator[str]:
        if self._dataplane.policies_trouble:
            yield self._dataplane.policies_trouble
        for pod in open_pods:
            own = pod.metadata.namespace == policy.metadata.namespace
            if own and policy.spec.pod_selector.matches(pod.metadata.labels):
                yield f"pod {pod.metadata.name} has no network of its own (hostNetwork), and is as open as the host"
