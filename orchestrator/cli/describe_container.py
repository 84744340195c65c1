"""A container in `describe pod`, as kubectl describes it.  Pure."""

from collections.abc import Sequence

from orchestrator.cli.describe_text import NONE, Field, boolean, fields, local_time
from orchestrator.cli.documents import Document
from orchestrator.cli.pulls import PullLine


def describe_containers(
    title: str, containers: list[Document], statuses: list[Document], pulls: Sequence[PullLine] = ()
) -> list[str]:
    """Give all containers of one list under a title; `pulls` are those of all pods."""
    if not containers:
        return []
    known = {status["name"]: status for status in statuses}
    lines = [f"{title}:"]
    for container in containers:
        status = known.get(container["name"], {})
        lines += [f"  {container['name']}:", *fields(_container(container, status, pulls), indent=4)]
    return lines


def _container(container: Document, status: Document, pulls: Sequence[PullLine]) -> list[Field]:
    ports = container.get("ports", [])
    several = "s" if len(ports) > 1 else ""
    return [
        ("Container ID", status.get("containerID", "")),
        ("Image", container.get("image", "")),
        ("Image ID", status.get("imageID", "")),
        ("Port" + several, ", ".join(f"{p['containerPort']}/{p.get('protocol', 'TCP')}" for p in ports) or NONE),
        ("Host Port" + several, ", ".join(f"{p.get('hostPort', 0)}/{p.get('protocol', 'TCP')}" for p in ports) or NONE),
        *_words("Command", container.get("command", [])),
        *_words("Args", container.get("args", [])),
        *_status(status),
        *_pull(container, status, pulls),
        *_amounts("Limits", container.get("resources", {}).get("limits", {})),
        *_amounts("Requests", container.get("resources", {}).get("requests", {})),
        *_checks(container),
        *_environment(container),
        *_mounts(container.get("volumeMounts", [])),
    ]


def _pull(container: Document, status: Document, pulls: Sequence[PullLine]) -> list[Field]:
    """How far the pull is that the container waits for; its name may be followed by a platform."""
    waits = status.get("state", {}).get("waiting", {}).get("reason") in ("ContainerCreating", "PodInitializing")
    wanted = (pull for pull in pulls if pull.image.split(" ")[0] == container.get("image"))
    return [("Pull", [pull.summary, *pull.layers]) for pull in wanted if waits]


def _words(title: str, words: list[str]) -> list[Field]:
    lines = [part for word in words for part in word.split("\n")]
    return [(f"{title}:", None), *((f"  {line}", None) for line in lines)] if words else []


def _status(status: Document) -> list[Field]:
    if not status:
        return [("State", "Waiting")]
    return [
        *state_fields("State", status.get("state", {})),
        *(state_fields("Last State", status["lastState"]) if status.get("lastState") else []),
        ("Ready", boolean(status.get("ready"))),
        ("Restart Count", str(status.get("restartCount", 0))),
    ]


def state_fields(title: str, state: Document) -> list[Field]:
    """Give a container's state, with the message that says why it waits or how it ended."""
    if "running" in state:
        return [(title, "Running"), ("  Started", local_time(state["running"].get("startedAt")))]
    if "terminated" in state:
        ended = state["terminated"]
        return [
            (title, "Terminated"),
            *_reason(ended),
            ("  Exit Code", str(ended.get("exitCode", 0))),
            *([("  Signal", str(ended["signal"]))] if ended.get("signal") else []),
            ("  Started", local_time(ended.get("startedAt"))),
            ("  Finished", local_time(ended.get("finishedAt"))),
        ]
    return [(title, "Waiting"), *_reason(state.get("waiting", {}))]


def _reason(state: Document) -> list[Field]:
    found: list[Field] = []
    if state.get("reason"):
        found.append(("  Reason", state["reason"]))
    if state.get("message"):
        found.append(("  Message", state["message"].rstrip("\n").split("\n")))
    return found


def _amounts(title: str, amounts: dict[str, str]) -> list[Field]:
    return [(f"{title}:", None), *((f"  {name}", amounts[name]) for name in sorted(amounts))] if amounts else []


def _checks(container: Document) -> list[Field]:
    found: list[Field] = []
    for title, field in (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")):
        if probe := container.get(field):
            found.append((title, probe_text(probe)))
    for title, field in (("Post Start", "postStart"), ("Pre Stop", "preStop")):
        if handler := container.get("lifecycle", {}).get(field):
            found.append((title, handler_text(handler)))
    return found


def probe_text(probe: Document) -> str:
    """Give a probe as kubectl's DescribeProbe does."""
    return (
        f"{handler_text(probe)} delay={probe.get('initialDelaySeconds', 0)}s "
        f"timeout={probe.get('timeoutSeconds', 1)}s period={probe.get('periodSeconds', 10)}s "
        f"#success={probe.get('successThreshold', 1)} #failure={probe.get('failureThreshold', 3)}"
    )


def handler_text(handler: Document) -> str:
    """Give what a probe or a hook does."""
    if "exec" in handler:
        return f"exec [{' '.join(handler['exec'].get('command', []))}]"
    if "httpGet" in handler:
        get = handler["httpGet"]
        path = get.get("path", "/")
        slash = "" if path.startswith("/") else "/"
        return f"http-get {get.get('scheme', 'HTTP').lower()}://{get.get('host', '')}:{get['port']}{slash}{path}"
    if "tcpSocket" in handler:
        return f"tcp-socket {handler['tcpSocket'].get('host', '')}:{handler['tcpSocket']['port']}"
    if "grpc" in handler:
        return f"grpc <pod>:{handler['grpc']['port']} {handler['grpc'].get('service', '')}"
    if "sleep" in handler:
        return f"sleep {handler['sleep']['seconds']}s"
    return "unknown"


def _environment(container: Document) -> list[Field]:
    found: list[Field] = []
    sources = container.get("envFrom", [])
    if sources:
        found += [("Environment Variables from:", None), *((f"  {_source(each)}", None) for each in sources)]
    variables = container.get("env", [])
    if not variables:
        return [*found, ("Environment", NONE)]
    width = max(len(each["name"]) for each in variables) + 3
    found.append(("Environment:", None))
    for each in variables:
        first, *rest = variable_text(each).split("\n")
        found.append((f"  {(each['name'] + ':').ljust(width)}{first}".rstrip(), None))
        found += [("  " + " " * width + line, None) for line in rest]
    return found


def variable_text(variable: Document) -> str:
    """Give a variable's literal value, or where its value comes from; never a value from a Secret."""
    source = variable.get("valueFrom", {})
    if ref := source.get("secretKeyRef"):
        return f"<set to the key '{ref['key']}' in secret '{ref['name']}'>  Optional: {_optional(ref)}"
    if ref := source.get("configMapKeyRef"):
        return f"<set to the key '{ref['key']}' of config map '{ref['name']}'>  Optional: {_optional(ref)}"
    if ref := source.get("fieldRef"):
        return f" ({ref.get('apiVersion', 'v1')}:{ref['fieldPath']})"
    if ref := source.get("resourceFieldRef"):
        return f" ({ref['resource']})"
    return str(variable.get("value", ""))


def _source(source: Document) -> str:
    kind = "ConfigMap" if "configMapRef" in source else "Secret"
    ref = source.get("configMapRef") or source.get("secretRef") or {}
    prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
    return f"{ref.get('name', '')}  {kind}{prefix}  Optional: {_optional(ref)}"


def _optional(ref: Document) -> str:
    return "true" if ref.get("optional") else "false"


def _mounts(mounts: list[Document]) -> list[Field]:
    if not mounts:
        return [("Mounts", NONE)]
    found: list[Field] = [("Mounts:", None)]
    for mount in sorted(mounts, key=lambda each: str(each["mountPath"])):
        flags = "ro" if mount.get("readOnly") else "rw"
        flags += f',path="{mount["subPath"]}"' if mount.get("subPath") else ""
        found.append((f"  {mount['mountPath']} from {mount['name']} ({flags})", None))
    return found
