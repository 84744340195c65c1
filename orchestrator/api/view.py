"""How a request wants its objects: plain or as a Table's rows, with or without the values of Secrets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from orchestrator.api.context import flag
from orchestrator.api.peer import require_owner
from orchestrator.api.redaction import redact
from orchestrator.api.tables import table
from orchestrator.objects import registry


@dataclass(frozen=True, slots=True)
class View:
    """What one request asked for.  `include` is what a Table's rows carry: None, Metadata or Object."""

    kind: str
    now: float
    as_table: bool = False
    include: str = "Metadata"
    reveal: bool = False

    def one(self, obj: Any) -> dict[str, Any]:
        """Give one object; as a Table it is the only row."""
        if self.as_table:
            return self._table([obj], int(obj.metadata.resource_version or 0))
        return self._document(obj)

    def many(self, objects: Sequence[Any], version: int) -> dict[str, Any]:
        """Give a List, or a Table."""
        if self.as_table:
            return self._table(objects, version)
        return {
            "kind": f"{self.kind}List",
            "apiVersion": registry.api_version(self.kind),
            "metadata": {"resourceVersion": str(version)},
            "items": [self._document(obj) for obj in objects],
        }

    def bookmark(self, version: int, *, end_of_initial: bool = False) -> dict[str, Any]:
        """Give the object of a BOOKMARK: nothing but a version, and whether it ends the initial events."""
        metadata: dict[str, Any] = {"resourceVersion": str(version), "creationTimestamp": None}
        if end_of_initial:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        bare = {"kind": self.kind, "apiVersion": registry.api_version(self.kind), "metadata": metadata}
        return table(self.kind, [], self.now, version) if self.as_table else bare

    def _table(self, objects: Sequence[Any], version: int) -> dict[str, Any]:
        return table(self.kind, [(obj, self._row(obj)) for obj in objects], self.now, version)

    def _row(self, obj: Any) -> dict[str, Any]:
        if self.include == "None":
            return {}
        document = self._document(obj)
        if self.include == "Object":
            return document
        partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        return {**partial, "metadata": document["metadata"]}

    def _document(self, obj: Any) -> dict[str, Any]:
        document = registry.encode(obj)
        return document if self.reveal else redact(document)


def view_of(request: web.Request, kind: str, now: float) -> View:
    """Read the view out of a request's headers and query; Forbidden when it may not see what it asks for."""
    reveal = flag(request, "showSecrets")
    if reveal:
        require_owner(request, "show the values of Secrets")
    return View(
        kind=kind,
        now=now,
        as_table=_wants_table(request.headers.get("Accept", "")),
        include=request.query.get("includeObject", "Metadata"),
        reveal=reveal,
    )


def _wants_table(accept: str) -> bool:
    wanted = {"application/json", "as=Table", "v=v1", "g=meta.k8s.io"}
    return any(wanted <= {word.strip() for word in choice.split(";")} for choice in accept.split(","))
