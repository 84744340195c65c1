"""`orchestrator VERB ...`: finds the verb's file, and turns every error into one sentence and an exit code.

Exit codes: 0 done, 1 it failed, 2 wrong use; `exec` gives the command's own.
"""

import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from orchestrator import __version__
from orchestrator.errors import OrchestratorError
from orchestrator.printable import unsteered

VERBS = (
    "run",
    "validate",
    "schema",
    "plan",
    "get",
    "describe",
    "events",
    "top",
    "logs",
    "exec",
    "delete",
    "doctor",
    "version",
)
"""Each is a module of this package with a click command named `command`; help lists them in this order."""


@dataclass(frozen=True)
class Globals:
    """What stands before the verb."""

    socket: Path | None


class Verbs(click.Group):
    """A group that imports a verb when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the verbs in the order of help."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module; None for an unknown verb."""
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"orchestrator.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; of a misspelt one, say which was most likely meant."""
        if args[0] not in VERBS and not args[0].startswith("-"):
            from orchestrator.objects.misfit import did_you_mean, nearest

            guess = did_you_mean(nearest(args[0], list(VERBS)))
            ctx.fail(f"No such command {args[0]!r}" + (f" ({guess})" if guess else ""))
        return super().resolve_command(ctx, args)


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.option(
    "--socket",
    type=click.Path(path_type=Path),
    help="The daemon's socket (default: $ORCHESTRATOR_SOCKET, else the one in the default run folder).",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, socket: Path | None) -> None:
    """Keep a folder of Kubernetes-style YAML running on one Docker host.

    `orchestrator run SPECS` is the daemon; the other verbs ask it, and read as kubectl's do.
    """
    ctx.obj = Globals(socket)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; gives its exit code and never raises."""
    try:
        code = cli.main(arguments, prog_name="orchestrator", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OrchestratorError as error:
        click.echo(error_text(error), err=True)
        return 1
    except BrokenPipeError:
        # The reader has gone (`| head`).
        _forget_output()
        return 0
    except OSError as error:
        # What it was to be written to does not take it: a disk that is full.
        _forget_output()
        click.echo(f"error: cannot go on: {(error.strerror or str(error)).lower()}", err=True)
        return 1
    except (KeyboardInterrupt, click.Abort):
        return 130
    return code if isinstance(code, int) else 0


def _forget_output() -> None:
    """Keep Python from complaining once more, of what it cannot flush when it exits."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def error_text(error: OrchestratorError) -> str:
    """Give an error's sentence; the daemon's own begin with who says so, as kubectl's do."""
    text = unsteered(str(error))
    return text if text.startswith("Error from server") else f"error: {text}"
