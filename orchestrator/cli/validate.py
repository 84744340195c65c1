"""`orchestrator validate`: what is wrong with files, without a daemon and without touching anything."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from orchestrator.cli.documents import to_json
from orchestrator.cli.spec_options import node_port_range, policy, unsafe_sysctls
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from orchestrator.objects.security_levels import Level
    from orchestrator.sources.located import Load

STDIN = "-"
STDIN_NAME = "<stdin>"


@click.command(short_help="Check files and folders; say every error with its place.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-o", "--output", type=click.Choice(("json",)), help="As one JSON document, for editors and CI.")
@policy
@unsafe_sysctls
@node_port_range
@click.option("-q", "--quiet", is_flag=True, help="Errors only: no warnings, no summary.")
def command(
    paths: tuple[str, ...],
    output: str | None,
    policy: "Level | None",
    allowed_unsafe_sysctls: str | None,
    node_port_range: str | None,
    quiet: bool,
) -> int:
    """Check files and folders (- is standard input); say every error as file:line:column: path: what is wrong.

    A pod that the Pod Security Standards forbid, by --policy or by a label of its namespace, is an error too, and so
    are sysctls and node ports that a daemon with these flags would refuse.  What has no effect on one host is a
    warning, told once, with the count of further places.  With -o json, each problem has file, line, column, severity,
    path, message, proposal and more (that count).

    Exit codes: 0 all is valid, warnings or not; 1 there is an error; 2 wrong use.
    """
    from orchestrator.objects.node_ports import parse_range
    from orchestrator.planning.sysctls import allowed_of
    from orchestrator.sources.rules import Rules, with_rules

    allowed = Settings.allowed_unsafe_sysctls if allowed_unsafe_sysctls is None else allowed_unsafe_sysctls
    node_ports = parse_range(node_port_range or Settings.node_port_range)
    rules = Rules(policy or Settings.policy, allowed_of(allowed), node_ports)
    load = with_rules(load_paths(paths, read_stdin() if STDIN in paths else None), rules)
    if output == "json":
        objects = [
            {"kind": k, "namespace": ns, "name": n, "place": s.place} for s in load.objects for k, ns, n in [s.key]
        ]
        problems = [problem.as_json() for problem in load.problems if not quiet or problem.severity == "error"]
        click.echo(to_json({"valid": not load.errors, "objects": objects, "problems": problems}))
        return 1 if load.errors else 0
    for line in problem_lines(load, warnings=not quiet):
        click.echo(line)
    if not quiet:
        counts = (len(load.objects), "object"), (len(load.errors), "error"), (len(load.warnings), "warning")
        click.echo(", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts), err=True)
    return 1 if load.errors else 0


def read_stdin() -> bytes:
    """Read standard input, no further than it takes to see that it is too much."""
    from orchestrator.sources.yaml_parse import MAX_BYTES

    return sys.stdin.buffer.read(MAX_BYTES + 1)


def load_paths(paths: Sequence[str], stdin: bytes | None, *, lenient: bool = False) -> "Load":
    """Load files and folders, and what standard input held where it is one of them."""
    from orchestrator.sources import files
    from orchestrator.sources.yaml_loader import Loader, decode_file, merge

    scan = files.scan([path for path in paths if path != STDIN])
    loads = Loader(lenient=lenient).refresh(scan)
    if stdin is not None:
        loads[STDIN_NAME] = decode_file(stdin, STDIN_NAME, lenient=lenient)
    return merge(loads, scan)


def problem_lines(load: "Load", *, warnings: bool) -> list[str]:
    """Give a line for each problem: "file:line:column: path: what is wrong"."""
    return [problem.text for problem in load.problems if warnings or problem.severity == "error"]
