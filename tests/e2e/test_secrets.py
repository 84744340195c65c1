"""The values of Secrets reach the containers that ask for them, and are shown to nobody, whatever goes wrong."""

import base64
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document, docker, waiting_reason
from tests.e2e.pods import FOR_EVER, container, pod, text

FIRST, SECOND, WRONG = "Pl4nted-first-value", "Pl4nted-second-value", "Pl4nted/wrong//value!"
NAME = "leaky"


def secret(value: str, **fields: object) -> Document:
    """The Secret, with one value in plain text and one in base64."""
    data = {"coded": base64.b64encode(f"{value}-coded".encode()).decode()}
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME}, "stringData": {"word": value}}
    return {**made, "data": data, **fields}


def leaky() -> Document:
    """A pod whose containers all have the values, and each of which fails in its own way."""
    word = {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": NAME, "key": "word"}}}
    no_key = {"name": "MORE", "valueFrom": {"secretKeyRef": {"name": NAME, "key": "absent"}}}
    has = {
        "env": [word, {"name": "URL", "value": "https://user:$(WORD)@db.example/"}],
        "envFrom": [{"prefix": "ALL_", "secretRef": {"name": NAME}}],
        "volumeMounts": [{"name": "secret", "mountPath": "/secret"}],
    }
    fails = {"exec": {"command": ["sh", "-c", "test -z $WORD"]}}
    missing_file = {"name": "secret", "mountPath": "/one", "subPath": "absent"}
    return pod(
        NAME,
        container("echo started with ${#WORD} letters; exit 1", "crashes", args=["$(WORD)"], **has),
        {"name": "binary", "image": "IMAGE", "command": ["/no/such/binary", "$(URL)"], **has},
        container(FOR_EVER, "hooked", lifecycle={"postStart": fails, "preStop": fails}, **has),
        container(FOR_EVER, "probed", livenessProbe={**fails, "periodSeconds": 1, "failureThreshold": 1}, **has),
        container(FOR_EVER, "unready", readinessProbe={**fails, "periodSeconds": 1}, **has),
        container(FOR_EVER, "mounted", **{**has, "volumeMounts": [missing_file]}),
        container(FOR_EVER, "no-key", **{**has, "env": [word, no_key]}),
        {**container(FOR_EVER, "no-image", **has), "image": "absent.example/none:1", "imagePullPolicy": "Never"},
        volumes=[{"name": "secret", "secret": {"secretName": NAME}}],
        terminationGracePeriodSeconds=2,
    )


def shown(daemon: Daemon) -> dict[str, str]:
    """All that a daemon tells, by where it does."""
    assert daemon.process is not None
    process = Path(f"/proc/{daemon.process.pid}")
    state = [path.read_bytes() for path in (daemon.home / "state").rglob("*") if path.is_file()]
    return {
        "log": daemon.log.read_text(errors="replace"),
        "events": daemon.cli("events", "-A") + daemon.cli("get", "events", "-A", "-o", "yaml"),
        "get": daemon.cli("get", "pods", "-A", "-o", "yaml") + daemon.cli("get", "pod", NAME, "-o", "json"),
        "get secrets": daemon.cli("get", "secrets", "-A", "-o", "yaml")
        + daemon.cli("get", "secret", NAME, "-o", "yaml"),
        "describe": daemon.cli("describe", "pod", NAME) + daemon.cli("describe", "secret", NAME),
        "problems": str(daemon.client.status()),
        "command line": process.joinpath("cmdline").read_text() + process.joinpath("environ").read_text(),
        "state": b"\0".join(state).decode("latin-1"),
        "labels": docker("ps", "-a", "--no-trunc", "--format", "{{.Names}} {{.Labels}}"),
    }


def leaks(daemon: Daemon, *values: str) -> list[str]:
    """Where a value is shown, in plain text or in base64 (three alignments, as a part of something longer)."""
    forms = {form for value in values for form in (value, *_encoded(value))}
    return [f"{where}: {form}" for where, said in shown(daemon).items() for form in forms if form in said]


def _encoded(value: str) -> list[str]:
    padded = (base64.b64encode(b"\0" * shift + value.encode()).decode() for shift in range(3))
    return [code[4 if shift else 0 : -4] for shift, code in enumerate(padded)]


@pytest.fixture
def troubled(own_daemon: Daemon) -> Daemon:
    """A daemon whose one pod is in every trouble."""
    own_daemon.write(text(secret(FIRST)), "secret.yaml")
    own_daemon.write(text(leaky()))
    for reason, words in (
        ("BackOff", "container crashes"),
        ("Failed", "/no/such/binary"),
        ("FailedPostStartHook", ""),
        ("FailedPreStopHook", ""),
        ("Unhealthy", "Liveness"),
        ("Unhealthy", "Readiness"),
        ("Failed", "subPath"),
        ("Failed", "couldn't find key absent"),
        ("ErrImageNeverPull", ""),
    ):
        own_daemon.wait_event(NAME, reason, text=words)
    return own_daemon


def test_secrets_are_shown_nowhere_after_failures(troubled: Daemon) -> None:
    assert leaks(troubled, FIRST) == []
    # They are where they belong, and root may ask for them in so many words.
    assert "started with 19 letters" in troubled.wait_log(NAME, "letters", "crashes")
    assert base64.b64encode(FIRST.encode()).decode() in troubled.cli(
        "get", "secret", NAME, "-o", "yaml", "--show-secrets"
    )
    assert waiting_reason(troubled.pod(NAME), "no-key") == "CreateContainerConfigError"


def test_secrets_are_shown_nowhere_after_edits_good_and_bad(troubled: Daemon) -> None:
    """The new value, and one that is refused for what it is."""
    troubled.write(text(secret(SECOND)), "secret.yaml")
    troubled.exec(NAME, *_until(SECOND), container="unready")
    troubled.write(text(secret(SECOND, data={"coded": WRONG})), "secret.yaml")
    troubled.wait_problem("illegal base64 data")
    troubled.write(text(secret(SECOND, stringData={"word": [WRONG]})), "secret.yaml")
    troubled.wait_problem("word")
    troubled.write(text(secret(SECOND, immutable=True)), "secret.yaml")
    troubled.wait_problem("")
    troubled.write(text(secret(WRONG, immutable=True)), "secret.yaml")
    troubled.wait_problem("field is immutable")
    assert leaks(troubled, FIRST, SECOND, WRONG) == []


def _until(value: str) -> tuple[str, ...]:
    return "timeout", "30", "sh", "-c", f"until grep -q {value} /secret/word; do sleep 0.05; done"


def test_secrets_are_shown_nowhere_after_a_restart_of_the_daemon(troubled: Daemon) -> None:
    troubled.kill()
    troubled.start()
    troubled.wait_event(NAME, "BackOff", text="container crashes")
    assert leaks(troubled, FIRST) == []
