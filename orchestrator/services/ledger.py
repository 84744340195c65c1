"""Which Services a change concerns, and what each of them looks like now.  Pure.

A change of one pod must cost the same among ten Services and among a thousand: Services are found by the labels that
they select, pods by the labels that they have, and only the Services concerned are worked out again.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

from orchestrator.objects.endpoint_slice import SERVICE_NAME, EndpointSlice
from orchestrator.objects.pod import Pod
from orchestrator.objects.service import Endpoints, Service, is_externally_accessible
from orchestrator.services import nft
from orchestrator.services.dns_zone import Served
from orchestrator.services.hosts import Name
from orchestrator.services.view import NOTHING, Part, Written, part, pod_matters
from orchestrator.state.store import Key

Made = tuple[Endpoints | EndpointSlice, ...]
Label = tuple[str, str, str]
"""Namespace, name and value of a label."""


class Ledger:
    """Services and Pods as they were told, and a `Part` for each Service as of the last `refresh`."""

    def __init__(self, given: Callable[[Key], Endpoints | None], *, by_name: bool) -> None:
        """`given` finds the hand-written Endpoints of a Service; `by_name` is of `view.part`."""
        self._given = given
        self.by_name = by_name
        self.services: dict[Key, Service] = {}
        self._outward: dict[Key, Service] = {}
        self._served: Counter[str] = Counter()
        self._pods: dict[Key, Pod] = {}
        self._slices: dict[Key, dict[Key, EndpointSlice]] = {}
        """Those that users wrote, by Service."""
        self._pods_in: Counter[str] = Counter()
        self._having: defaultdict[Label, set[Key]] = defaultdict(set)
        self._selecting: defaultdict[Label, set[Key]] = defaultdict(set)
        self._selected_by: dict[Key, Label] = {}
        self._parts: dict[Key, Part] = {}
        self._targets: dict[str, nft.Targets] = {}
        self._names: tuple[Name, ...] | None = ()
        self._stale: set[Key] = set()

    # --- what changed ---

    def put_service(self, key: Key, service: Service) -> None:
        """It is there, new or changed."""
        self._forget_selector(key)
        self.services[key] = service
        if is_externally_accessible(service.spec) or service.status.load_balancer.ingress:
            self._outward[key] = service
        else:
            self._outward.pop(key, None)
        labels = [(key.namespace, *label) for label in service.spec.selector.items()]
        if labels:
            # By the label that tells most: one that all Services select (part-of: shop) would find them all.
            label = min(labels, key=lambda label: len(self._selecting[label]))
            self._selecting[label].add(key)
            self._selected_by[key] = label
        self._stale.add(key)

    def drop_service(self, key: Key) -> None:
        """It is gone."""
        self._forget_selector(key)
        self.services.pop(key, None)
        self._outward.pop(key, None)
        self._stale.add(key)

    def put_pod(self, key: Key, pod: Pod) -> bool:
        """It is there, new or changed; whether that can matter here."""
        before = self._pods.get(key)
        if not pod_matters(before, pod):
            return False
        if before is not None:
            self.drop_pod(key)
        self._pods[key] = pod
        self._pods_in[key.namespace] += 1
        for label in _labels(key, pod):
            self._having[label].add(key)
        self._stale.update(self._concerned(key, pod))
        return True

    def drop_pod(self, key: Key) -> None:
        """It is gone."""
        pod = self._pods.pop(key, None)
        if pod is None:
            return
        self._pods_in[key.namespace] -= 1
        for label in _labels(key, pod):
            self._having[label].discard(key)
            if not self._having[label]:
                del self._having[label]
        self._stale.update(self._concerned(key, pod))

    def endpoints_changed(self, service: Key) -> None:
        """The Endpoints of this Service, by hand or by whomever, are not what they were."""
        self._stale.add(service)

    def put_slice(self, key: Key, found: EndpointSlice) -> None:
        """A hand-written slice is there, new or changed."""
        self.drop_slice(key)
        name = found.metadata.labels.get(SERVICE_NAME)
        if name:
            service = Key("Service", key.namespace, name)
            self._slices.setdefault(service, {})[key] = found
            self._stale.add(service)

    def drop_slice(self, key: Key) -> bool:
        """It is gone; whether it was there."""
        for service, found in self._slices.items():
            if found.pop(key, None) is not None:
                self._stale.add(service)
                return True
        return False

    def begin(
        self,
        services: Mapping[Key, Service],
        pods: Mapping[Key, Pod],
        written: Mapping[Key, EndpointSlice] = MappingProxyType({}),
    ) -> None:
        """Begin again: exactly these are there."""
        for key in [key for found in self._slices.values() for key in found if key not in written]:
            self.drop_slice(key)
        for key, each in written.items():
            self.put_slice(key, each)
        for key in self.services.keys() - services.keys():
            self.drop_service(key)
        for key in self._pods.keys() - pods.keys():
            self.drop_pod(key)
        for key, service in services.items():
            self.put_service(key, service)
        for key, pod in pods.items():
            self.put_pod(key, pod)

    # --- what it is now ---

    def refresh(self) -> dict[Key, Made]:
        """Work out what is not up to date; gives what to publish of those Services, changed or not."""
        fresh = {key: self._part(key) for key in sorted(self._stale)}
        # First all that goes: the address that one Service gives back may be another's already.
        for key in fresh:
            before = self._parts.pop(key, None)
            if before is not None and before.address:
                self._targets.pop(before.address, None)
                self._served[key.namespace] -= 1
            if (before.names if before else ()) != fresh[key].names:
                self._names = None
        for key, now in fresh.items():
            if key in self.services:
                self._parts[key] = now
                if now.address:
                    self._targets[now.address] = now.targets
                    self._served[key.namespace] += 1
        self._stale.clear()
        return {key: now.made for key, now in fresh.items()}

    @property
    def targets(self) -> dict[str, nft.Targets]:
        """Where each virtual address leads."""
        return dict(self._targets)

    @property
    def names(self) -> tuple[Name, ...]:
        """All names that lead somewhere."""
        if self._names is None:
            self._names = tuple(name for key in sorted(self._parts) for name in self._parts[key].names)
        return self._names

    @property
    def served(self) -> frozenset[str]:
        """The namespaces that have a Service with an address."""
        return frozenset(namespace for namespace, count in self._served.items() if count)

    @property
    def outward(self) -> list[Service]:
        """The Services that have ports of the host, or say so and have them no more."""
        return list(self._outward.values())

    @property
    def keep(self) -> frozenset[str]:
        """The namespaces that need their network."""
        return self.served | {namespace for namespace, count in self._pods_in.items() if count}

    @property
    def places(self) -> tuple[Served, ...]:
        """Each Service with what serves it."""
        there = ((key, part) for key, part in self._parts.items() if key in self.services)
        return tuple(Served(self.services[key], part.slices) for key, part in there)

    @property
    def pods(self) -> Collection[Pod]:
        """All pods."""
        return self._pods.values()

    # --- inner ---

    def _part(self, key: Key) -> Part:
        service = self.services.get(key)
        if service is None:
            return NOTHING
        written = Written(self._given(key), tuple(self._slices.get(key, {}).values()))
        return part(service, self._pods_of(key, service), written, by_name=self.by_name)

    def _pods_of(self, key: Key, service: Service) -> Iterator[Pod]:
        """Those that may be selected, by name: the ones with the label that fewest have."""
        labels = [(key.namespace, *label) for label in service.spec.selector.items()]
        fewest = min((self._having.get(label, set()) for label in labels), key=len, default=set())
        return (self._pods[pod] for pod in sorted(fewest))

    def _concerned(self, key: Key, pod: Pod) -> Iterable[Key]:
        return (service for label in _labels(key, pod) for service in self._selecting.get(label, ()))

    def _forget_selector(self, key: Key) -> None:
        label = self._selected_by.pop(key, None)
        if label is not None:
            self._selecting[label].discard(key)
            if not self._selecting[label]:
                del self._selecting[label]


def _labels(key: Key, pod: Pod) -> list[Label]:
    return [(key.namespace, *label) for label in pod.metadata.labels.items()]
