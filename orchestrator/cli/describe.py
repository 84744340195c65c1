"""`orchestrator describe`: one object with its Events, for a person."""

import time

import click

from orchestrator.cli import options
from orchestrator.cli.client import Client, client_of
from orchestrator.cli.describe_objects import describe_object
from orchestrator.cli.describe_pod import describe_pod
from orchestrator.cli.describe_service import NOTHING_AROUND, Surroundings
from orchestrator.cli.documents import Document
from orchestrator.cli.problems import warn_of_problems
from orchestrator.cli.pulls import pull_lines
from orchestrator.cli.resources import Resource, discover, parse
from orchestrator.errors import Forbidden, NotFound
from orchestrator.objects.endpoint_slice import SERVICE_NAME
from orchestrator.printable import unsteered


@click.command(short_help="Describe an object, its Events, and why it is not well.")
@click.argument("resource", nargs=-1, required=True, metavar="RESOURCE[/NAME] [NAME]...")
@options.namespace
@options.all_namespaces
@options.selector
@click.pass_context
def command(ctx: click.Context, resource: tuple[str, ...], namespace: str, all_namespaces: bool, selector: str) -> None:
    """Describe objects with their Events; of a pod, why it is not well.

    With a resource and no name, all objects of it.
    """
    client = client_of(ctx)
    room = None if all_namespaces else namespace
    texts = []
    for want in parse(discover(client), resource):
        if want.names and room is None:
            raise click.UsageError("a resource cannot be retrieved by name across all namespaces")
        if want.names:
            documents = [_named(client, want.resource.path(room, name)) for name in want.names]
        else:
            query = {"labelSelector": selector} if selector else {}
            documents = client.get(want.resource.path(room), query)["items"]
        texts += [_describe(client, want.resource, document) for document in documents]
    if texts:
        click.echo(unsteered("\n\n\n".join(texts)))
    else:
        click.echo("No resources found" + (f" in {room} namespace." if room else ""), err=True)
    warn_of_problems(client)


def _named(client: Client, path: str) -> Document:
    """Get one object; where it is not there, tell what of the folder is not in force, for that may be why."""
    try:
        return client.get(path)
    except NotFound:
        warn_of_problems(client)
        raise


def _describe(client: Client, resource: Resource, document: Document) -> str:
    events = _events(client, document)
    now = time.time()
    if resource.kind == "Pod":
        status = client.status()
        return describe_pod(document, events, now, status["engine"]["error"], pull_lines(status))
    if resource.kind == "Secret":
        # For the sizes.  Who may not see the values sees the keys.
        document = _revealed(client, resource, document)
    return describe_object(document, events, now, _around(client, document, now))


def _around(client: Client, document: Document, now: float) -> Surroundings:
    """What the description of an object tells of others."""
    if document["kind"] not in ("Service", "PersistentVolumeClaim"):
        return NOTHING_AROUND
    meta = document["metadata"]
    room = f"namespaces/{meta['namespace']}"
    pods = client.get(f"/api/v1/{room}/pods")["items"]
    if document["kind"] == "PersistentVolumeClaim":
        return Surroundings(pods=tuple(pods))
    ours = {"labelSelector": f"{SERVICE_NAME}={meta['name']}"}
    slices = client.get(f"/apis/discovery.k8s.io/v1/{room}/endpointslices", ours)["items"]
    events = client.get(f"/api/v1/{room}/events", {"fieldSelector": "involvedObject.kind=Pod"})["items"]
    return Surroundings(tuple(slices), tuple(pods), tuple(events), now)


def _events(client: Client, document: Document) -> list[Document]:
    meta = document["metadata"]
    namespace = meta.get("namespace") or "default"
    fields = [f"involvedObject.kind={document['kind']}", f"involvedObject.name={meta['name']}"]
    if meta.get("uid") and document["kind"] == "Pod":
        fields.append(f"involvedObject.uid={meta['uid']}")
    events: list[Document] = client.get(f"/api/v1/namespaces/{namespace}/events", {"fieldSelector": ",".join(fields)})[
        "items"
    ]
    return events


def _revealed(client: Client, resource: Resource, document: Document) -> Document:
    meta = document["metadata"]
    try:
        return client.get(resource.path(meta["namespace"], meta["name"]), {"showSecrets": "true"})
    except Forbidden:
        return document
