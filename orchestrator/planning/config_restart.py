"""What an edit of a ConfigMap or Secret does to a container that was made from it (behaviour case V02).

By default nothing, as in Kubernetes: files of a volume follow by themselves, an environment and a subPath stay what
they were, and a condition of the pod says so.  Where the pod's annotation asks for it, the container is replaced as for
an edit of its spec, alone:

    edit -> it settles -> could it start again? --yes--> BeginStop (config) -> ended -> the next attempt
                              `--no--> it goes on as it is, and an Event says why
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.objects.annotations import restart_kinds
from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.planning.container import sub_path_of
from orchestrator.planning.environment import environment
from orchestrator.planning.errors import ConfigError
from orchestrator.planning.made_from import ConfigChange, changes, config_label, sentence
from orchestrator.planning.observed import Consumed, Observed, SeenContainer
from orchestrator.planning.surroundings import Surroundings

SETTLES = 1.0
"""Seconds without another edit before a container is restarted: many edits are one, and one taken back is none."""


@dataclass(frozen=True, slots=True)
class ConfigRestart:
    """A container that is to be restarted for these changes, not before `due`, nor while there is an `obstacle`."""

    changes: tuple[ConfigChange, ...]
    due: float
    obstacle: str = ""
    """Why it could not start again, "" when it could."""


def consumed_now(pod: Pod, around: Surroundings, before: Mapping[str, Consumed], now: float) -> dict[str, Consumed]:
    """What each container that reads config would be made from now; the time is that of the last change."""
    found = {}
    for container in pod.spec.every_container:
        if label := config_label(pod, container, around):
            last = before.get(container.name)
            found[container.name] = last if last and last.label == label else Consumed(label, now)
    return found


def config_restart(
    pod: Pod, container: Container, seen: SeenContainer, observed: Observed, around: Surroundings, now: float
) -> ConfigRestart | None:
    """Whether the annotation asks for a restart of what was seen, alive or ended; None when it does not."""
    kinds = restart_kinds(pod.metadata.annotations)
    edits = _changes(pod, container, seen, observed, around) if kinds else ()
    found = tuple(edit for edit in edits if edit.of.kind in kinds)
    if not found:
        return None
    consumed = observed.consumed.get(container.name)
    due = (consumed.since if consumed else now) + SETTLES
    return ConfigRestart(found, due, _obstacle(pod, container, edits, around))


def out_of_date(
    pod: Pod, container: Container, seen: SeenContainer, observed: Observed, around: Surroundings, now: float
) -> str:
    """What a running container goes on with though it was edited, in a sentence; "" for nothing.

    What it will be restarted for in a moment is not told.
    """
    if not seen.alive:
        return ""
    restart = config_restart(pod, container, seen, observed, around, now)
    obstacle = restart.obstacle if restart else ""
    coming = restart.changes if restart and not obstacle else ()
    found = tuple(c for c in _changes(pod, container, seen, observed, around) if c.kept_in and c not in coming)
    if not found:
        return ""
    through = ", ".join(dict.fromkeys(way for change in found for way in change.kept_in))
    held = f"; it is not restarted: {obstacle}" if obstacle else ""
    return f"{container.name} was made before {sentence(found)} ({through}){held}"


def _changes(
    pod: Pod, container: Container, seen: SeenContainer, observed: Observed, around: Surroundings
) -> tuple[ConfigChange, ...]:
    consumed = observed.consumed.get(container.name)
    today = consumed.label if consumed else config_label(pod, container, around)
    return changes(pod, container, seen.config, today, around)


def _obstacle(pod: Pod, container: Container, edits: tuple[ConfigChange, ...], around: Surroundings) -> str:
    """The first reason why a new container could not be made: what it must have is gone, or is no text."""
    try:
        variables = environment(pod, container, around, "")
        for mount in container.volume_mounts:
            sub_path_of(mount, variables)
    except ConfigError as error:
        return str(error)
    return next((f"it needs {change.of}" for change in edits if change.missed), "")
