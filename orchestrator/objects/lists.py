"""`kind: List`, and the lists that a server gives of one kind (`PodList`): many documents in one."""

from typing import Any

from orchestrator.objects import foreign
from orchestrator.objects.meta import Part
from orchestrator.objects.misfit import SourceText, shortened
from orchestrator.objects.problem import Problem, error, unsupported
from orchestrator.objects.shape import Shaper


class ListMeta(Part, frozen=True, kw_only=True):
    """What a server says of a list."""

    continue_: str = ""
    remaining_item_count: int | None = None
    resource_version: str = ""
    self_link: str = ""


class List(Part, frozen=True, kw_only=True):
    """Many documents in one, of any kinds.

    Its own version and link are what kubectl once wrote beside `metadata`, always empty.
    """

    api_version: str
    kind: str
    metadata: ListMeta = ListMeta()
    resource_version: str = ""
    self_link: str = ""
    items: tuple[Any, ...]


def is_list(document: Any) -> bool:
    """Say whether a document is a list of others."""
    kind = document.get("kind") if isinstance(document, dict) else None
    return isinstance(kind, str) and (kind == "List" or (kind.endswith("List") and "items" in document))


def open_list(document: dict[str, Any], source_text: SourceText) -> tuple[list[Any], tuple[Problem, ...]]:
    """Give the documents of a list, and what is wrong with the list itself.

    A document of a `PodList` need not say that it is a Pod; here each does.
    """
    shaper = Shaper(source_text)
    items = (shaper.shape(document, List) or {}).get("items", [])
    problems = [problem for problem in shaper.problems if problem.path != ("kind",)]
    kind, version = document["kind"].removesuffix("List"), document.get("apiVersion")
    versions = foreign.versions(kind) if kind else ("v1",)
    if not versions:
        problems.append(error(("kind",), f'unknown kind "{shortened(document["kind"])}"'))
    elif isinstance(version, str) and version not in versions:
        problems.append(unsupported(("apiVersion",), shortened(version), versions))
    if not kind:
        return items, tuple(problems)
    for index, item in enumerate(items):
        if isinstance(item, dict) and item.get("kind", kind) != kind:
            problems.append(unsupported(("items", index, "kind"), shortened(str(item["kind"])), (kind,)))
    implied = {"apiVersion": version, "kind": kind}
    return [{**implied, **item} if isinstance(item, dict) else item for item in items], tuple(problems)
