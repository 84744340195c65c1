"""What a DELETE may say: Kubernetes' `DeleteOptions`, as the body or in the query.

Follows https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/; what has no meaning here
(propagation, orphans) is read over.
"""

from typing import Any

import msgspec
from aiohttp import web

from orchestrator.errors import Conflict, Invalid
from orchestrator.objects.meta import kubernetes_name


class Preconditions(msgspec.Struct, frozen=True, kw_only=True, rename=kubernetes_name):
    """What must be true of the object, or nothing is done."""

    uid: str | None = None
    resource_version: str | None = None

    def check(self, resource: str, obj: Any) -> None:
        """Conflict, in the API server's words, when it is another object than the one that is meant."""
        meta = obj.metadata
        if self.uid not in (None, meta.uid):
            what, asked, found, hint = "UID", self.uid, meta.uid, "deleted and then recreated"
        elif self.resource_version not in (None, meta.resource_version):
            what, asked, found, hint = "ResourceVersion", self.resource_version, meta.resource_version, "modified"
        else:
            return
        raise Conflict(
            f'Operation cannot be fulfilled on {resource} "{meta.name}": the {what} in the precondition ({asked}) does '
            f"not match the {what} in record ({found}). The object might have been {hint}"
        )


class DeleteOptions(msgspec.Struct, frozen=True, kw_only=True, rename=kubernetes_name):
    """`grace_period_seconds` None is what the object's own spec says; 0 is now."""

    grace_period_seconds: int | None = None
    preconditions: Preconditions | None = None
    dry_run: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.dry_run not in ((), ("All",)):
            raise ValueError('dryRun must be "All"')


async def options_of(request: web.Request) -> DeleteOptions:
    """Read them from the body, or where there is none from the query; Invalid when they are none."""
    body, query = await request.read(), request.query
    given = {name: query[name] for name in ("gracePeriodSeconds",) if name in query}
    try:
        if body:
            return msgspec.json.decode(body, type=DeleteOptions)
        dry_run = query.getall("dryRun", [])
        return msgspec.convert({**given, "dryRun": dry_run}, DeleteOptions, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"cannot read the DeleteOptions: {error}") from error
