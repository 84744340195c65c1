"""`orchestrator logs`: what a container wrote."""

import sys

import click

from orchestrator.cli import options
from orchestrator.cli.client import Client, Query, client_of
from orchestrator.cli.durations import seconds


@click.command(short_help="Print what a container wrote.")
@click.argument("pod")
@click.argument("container_argument", required=False, metavar="[CONTAINER]")
@options.namespace
@options.container
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written.")
@click.option("-p", "--previous", is_flag=True, help="The run before this one, after a restart.")
@click.option("--tail", type=click.IntRange(min=-1), default=-1, help="Only the last lines (-1: all).")
@click.option("--since", type=seconds, metavar="DURATION", help="Only what is newer than this (90s, 5m).")
@click.option("--timestamps", is_flag=True, help="Put the time before each line.")
@click.option("--all-containers", is_flag=True, help="All containers, one after another.")
@click.option("--prefix", is_flag=True, help="Put [pod/POD/CONTAINER] before each line.")
@click.pass_context
def command(
    ctx: click.Context,
    pod: str,
    container_argument: str | None,
    namespace: str,
    container: str,
    follow: bool,
    previous: bool,
    tail: int,
    since: float | None,
    timestamps: bool,
    all_containers: bool,
    prefix: bool,
) -> None:
    """Print what a container of POD wrote."""
    client, name = client_of(ctx), options.pod_name(pod)
    chosen = container or container_argument or ""
    if all_containers and (chosen or follow):
        raise click.UsageError("--all-containers goes with neither a container's name nor -f")
    query: dict[str, str] = {
        "follow": "true" if follow else "",
        "previous": "true" if previous else "",
        "timestamps": "true" if timestamps else "",
        "tailLines": str(tail) if tail >= 0 else "",
        "sinceSeconds": str(max(1, round(since))) if since is not None else "",
    }
    query = {key: value for key, value in query.items() if value}
    if not all_containers and not prefix:
        _copy(client, namespace, name, {**query, **({"container": chosen} if chosen else {})}, "")
        return
    for each in _containers(client, namespace, name) if all_containers else [chosen or _first(client, namespace, name)]:
        _copy(client, namespace, name, {**query, "container": each}, f"[pod/{name}/{each}] " if prefix else "")


def _copy(client: Client, namespace: str, pod: str, query: Query, prefix: str) -> None:
    """Write the log out as it comes, byte for byte, or with a prefix before each line."""
    out = sys.stdout.buffer
    fresh = True
    for chunk in client.stream(f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query):
        for line in chunk.splitlines(keepends=True) if prefix else [chunk]:
            out.write((prefix.encode() if fresh else b"") + line)
            fresh = line.endswith(b"\n")
        out.flush()


def _containers(client: Client, namespace: str, pod: str) -> list[str]:
    spec = client.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")["spec"]
    return [each["name"] for each in (*spec.get("initContainers", ()), *spec["containers"])]


def _first(client: Client, namespace: str, pod: str) -> str:
    spec = client.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")["spec"]
    return str(spec["containers"][0]["name"])
