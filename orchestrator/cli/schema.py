"""`orchestrator schema`: what a spec may hold, as a JSON Schema for editors."""

import json

import click


@click.command(short_help="Print a JSON Schema of specs, for editors.")
def command() -> None:
    """Print a JSON Schema (draft 7) of everything that specs may hold.

    Save it, and name it in the first line of a file, or in the settings of your editor:

    \b
      orchestrator schema > orchestrator.schema.json
      # yaml-language-server: $schema=orchestrator.schema.json
    """
    from orchestrator.objects.json_schema import json_schema

    click.echo(json.dumps(json_schema(), ensure_ascii=False, separators=(",", ":")))
