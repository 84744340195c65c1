"""Options that several verbs share, each spelled as kubectl spells it."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

namespace = click.option(
    "-n", "--namespace", envvar="ORCHESTRATOR_NAMESPACE", default="default", show_default=True, help="The namespace."
)
all_namespaces = click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces.")
selector = click.option("-l", "--selector", default="", help="Only objects with these labels (a=b,c in (d, e),!f).")
field_selector = click.option("--field-selector", default="", help="Only objects with these fields (status.phase=...).")
container = click.option("-c", "--container", default="", help="The container (default: the pod's first).")


def pod_name(text: str) -> str:
    """Give a pod's name from NAME, pod/NAME or pods/NAME; wrong use for other resources."""
    kind, slash, name = text.rpartition("/")
    if slash and kind not in ("pod", "pods", "po"):
        raise click.UsageError(f"expected a pod, not {text!r}")
    if not name:
        raise click.UsageError("expected the name of a pod")
    return name
