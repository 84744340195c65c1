"""What a rule is, what it finds, and what most of them need: the containers of a pod, and who of them offends."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.objects.problem import FieldPath
from orchestrator.objects.security import PodSecurityContext, SecurityContext


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: in words, the first place of it, and the values that are forbidden (for singular or plural)."""

    detail: str
    path: FieldPath
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: its id in Kubernetes, its level, its name in messages, and the check.

    `instead_of` is the id of a weaker rule that has nothing more to say where this one holds.
    """

    id: str
    level: Literal["baseline", "restricted"]
    reason: str
    check: Callable[[Pod], Fault | None]
    reason_of_many: str = ""
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a pod breaks; `path` is the first field that does."""

    rule: str
    level: Literal["baseline", "restricted"]
    reason: str
    detail: str
    path: FieldPath

    @property
    def text(self) -> str:
        """The rule and what breaks it, as in the API server's message."""
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


Setter = tuple[str, FieldPath]
"""Who sets something, "" for the pod itself or a container's name, and where."""


def containers(pod: Pod) -> Iterator[tuple[Container, FieldPath]]:
    """Every container with its place; init containers first."""
    for field, every in (("initContainers", pod.spec.init_containers), ("containers", pod.spec.containers)):
        for index, container in enumerate(every):
            yield container, ("spec", field, index)


def contexts(pod: Pod) -> Iterator[tuple[SecurityContext | PodSecurityContext, Setter]]:
    """The security contexts of the pod and of those containers that have one."""
    yield pod.spec.security_context, ("", ("spec", "securityContext"))
    for container, path in containers(pod):
        if container.security_context is not None:
            yield container.security_context, (container.name, (*path, "securityContext"))


def quoted(names: Iterable[str]) -> str:
    """The names in quotes, with commas."""
    return ", ".join(f'"{name}"' for name in names)


def counted(one: str, many: str, names: Iterable[str]) -> str:
    """A word for one or many, and the names: 'containers "a", "b"'."""
    listed = list(names)
    return f"{one if len(listed) == 1 else many} {quoted(listed)}"


def of_containers(names: Iterable[str]) -> str:
    """The containers in words."""
    return counted("container", "containers", names)


def setters(found: Iterable[Setter]) -> str:
    """Who sets it: 'pod and containers "a", "b"'."""
    names = [name for name, _ in found]
    parts = ["pod"] if "" in names else []
    own = [name for name in names if name]
    return " and ".join((*parts, of_containers(own)) if own else parts)


def each(values: Iterable[str]) -> tuple[str, ...]:
    """Values once each, sorted."""
    return tuple(sorted(set(values)))
