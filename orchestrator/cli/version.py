"""`orchestrator version`: this program's version, and the daemon's and the engine's where they answer."""

import click

from orchestrator import __version__
from orchestrator.cli.client import client_of
from orchestrator.cli.documents import to_json, to_yaml
from orchestrator.errors import OrchestratorError


@click.command(short_help="Print the versions of client, daemon and engine.")
@click.option("-o", "--output", type=click.Choice(("yaml", "json")), help="As a document.")
@click.option("--client", "client_only", is_flag=True, help="This program's version only; ask no daemon.")
@click.pass_context
def command(ctx: click.Context, output: str | None, client_only: bool) -> None:
    """Print the versions of this program, the daemon and the engine."""
    versions = {"client": __version__}
    missing = ""
    if not client_only:
        try:
            status = client_of(ctx).status()
            engine = status["engine"]
            versions["daemon"] = f"{status['version']} (pid {status['pid']}, instance {status['instance']})"
            words = f"{engine['name']} {engine['version']} (API {engine['apiVersion']})"
            versions["engine"] = engine["error"] or words
        except OrchestratorError as error:
            missing = str(error)
    if output:
        click.echo(to_json(versions) if output == "json" else to_yaml(versions))
    else:
        click.echo("\n".join(f"{who:<7} {version}" for who, version in versions.items()))
    if missing:
        click.echo(missing, err=True)
