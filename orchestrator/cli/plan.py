"""`orchestrator plan`: what specs would do to what runs, and why, before they are in the folder."""

import click

from orchestrator.cli.client import client_of
from orchestrator.cli.documents import Document, to_json
from orchestrator.cli.table_text import Columns
from orchestrator.cli.validate import STDIN, load_paths, problem_lines, read_stdin


@click.command(short_help="Say what specs would do to what runs, and why.")
@click.argument("specs", nargs=-1, required=True, metavar="SPECS...")
@click.option("-o", "--output", type=click.Choice(("json",)), help="As one JSON document.")
@click.pass_context
def command(ctx: click.Context, specs: tuple[str, ...], output: str | None) -> int:
    """Say what would be done to what runs if the daemon's folder were SPECS (- is standard input), and change nothing.

    One line for each step: the object, what becomes of it, and why.  SPECS stand for the whole folder: what they do not
    have would be deleted.  The daemon answers by its own settings, its LimitRanges and what it runs.  Exit code 0
    whether or not there is something to do, 1 when SPECS have an error or the daemon would refuse a part of them.
    """
    from orchestrator.objects import registry

    load = load_paths(specs, read_stdin() if STDIN in specs else None, lenient=True)
    if load.errors:
        click.echo("\n".join(problem_lines(load, warnings=False)))
        return 1
    documents = [registry.encode(sourced.object) for sourced in load.objects]
    answer = client_of(ctx).post("/orchestrator/v1/plan", {"documents": documents})
    click.echo(to_json(answer) if output == "json" else plan_text(answer))
    return 1 if any(step["action"] == "refused" for step in answer["steps"]) else 0


def plan_text(answer: Document) -> str:
    """Give a line for each step, in columns, and the summary."""
    lines = Columns().lines([_row(step) for step in answer["steps"]])
    return "\n".join((*(line.rstrip() for line in lines), answer["summary"]))


def _row(step: Document) -> list[str]:
    whose = f"{step['namespace']}/{step['name']}" if step["namespace"] else step["name"]
    action = f"{step['action']} {step['container']}".strip()
    return [f"{step['kind']} {whose}", action, "; ".join((*step["causes"], *step["effects"]))]
