"""The labels and names of everything that the daemon makes in the engine.

A container's name tells all that its labels tell, so a second create of the same attempt is refused by the engine: no
crash of the daemon can make one container run twice.
"""

import re
from collections.abc import Mapping

from orchestrator.objects.annotations import PREFIX

INSTANCE = PREFIX + "instance"
"""Everything that the daemon makes in the engine bears this label; it touches nothing else."""
NAMESPACE = PREFIX + "namespace"
POD = PREFIX + "pod"
UID = PREFIX + "uid"
CONTAINER = PREFIX + "container"
ATTEMPT = PREFIX + "attempt"
HASH = PREFIX + "hash"
ROLE = PREFIX + "role"
CONFIG = PREFIX + "config"
"""What it was made from, where it reads ConfigMaps or Secrets: see `made_from`."""

_REFUSED = re.compile(r"[^A-Za-z0-9_.-]")

SANDBOX_NAME = "POD"
"""The sandbox's name where a container's name stands; no container can bear it, for it is not lower case."""


def prefix_of(instance: str) -> str:
    """What the names of an instance's containers and networks begin with."""
    return "orchestrator" if instance == "default" else f"orchestrator-{instance}"


def container_name(instance: str, namespace: str, pod: str, uid: str, container: str, attempt: int) -> str:
    """ "orchestrator_default_front_web_1a2b3c4d_0"; what the engine does not take in a name becomes a dash."""
    name = f"{prefix_of(instance)}_{namespace}_{pod}_{container}_{uid[:8]}_{attempt}"
    return _REFUSED.sub("-", name)


def container_labels(
    instance: str, namespace: str, pod: str, uid: str, container: str, attempt: int, digest: str, role: str
) -> dict[str, str]:
    """The labels of one container; `role` is "sandbox", "init" or "container"."""
    return {
        INSTANCE: instance,
        NAMESPACE: namespace,
        POD: pod,
        UID: uid,
        CONTAINER: container,
        ATTEMPT: str(attempt),
        HASH: digest,
        ROLE: role,
    }


def is_ours(name: str, labels: Mapping[str, str]) -> bool:
    """Whether a container's name agrees with its labels: an image made from one of ours hands its labels on."""
    try:
        attempt = int(labels[ATTEMPT])
        instance, namespace, pod, uid, container = (labels[key] for key in (INSTANCE, NAMESPACE, POD, UID, CONTAINER))
        return name == container_name(instance, namespace, pod, uid, container, attempt)
    except (KeyError, ValueError):
        return False
