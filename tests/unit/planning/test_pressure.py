"""R02: when the host runs short, which pod goes, and what is told of it."""

from fractions import Fraction

import pytest
from msgspec import structs

from orchestrator.planning.pressure import (
    DISK,
    MEMORY,
    Candidate,
    Level,
    Threshold,
    eviction,
    parse_thresholds,
    pressed,
)
from tests.unit.planning.builders import pod

MIB = 1 << 20
LEVEL, THRESHOLD = Level(1000 * MIB, 50 * MIB), Threshold(bytes=100 * MIB)


def candidate(name: str, resources: str = "{}", used: int = 0, priority: int = 0) -> Candidate:
    """A pod with one container "web" that uses so many MiB."""
    made = pod(f"priority: {priority}\ncontainers: [{{name: web, image: 'w:1', resources: {resources}}}]")
    made = structs.replace(made, metadata=structs.replace(made.metadata, name=name))
    return Candidate(made, {"web": used * MIB})


def chosen(*candidates: Candidate, signal: str = MEMORY) -> str:
    found = eviction(signal, LEVEL, THRESHOLD, candidates)
    return found.pod.metadata.name if found else ""


def test_R02_who_asked_for_nothing_goes_before_who_keeps_to_what_it_asked_for() -> None:
    best_effort = candidate("none", used=1)
    keeps = candidate("keeps", "{requests: {memory: 500Mi}}", 400)
    exact = candidate("exact", "{limits: {cpu: 1, memory: 500Mi}}", 500)
    above = candidate("above", "{requests: {memory: 10Mi}}", 60)
    assert chosen(keeps, best_effort, exact) == "none"
    assert chosen(keeps, best_effort, above, exact) == "above"
    assert chosen(keeps, candidate("none", used=51), above) == "none"
    assert chosen(keeps, exact) == "exact"
    assert chosen() == ""


def test_R02_the_less_important_goes_first() -> None:
    small = candidate("small", used=1, priority=-1)
    assert chosen(small, candidate("large", used=500)) == "small"
    keeps = candidate("keeps", "{requests: {memory: 2Mi}}", 1, priority=-1)
    assert chosen(keeps, candidate("large", used=500)) == "large"


def test_R02_the_words_are_the_kubelets() -> None:
    found = eviction(MEMORY, LEVEL, THRESHOLD, [candidate("a", "{requests: {memory: 10Mi}}", 64)])
    assert found is not None
    assert found.message == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
        "Container web was using 64Mi, request is 10Mi, has larger consumption of memory. "
    )
    found = eviction(DISK, Level(1000, 10), Threshold(share=Fraction(1, 10)), [candidate("a")])
    assert found is not None
    told = "The node was low on resource: ephemeral-storage. Threshold quantity: 100, available: 10. "
    assert found.message == told


@pytest.mark.parametrize(
    ("available", "disk", "signals"),
    [(100, 500, ()), (99, 500, (MEMORY,)), (100, 99, (DISK,)), (1, 1, (MEMORY, DISK))],
)
def test_R02_a_signal_below_its_threshold_is_pressure(available: int, disk: int, signals: tuple[str, ...]) -> None:
    levels = {MEMORY: Level(1000, available), DISK: Level(1000, disk)}
    thresholds = {DISK: Threshold(share=Fraction(1, 10)), MEMORY: Threshold(bytes=100)}
    assert pressed(levels, thresholds) == signals
    assert pressed(levels, {}) == ()
    assert pressed({}, thresholds) == ()


def test_R02_thresholds_are_written_as_for_the_kubelet() -> None:
    parsed = parse_thresholds("memory.available<100Mi,nodefs.available<10%")
    assert parsed == {MEMORY: Threshold(bytes=100 * MIB), DISK: Threshold(share=Fraction(1, 10))}
    assert parse_thresholds("none") == parse_thresholds("") == {}
    for bad in ("memory.available", "pid.available<10%", "memory.available<x", "nodefs.available<x%"):
        with pytest.raises(ValueError, match="write"):
            parse_thresholds(bad)
