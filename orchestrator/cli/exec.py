"""`orchestrator exec`: a command in a container, with this terminal's streams; its exit code is the command's own."""

import sys
from urllib.parse import quote, urlencode

import click

from orchestrator.cli import options
from orchestrator.cli.client import client_of, connect


class _AfterDashes(click.Command):
    """Takes COMMAND after `--` only: without it, `exec web sh -c ...` would read the command's -c as its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse a line without `--`, as kubectl does; but for one that asks for help, or names no command."""
        words = [word for word in args if not word.startswith("-")]
        if "--" not in args and len(words) > 1 and not set(args) & set(ctx.help_option_names):
            raise click.UsageError("put -- before the command: orchestrator exec POD -- COMMAND...", ctx)
        return super().parse_args(ctx, args)


@click.command(cls=_AfterDashes, short_help="Run a command in a container.")
@click.argument("pod")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, required=True, metavar="-- COMMAND...")
@options.namespace
@options.container
@click.option("-i", "--stdin", is_flag=True, help="Pass standard input on.")
@click.option("-t", "--tty", is_flag=True, help="Give the command a terminal.")
@click.pass_context
def command(
    ctx: click.Context, pod: str, words: tuple[str, ...], namespace: str, container: str, stdin: bool, tty: bool
) -> int:
    """Run COMMAND in a container of POD: `orchestrator exec -it web -- sh`."""
    name = options.pod_name(pod)
    terminal = tty and sys.stdin.isatty()
    if tty and not terminal:
        click.echo("standard input is no terminal; the command gets none", err=True)
    query: dict[str, str | list[str]] = {"command": list(words), "stdout": "true"}
    query |= {"container": container} if container else {}
    query |= {"stdin": "true"} if stdin else {}
    query |= {"tty": "true"} if terminal else {"stderr": "true"}
    path = quote(f"/api/v1/namespaces/{namespace}/pods/{name}/exec")
    sock = connect(client_of(ctx).path)
    # The WebSocket library costs as much time to import as a whole `get`; nobody else needs it.
    from orchestrator.cli.exec_session import run_session

    return run_session(sock, f"{path}?{urlencode(query, doseq=True)}", stdin=stdin, terminal=terminal)
