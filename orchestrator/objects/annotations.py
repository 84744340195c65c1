"""The annotations and the conditions that mean something to us; all other annotations are the user's."""

from collections.abc import Mapping

PREFIX = "orchestrator.dev/"

RESTART_ON_CHANGE = PREFIX + "restart-on-change"
"""On a pod: whose edits restart the containers that read them, as words with commas between."""

RESTARTS: Mapping[str, str] = {"config": "ConfigMap", "secrets": "Secret"}
"""The words of RESTART_ON_CHANGE, and the kinds that they stand for."""

PLATFORM = PREFIX + "platform"
"""On a pod: the platform of its images where it is not the host's own, as "linux/arm64"."""

CONFIG_CURRENT = PREFIX + "ConfigCurrent"
"""A pod's condition, False while something runs that an edit of its config did not reach; before the first, none."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""What kubectl leaves on all that it applied: the whole document, a Secret's values and all."""


def restart_words(value: str) -> list[str]:
    """Give the words of RESTART_ON_CHANGE as they stand."""
    return [word.strip() for word in value.split(",")]


def restart_kinds(annotations: Mapping[str, str]) -> frozenset[str]:
    """Give the kinds whose edits restart a pod's containers; by default none, as in Kubernetes."""
    words = restart_words(annotations.get(RESTART_ON_CHANGE, ""))
    return frozenset(kind for word, kind in RESTARTS.items() if word in words)
