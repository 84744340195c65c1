"""`orchestrator delete`: ends pods in order, ends claims with their data, and waits until they are gone."""

import time
from dataclasses import dataclass

import click

from orchestrator.cli import options
from orchestrator.cli.client import Client, client_of
from orchestrator.cli.documents import Document
from orchestrator.cli.durations import seconds
from orchestrator.cli.main import error_text
from orchestrator.cli.resources import Resource, Wanted, discover, parse
from orchestrator.errors import NotFound, OrchestratorError

_LONG = 365 * 86400.0
"""Seconds of a wait without a limit."""


@dataclass(frozen=True, slots=True)
class Going:
    """An object that was deleted and may still be there."""

    resource: Resource
    name: str
    namespace: str
    uid: str


@click.command(short_help="End pods in order, or a claim with its data.")
@click.argument("resource", nargs=-1, required=True, metavar="pod NAME... | pod/NAME... | pvc NAME...")
@options.namespace
@options.selector
@click.option("--all", "every", is_flag=True, help="All of the namespace.")
@click.option(
    "--grace-period", "--grace", "grace", type=int, default=-1, metavar="SECONDS", help="Instead of the pod's own."
)
@click.option("--now", is_flag=True, help="The same as --grace-period=1.")
@click.option("--force", is_flag=True, help="Kill at once: no preStop hook is waited for, no stop signal sent.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Return when they are gone.")
@click.option("--timeout", type=seconds, default="0s", help="How long to wait (90s, 5m); 0s is without limit.")
@click.option("--ignore-not-found", is_flag=True, help="What is not there is no error.")
@click.pass_context
def command(
    ctx: click.Context,
    resource: tuple[str, ...],
    namespace: str,
    selector: str,
    every: bool,
    grace: int,
    now: bool,
    force: bool,
    wait: bool,
    timeout: float,
    ignore_not_found: bool,
) -> int:
    """End pods in order, and wait until they are gone.

    The spec folder stays the truth: a pod whose spec is in it is made anew, with another UID, as a controller's would
    be.  A pod that is ending already ends sooner when the grace period is shorter, and never later.

    A claim (pvc) goes with its data, for good, once its spec and the pods that mount it are gone.
    """
    seconds_given = grace_period(grace, now=now, force=force)
    client = client_of(ctx)
    wanted = parse(discover(client), resource)
    if every or selector:
        wanted = _listed(client, wanted, namespace, selector)
    elif not all(want.names for want in wanted):
        raise click.UsageError("resource(s) were provided, but no name was specified")
    going, failed = _delete_each(client, wanted, namespace, seconds_given, ignore_not_found)
    late = _wait_for(client, going, timeout) if wait else []
    for one in late:
        click.echo(f"error: timed out waiting for {one.resource.plural}/{one.name} to go", err=True)
    return 1 if failed or late else 0


def grace_period(grace: int, *, now: bool, force: bool) -> int | None:
    """Give the seconds that three options ask for, as kubectl reads them; None for the pod's own."""
    if now and grace >= 0:
        raise click.UsageError("--now and --grace-period cannot be specified together")
    if force and (now or grace > 0):
        raise click.UsageError("--force and --grace-period greater than 0 cannot be specified together")
    if force:
        return 0
    if now or grace == 0:
        # Only --force kills.
        return 1
    return grace if grace > 0 else None


def _listed(client: Client, wanted: list[Wanted], namespace: str, selector: str) -> list[Wanted]:
    """What is there of each resource."""
    if any(want.names for want in wanted):
        raise click.UsageError("name cannot be provided when a selector or --all is specified")
    query = {"labelSelector": selector} if selector else {}
    found = []
    for want in wanted:
        items = client.get(want.resource.path(namespace), query)["items"]
        found.append(Wanted(want.resource, tuple(item["metadata"]["name"] for item in items)))
    if not any(want.names for want in found):
        click.echo("No resources found", err=True)
    return found


def _delete_each(
    client: Client, wanted: list[Wanted], namespace: str, grace: int | None, ignore_not_found: bool
) -> tuple[list[Going], bool]:
    """Delete and tell each, whatever becomes of the others.  Gives what goes, and whether one failed."""
    going, failed = [], False
    for want in wanted:
        for name in want.names:
            try:
                going.append(_delete(client, want.resource, name, namespace, grace))
            except OrchestratorError as error:
                if not (ignore_not_found and isinstance(error, NotFound)):
                    click.echo(error_text(error), err=True)
                    failed = True
    return going, failed


def _delete(client: Client, resource: Resource, name: str, namespace: str, grace: int | None) -> Going:
    asked: Document = {} if grace is None else {"gracePeriodSeconds": grace}
    document, warnings = client.delete(resource.path(namespace, name), asked)
    how = "force deleted" if grace == 0 else "deleted"
    click.echo("; ".join((f'{resource.singular} "{name}" {how}', *warnings)))
    return Going(resource, name, namespace, document["metadata"]["uid"])


def _wait_for(client: Client, going: list[Going], timeout: float) -> list[Going]:
    """Wait until all are gone; gives those that are not after `timeout` seconds (0: no limit)."""
    deadline = time.monotonic() + (timeout or _LONG)
    return [one for one in going if not gone(client, one, deadline)]


def gone(client: Client, going: Going, deadline: float) -> bool:
    """Wait until the object is gone, whatever comes under its name; False when it is there at the deadline."""
    query = {"fieldSelector": f"metadata.name={going.name}", "sendInitialEvents": "true"}
    while (left := deadline - time.monotonic()) > 0:
        seen = False
        query["timeoutSeconds"] = str(max(int(left), 1))
        for event in client.watch(going.resource.path(going.namespace), query):
            if event["type"] == "ERROR":
                # This watch has fallen behind.
                break
            if event["type"] == "BOOKMARK":
                # All that is there was told.
                if not seen:
                    return True
            elif event["type"] == "DELETED" or event["object"]["metadata"]["uid"] != going.uid:
                return True
            seen = True
    return False
