"""What is wrong in the spec folder, said where the user looks."""

import click

from orchestrator.cli.client import Client
from orchestrator.cli.documents import Document
from orchestrator.printable import unsteered


def warn_of_problems(client: Client) -> None:
    """Print on standard error what of the spec folder is not in force, one line each."""
    problems = errors(client.status())
    if problems:
        click.echo("\nproblems in the spec folder (the last good versions go on):", err=True)
    for problem in problems:
        click.echo(f"  {problem}", err=True)


def errors(status: Document) -> list[str]:
    """Give the spec folder's errors out of the daemon's state; its warnings were told when it was loaded."""
    return [problem_text(problem) for problem in status["problems"] if problem["severity"] == "error"]


def problem_text(problem: dict[str, str]) -> str:
    """Give "place: message"."""
    return unsteered(": ".join(filter(None, (problem["place"], problem["message"]))))
