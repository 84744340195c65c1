"""`orchestrator events`: what happened, the oldest first."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import click

from orchestrator.api.ages import age
from orchestrator.cli import options
from orchestrator.cli.client import Client, client_of
from orchestrator.cli.documents import Document, as_list, to_json, to_yaml
from orchestrator.cli.event_text import first_seen, last_seen, since_text, sort_events
from orchestrator.cli.resources import discover, parse
from orchestrator.cli.table_text import Columns

HEADER = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")
CLASSIC = ("FIRSTSEEN", "LASTSEEN", "COUNT", "FROM", "SUBOBJECTPATH", "TYPE", "REASON", "MESSAGE")
"""The columns of `describe` as it once was, which tell all that an Event has; `--wide` prints them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Which columns the table has; with several objects each row says whose it is."""

    wide: bool
    namespaces: bool
    one_object: bool


@click.command(short_help="Print what happened to which object, and why.")
@options.namespace
@options.all_namespaces
@click.option("--for", "about", default="", metavar="RESOURCE/NAME", help="Only what happened to this object.")
@click.option("--types", default="", help="Only these types (Normal, Warning).")
@click.option("-w", "--watch", is_flag=True, help="Go on with what happens.")
@click.option(
    "--wide", is_flag=True, help="The classic columns: first and last seen, count, from whom, which part of the object."
)
@click.option("--no-headers", is_flag=True, help="Print no header.")
@click.option("-o", "--output", type=click.Choice(("wide", "yaml", "json")), help="Another form than the table.")
@click.pass_context
def command(
    ctx: click.Context,
    namespace: str,
    all_namespaces: bool,
    about: str,
    types: str,
    watch: bool,
    wide: bool,
    no_headers: bool,
    output: str | None,
) -> None:
    """Print Events: what happened to which object, and why."""
    client = client_of(ctx)
    path = "/api/v1/events" if all_namespaces else f"/api/v1/namespaces/{namespace}/events"
    query = {"fieldSelector": about_selector(client, about)} if about else {}
    chosen = {word.strip().capitalize() for word in types.split(",") if word.strip()}
    if not chosen <= {"Normal", "Warning"}:
        raise click.UsageError("--types knows Normal and Warning")
    listed = client.get(path, query)
    events = sort_events(event for event in listed["items"] if not chosen or event.get("type") in chosen)
    if output in ("yaml", "json"):
        click.echo(to_yaml(as_list(events)) if output == "yaml" else to_json(as_list(events)))
        return
    columns, shape = Columns(), Shape(wide or output == "wide", all_namespaces, one_object=bool(about))
    if events or watch:
        header = [] if no_headers else [event_header(shape)]
        click.echo("".join(f"{line}\n" for line in columns.lines([*header, *_rows(events, shape)])), nl=False)
    else:
        click.echo("No events found" + ("" if all_namespaces else f" in {namespace} namespace."), err=True)
    if watch:
        for change in client.watch(path, {**query, "resourceVersion": listed["metadata"]["resourceVersion"]}):
            event = change["object"]
            if change["type"] in ("ADDED", "MODIFIED") and (not chosen or event.get("type") in chosen):
                click.echo(columns.lines(_rows([event], shape))[0])


def about_selector(client: Client, about: str) -> str:
    """Give the field selector of RESOURCE/NAME."""
    want = parse(discover(client), (about,))
    if len(want) != 1 or len(want[0].names) != 1:
        raise click.UsageError("--for wants RESOURCE/NAME")
    return f"involvedObject.kind={want[0].resource.kind},involvedObject.name={want[0].names[0]}"


def event_header(shape: Shape) -> list[str]:
    """Give the header of the table."""
    header = list(HEADER)
    if shape.wide:
        header = [*CLASSIC] if shape.one_object else ["OBJECT", *CLASSIC]
    return ["NAMESPACE", *header] if shape.namespaces else header


def _rows(events: Iterable[Document], shape: Shape) -> list[list[str]]:
    now = time.time()
    return [event_row(event, now, shape) for event in events]


def event_row(event: Document, now: float, shape: Shape) -> list[str]:
    """Give one Event's cells; `now` is in Unix seconds."""
    about = event["involvedObject"]
    whose, what = f"{about['kind']}/{about['name']}", [event.get("type", ""), event.get("reason", "")]
    message = " ".join(event.get("message", "").split("\n"))
    if shape.wide:
        source = event.get("source", {})
        seen = [age(first_seen(event), now), age(last_seen(event), now), str(event.get("count", 1))]
        said_by = ", ".join(filter(None, (source.get("component"), source.get("host"))))
        row = [*([] if shape.one_object else [whose]), *seen, said_by, about.get("fieldPath", ""), *what, message]
    else:
        row = [since_text(event, now), *what, whose, message]
    return [event["metadata"].get("namespace", ""), *row] if shape.namespaces else row
