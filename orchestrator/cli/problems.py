"""What is wrong in the spec folder, said where the user looks."""

import click

from orchestrator.cli.client import Client


def warn_of_problems(client: Client) -> None:
    """Print on standard error what of the spec folder is not in force, one line each."""
    problems = client.status()["problems"]
    if problems:
        click.echo("\nproblems in the spec folder (the last good versions go on):", err=True)
    for problem in problems:
        click.echo(f"  {problem_text(problem)}", err=True)


def problem_text(problem: dict[str, str]) -> str:
    """Give "place: message"."""
    return ": ".join(filter(None, (problem["place"], problem["message"])))
