"""`orchestrator get`: lists and objects, as kubectl prints them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import click

from orchestrator.cli import options
from orchestrator.cli.client import Client, client_of, server_error
from orchestrator.cli.documents import Document, as_list, bare_name, to_json, to_yaml
from orchestrator.cli.problems import warn_of_problems
from orchestrator.cli.resources import Wanted, discover, parse
from orchestrator.cli.table_text import Columns, TableOptions, table_rows
from orchestrator.errors import OrchestratorError

OUTPUTS = ("wide", "yaml", "json", "name")


@dataclass(frozen=True, slots=True)
class Ask:
    """What the command line asks for; `namespace` None is all namespaces."""

    namespace: str | None
    query: dict[str, str]
    output: str
    table: TableOptions


@click.command(short_help="List objects, or print some of them.")
@click.argument("resource", nargs=-1, required=True, metavar="RESOURCE[,RESOURCE|/NAME] [NAME]...")
@options.namespace
@options.all_namespaces
@options.selector
@options.field_selector
@click.option("-o", "--output", type=click.Choice(OUTPUTS), help="Another form than the short table.")
@click.option("-w", "--watch", is_flag=True, help="Go on and print every change.")
@click.option("--show-labels", is_flag=True, help="Add a column of labels.")
@click.option("--no-headers", is_flag=True, help="Print no header.")
@click.option("--show-secrets", is_flag=True, help="Print the values of Secrets (root and the daemon's user only).")
@click.pass_context
def command(
    ctx: click.Context,
    resource: tuple[str, ...],
    namespace: str,
    all_namespaces: bool,
    selector: str,
    field_selector: str,
    output: str | None,
    watch: bool,
    show_labels: bool,
    no_headers: bool,
    show_secrets: bool,
) -> None:
    """List objects, or print some of them.

    Resources: pods (po), services (svc), endpoints (ep), endpointslices, configmaps (cm), secrets,
    persistentvolumeclaims (pvc), persistentvolumes (pv), networkpolicies (netpol), runtimeclasses,
    storageclasses (sc), limitranges (limits), namespaces (ns), nodes (no), events (ev), all.
    """
    client = client_of(ctx)
    wanted = parse(discover(client), resource)
    query = {"labelSelector": selector, "fieldSelector": field_selector, "showSecrets": "true" if show_secrets else ""}
    shape = TableOptions(output == "wide", all_namespaces, show_labels, not no_headers)
    ask = Ask(None if all_namespaces else namespace, {k: v for k, v in query.items() if v}, output or "", shape)
    if all_namespaces and any(want.names for want in wanted):
        raise click.UsageError("a resource cannot be retrieved by name across all namespaces")
    if watch:
        _watch(client, _only(wanted), ask)
    elif ask.output in ("", "wide"):
        _print_tables(client, wanted, ask)
        warn_of_problems(client)
    else:
        _print_documents(client, wanted, ask)
        if ask.output in ("yaml", "json") and not show_secrets and any(w.resource.kind == "Secret" for w in wanted):
            click.echo("the values of Secrets are hidden; --show-secrets prints them", err=True)


def _print_tables(client: Client, wanted: list[Wanted], ask: Ask) -> None:
    printed = False
    several = len({want.resource.kind for want in wanted}) > 1
    for want in wanted:
        options_ = replace(
            ask.table,
            namespaces=ask.table.namespaces and want.resource.namespaced,
            prefix=f"{want.resource.singular}/" if several else "",
        )
        header: list[str] = []
        rows: list[list[str]] = []
        for document in _answers(client, want, ask, table=True):
            header, more = table_rows(document, options_)
            rows += more
        if not rows:
            continue
        if printed:
            click.echo()
        printed = True
        click.echo("\n".join(Columns().lines([header, *rows] if options_.headers else rows)))
    if not printed:
        click.echo(_nothing(wanted, ask), err=True)


def _print_documents(client: Client, wanted: list[Wanted], ask: Ask) -> None:
    documents: list[Document] = []
    for want in wanted:
        for answer in _answers(client, want, ask, table=False):
            documents += [answer] if want.names else answer["items"]
    if ask.output == "name":
        click.echo("".join(f"{bare_name(document)}\n" for document in documents), nl=False)
        return
    one = len(documents) == 1 and all(want.names for want in wanted)
    whole = documents[0] if one else as_list(documents)
    click.echo(to_yaml(whole) if ask.output == "yaml" else to_json(whole))


def _answers(client: Client, want: Wanted, ask: Ask, *, table: bool) -> Iterator[Document]:
    if want.names:
        for name in want.names:
            yield client.get(want.resource.path(ask.namespace, name), ask.query, table=table)
    else:
        yield client.get(want.resource.path(ask.namespace), ask.query, table=table)


def _watch(client: Client, want: Wanted, ask: Ask) -> None:
    """The list as it is, then one line or document a change, for ever."""
    path = want.resource.path(ask.namespace)
    query = dict(ask.query)
    if want.names:
        client.get(want.resource.path(ask.namespace, want.names[0]))
        fields = (query.get("fieldSelector"), f"metadata.name={want.names[0]}")
        query["fieldSelector"] = ",".join(filter(None, fields))
    table = ask.output in ("", "wide")
    shape = replace(ask.table, namespaces=ask.table.namespaces and want.resource.namespaced)
    columns = Columns()
    for number, document in enumerate(_changes(client, path, query, table=table)):
        if table:
            header, rows = table_rows(document, shape)
            lines = columns.lines([header, *rows] if shape.headers and number == 0 else rows)
        elif ask.output == "name":
            lines = [bare_name(document)]
        else:
            lines = ["---\n" + to_yaml(document) if ask.output == "yaml" else to_json(document)]
        for line in lines:
            click.echo(line)


def _changes(client: Client, path: str, query: dict[str, str], *, table: bool) -> Iterator[Document]:
    listed = client.get(path, query, table=table)
    if table:
        yield listed
    else:
        yield from listed["items"]
    version = listed["metadata"]["resourceVersion"]
    for event in client.watch(path, {**query, "resourceVersion": version}, table=table):
        if event["type"] == "ERROR":
            raise server_error(event["object"]["code"], to_json(event["object"]).encode())
        yield event["object"]
    raise OrchestratorError("the daemon has closed the watch")


def _only(wanted: list[Wanted]) -> Wanted:
    if len(wanted) != 1 or len(wanted[0].names) > 1:
        raise click.UsageError("-w watches one resource, or one object of it")
    return wanted[0]


def _nothing(wanted: list[Wanted], ask: Ask) -> str:
    if ask.namespace is None or not any(want.resource.namespaced for want in wanted):
        return "No resources found"
    return f"No resources found in {ask.namespace} namespace."
