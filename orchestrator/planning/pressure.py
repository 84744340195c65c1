"""When the host itself runs short: which signal says so, and which pod goes first.

Follows kubernetes/pkg/kubelet/eviction: hard thresholds; pods that use more than they asked for go first (who asked
for nothing always does), then the less important, then those that are furthest above what they asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from orchestrator.objects.pod import Pod
from orchestrator.objects.scalars import QUANTITY_RULE, parse_quantity
from orchestrator.planning.amounts import amount, amount_text

MEMORY, DISK = "memory.available", "nodefs.available"
RESOURCES = {MEMORY: "memory", DISK: "ephemeral-storage"}
CONDITIONS = {MEMORY: "MemoryPressure", DISK: "DiskPressure"}


@dataclass(frozen=True, slots=True)
class Threshold:
    """How much must be available: bytes, or a share of what there is."""

    bytes: int = 0
    share: Fraction = Fraction(0)

    def of(self, capacity: int) -> int:
        """In bytes, on a host that has so much."""
        return self.bytes or int(capacity * self.share)


@dataclass(frozen=True, slots=True)
class Level:
    """What there is of something, and how much of it is available, in bytes."""

    capacity: int
    available: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pod that runs, and what each of its containers uses of what is short, in bytes (volumes: under "")."""

    pod: Pod
    used: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Eviction:
    """The pod that goes, and why, in the kubelet's words."""

    pod: Pod
    message: str


Thresholds = Mapping[str, Threshold]


def parse_thresholds(text: str) -> dict[str, Threshold]:
    """Read "memory.available<100Mi,nodefs.available<10%"; "" and "none" are no thresholds.  ValueError for others."""
    found: dict[str, Threshold] = {}
    for part in filter(None, (word.strip() for word in ("" if text == "none" else text).split(","))):
        signal, _, quantity = part.partition("<")
        if signal not in RESOURCES:
            raise ValueError(f"{part!r}: write {MEMORY}< or {DISK}<, and how much")
        try:
            if quantity.endswith("%"):
                found[signal] = Threshold(share=Fraction(quantity[:-1]) / 100)
            else:
                found[signal] = Threshold(bytes=int(parse_quantity(quantity)))
        except ValueError as error:
            raise ValueError(f"{part!r}: write a share such as 10%, or an amount: {QUANTITY_RULE}") from error
    return found


def pressed(levels: Mapping[str, Level], thresholds: Thresholds) -> tuple[str, ...]:
    """The signals that are below their thresholds, memory first."""
    return tuple(
        signal
        for signal, threshold in sorted(thresholds.items())
        if signal in levels and levels[signal].available < threshold.of(levels[signal].capacity)
    )


def eviction(signal: str, level: Level, threshold: Threshold, candidates: Iterable[Candidate]) -> Eviction | None:
    """Choose the pod that goes; None where there is none."""
    ranked = sorted(candidates, key=lambda candidate: _rank(candidate, RESOURCES[signal]))
    if not ranked:
        return None
    first, resource = ranked[0], RESOURCES[signal]
    least, left = (amount_text(resource, value) for value in (threshold.of(level.capacity), level.available))
    message = f"The node was low on resource: {resource}. Threshold quantity: {least}, available: {left}. "
    for container in first.pod.spec.containers:
        used, request = first.used.get(container.name, 0), _request(container.resources.requests, resource)
        if used > request:
            told = (amount_text(resource, used), amount_text(resource, request))
            message += (
                f"Container {container.name} was using {told[0]}, request is {told[1]}, "
                f"has larger consumption of {resource}. "
            )
    return Eviction(first.pod, message)


def _rank(candidate: Candidate, resource: str) -> tuple[bool, int, int, str]:
    pod = candidate.pod
    request = sum(_request(container.resources.requests, resource) for container in pod.spec.containers)
    above = sum(candidate.used.values()) - request
    return above <= 0, pod.spec.priority or 0, -above, f"{pod.metadata.namespace}/{pod.metadata.name}"


def _request(requests: Mapping[str, str], resource: str) -> int:
    return amount(resource, requests[resource]) if resource in requests else 0
