"""`orchestrator top`: what pods and the node use now, in kubectl's columns."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import click

from orchestrator.cli import options
from orchestrator.cli.client import client_of
from orchestrator.cli.table_text import Columns
from orchestrator.objects.scalars import parse_quantity

_ROOT = "/apis/metrics.k8s.io/v1beta1"
_FORMS = {"pod": "pods", "po": "pods", "nodes": "node", "no": "node"}
Document = dict[str, Any]
Amounts = tuple[Fraction, Fraction]
"""Of CPU in cores, and of memory in bytes."""
Row = tuple[Amounts, tuple[str, ...]]


class _Resources(click.Group):
    """Its verbs are resources, in all the forms that kubectl knows."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find "pod", "po" and "pods" alike."""
        return super().get_command(ctx, _FORMS.get(cmd_name, cmd_name))


@click.group(cls=_Resources, short_help="Show what pods and the node use now.")
def command() -> None:
    """Show what pods and the node use now: CPU over the last second or more, and memory."""


_sort_by = click.option("--sort-by", type=click.Choice(("cpu", "memory")), help="The largest first.")
_no_headers = click.option("--no-headers", is_flag=True, help="Print no header.")


@command.command("pods", short_help="What pods use.")
@click.argument("name", default="")
@options.namespace
@options.all_namespaces
@options.selector
@click.option("--containers", is_flag=True, help="A row for each container.")
@_sort_by
@_no_headers
@click.pass_context
def pods(
    ctx: click.Context,
    name: str,
    namespace: str,
    all_namespaces: bool,
    selector: str,
    containers: bool,
    sort_by: str | None,
    no_headers: bool,
) -> None:
    """Show what pods use, all of a namespace or one."""
    if name and (all_namespaces or selector):
        raise click.UsageError("a pod's name goes with neither -A nor -l")
    path = f"{_ROOT}/pods" if all_namespaces else f"{_ROOT}/namespaces/{namespace}/pods"
    client = client_of(ctx)
    if name:
        items = [client.get(f"{path}/{options.pod_name(name)}")]
    else:
        items = client.get(path, {"labelSelector": selector} if selector else {})["items"]
    if not items:
        click.echo(
            "No resources found" if all_namespaces else f"No resources found in {namespace} namespace.", err=True
        )
        return
    rows = [row for item in items for row in _pod_rows(item, containers=containers, namespaces=all_namespaces)]
    header = (*(["NAMESPACE"] if all_namespaces else []), *(["POD"] if containers else []), "NAME", "CPU(cores)")
    _print((*header, "MEMORY(bytes)"), _sorted(rows, sort_by), no_headers)


@command.command("node", short_help="What the node uses.")
@_sort_by
@_no_headers
@click.pass_context
def node(ctx: click.Context, sort_by: str | None, no_headers: bool) -> None:
    """Show what the node uses, and how much that is of what pods may have."""
    client = client_of(ctx)
    whole = {each["metadata"]["name"]: each["status"]["allocatable"] for each in client.get("/api/v1/nodes")["items"]}
    rows: list[Row] = []
    for item in client.get(f"{_ROOT}/nodes")["items"]:
        name = item["metadata"]["name"]
        amounts = _amounts([item["usage"]])
        of = _amounts([whole[name]])
        cpu, memory = (f"{round(100 * used / all_)}%" if all_ else "-" for used, all_ in zip(amounts, of, strict=True))
        rows.append((amounts, (name, _cores(amounts), cpu, _mebibytes(amounts), memory)))
    _print(("NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"), _sorted(rows, sort_by), no_headers)


def _pod_rows(item: Document, *, containers: bool, namespaces: bool) -> Iterable[Row]:
    meta = item["metadata"]
    first = (meta["namespace"],) if namespaces else ()
    if not containers:
        amounts = _amounts(each["usage"] for each in item["containers"])
        yield amounts, (*first, meta["name"], _cores(amounts), _mebibytes(amounts))
        return
    for each in item["containers"]:
        amounts = _amounts([each["usage"]])
        yield amounts, (*first, meta["name"], each["name"], _cores(amounts), _mebibytes(amounts))


def _amounts(usages: Iterable[Document]) -> Amounts:
    cpu, memory = Fraction(0), Fraction(0)
    for usage in usages:
        cpu, memory = cpu + parse_quantity(usage["cpu"]), memory + parse_quantity(usage["memory"])
    return cpu, memory


def _sorted(rows: list[Row], by: str | None) -> list[Row]:
    which = 1 if by == "memory" else 0
    return sorted(rows, key=lambda row: -row[0][which]) if by else rows


def _cores(amounts: Amounts) -> str:
    return f"{round(amounts[0] * 1000)}m"


def _mebibytes(amounts: Amounts) -> str:
    return f"{amounts[1] // (1 << 20)}Mi"


def _print(header: tuple[str, ...], rows: list[Row], no_headers: bool) -> None:
    cells = [row for _, row in rows]
    click.echo("\n".join(Columns().lines(cells if no_headers else [header, *cells])))
