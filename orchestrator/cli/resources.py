"""Words for resources ("po", "svc/web", "pods,services", "all") to what the daemon serves, by its own discovery."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import click

from orchestrator.cli.client import Client


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind that the daemon serves."""

    plural: str
    singular: str
    kind: str
    namespaced: bool
    short_names: tuple[str, ...]
    categories: tuple[str, ...]
    root: str = "/api/v1"

    def path(self, namespace: str | None, name: str = "") -> str:
        """Give the URL of one object or of a list; `namespace` None is all namespaces."""
        room = f"/namespaces/{namespace}" if self.namespaced and namespace is not None else ""
        return f"{self.root}{room}/{self.plural}" + (f"/{name}" if name else "")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One resource of a command line, and its names; no names means all."""

    resource: Resource
    names: tuple[str, ...] = ()


def discover(client: Client) -> tuple[Resource, ...]:
    """Ask the daemon for its resources: the core ones first, then those of each group."""
    groups = client.get("/apis")["groups"]
    roots = ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]
    found: dict[str, Resource] = {}
    for root in roots:
        for row in client.get(root)["resources"]:
            if "/" not in row["name"]:
                # Of two groups with one name (what pods use now is of "pods" too) the first is meant.
                found.setdefault(row["name"], _resource(row, root))
    return tuple(found.values())


def _resource(row: dict[str, Any], root: str) -> Resource:
    return Resource(
        row["name"],
        row["singularName"],
        row["kind"],
        row["namespaced"],
        tuple(row.get("shortNames", ())),
        tuple(row.get("categories", ())),
        root,
    )


def parse(resources: Iterable[Resource], words: tuple[str, ...]) -> list[Wanted]:
    """Read `pods,svc`, `pod a b` or `pod/a svc/b`; wrong use for anything else."""
    known = tuple(resources)
    if not words:
        raise click.UsageError(f"name a resource: {', '.join(r.plural for r in known)} or all")
    if any("/" in word for word in words):
        return [_slashed(known, word) for word in words]
    first, names = words[0], words[1:]
    found = [resource for word in first.split(",") for resource in _lookup(known, word)]
    if names and len(found) > 1:
        raise click.UsageError("names go with one resource; write pod/a service/b for several")
    return [Wanted(resource, names) for resource in found]


def _slashed(known: tuple[Resource, ...], word: str) -> Wanted:
    kind, slash, name = word.partition("/")
    if not slash or not name or "/" in name:
        raise click.UsageError(f"expected RESOURCE/NAME, not {word!r}: do not mix both ways of naming")
    found = _lookup(known, kind)
    if len(found) > 1:
        raise click.UsageError(f"{kind!r} names several resources")
    return Wanted(found[0], (name,))


def _lookup(known: tuple[Resource, ...], word: str) -> list[Resource]:
    low = word.lower()
    found = [r for r in known if low in (r.plural, r.singular, *r.short_names)]
    found = found or [r for r in known if low in r.categories]
    if not found:
        served = ", ".join(r.plural for r in known)
        raise click.UsageError(f"no resource is called {word!r}; there are {served} and all")
    return found
