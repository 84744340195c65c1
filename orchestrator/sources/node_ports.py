"""What is said of the node ports that a Service names, at their places, by the range that its daemon has."""

from collections.abc import Iterable, Iterator

from orchestrator.objects.node_ports import NODE_PORTS, already_allocated, out_of_range
from orchestrator.objects.problem import FieldPath, Problem, tolerated
from orchestrator.objects.service import Protocol, Service
from orchestrator.sources.located import Located, Sourced


def node_port_path(index: int) -> FieldPath:
    """Where the node port of a Service's port stands."""
    return ("spec", "ports", index, "nodePort")


def node_port_problems(sourced: Sourced, ports: range) -> Iterator[Located]:
    """Errors for what a daemon with `ports` refuses; warnings for what only a cluster with the usual ones would."""
    if not isinstance(sourced.object, Service):
        return
    for index, (line, column) in enumerate(sourced.node_ports):
        number = sourced.object.spec.ports[index].node_port
        if number and (problem := _problem(node_port_path(index), number, ports)):
            yield Located(problem, sourced.file, line, column)


def allocated_twice(objects: Iterable[Sourced], ports: range) -> Iterator[Located]:
    """Errors for node ports (of `ports`) that a Service earlier in a load names too: the later one cannot have them."""
    holders: dict[tuple[Protocol, int], Sourced] = {}
    for sourced in objects:
        named = sourced.object.spec.ports if isinstance(sourced.object, Service) else ()
        for index, (port, (line, column)) in enumerate(zip(named, sourced.node_ports, strict=False)):
            if port.node_port not in ports:
                continue
            holder = holders.setdefault((port.protocol, port.node_port), sourced)
            if holder is not sourced:
                held = already_allocated(node_port_path(index), port.node_port, f"{holder.title} at {holder.place}")
                yield Located(held, sourced.file, line, column)


def _problem(path: FieldPath, number: int, ports: range) -> Problem | None:
    if number not in ports:
        return out_of_range(path, number, ports)
    return None if number in NODE_PORTS else tolerated(out_of_range(path, number))
