"""What is said of the node ports that a Service names, at their places, by the range that its daemon has."""

from collections.abc import Iterator

from orchestrator.objects.node_ports import NODE_PORTS, out_of_range
from orchestrator.objects.problem import FieldPath, Problem, tolerated
from orchestrator.objects.service import Service
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


def _problem(path: FieldPath, number: int, ports: range) -> Problem | None:
    if number not in ports:
        return out_of_range(path, number, ports)
    return None if number in NODE_PORTS else tolerated(out_of_range(path, number))
