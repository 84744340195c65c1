"""The values of Secrets reach the containers that ask for them, and are shown to nobody, whatever goes wrong."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.host import docker
from tests.e2e.pod_status import waiting_reason
from tests.e2e.pods import FOR_EVER, container, pod, text

FIRST, SECOND, WRONG = "Pl4nted-first-value", "Pl4nted-second-value", "Pl4nted/wrong//value!"
NAME = "leaky"
NOBODY = 65534
KINDS = ("secrets", "pods", "events", "configmaps")
WATCH = {"watch": "true", "sendInitialEvents": "true", "timeoutSeconds": "1"}


def secret(value: str, **fields: object) -> Document:
    """The Secret, with one value in plain text and one in base64."""
    data = {"coded": base64.b64encode(f"{value}-coded".encode()).decode()}
    # What kubectl leaves in whatever it has applied: a copy of all of it.
    applied = json.dumps({"kind": "Secret", "stringData": {"word": value}})
    metadata = {"name": NAME, "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}}
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"word": value}}
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
    expanded = {"name": "secret", "mountPath": "/one", "subPathExpr": "$(WORD)/absent"}
    return pod(
        NAME,
        container("echo started with ${#WORD} letters; exit 1", "crashes", args=["$(WORD)"], **has),
        {"name": "binary", "image": "IMAGE", "command": ["/no/such/binary", "$(URL)"], **has},
        {"name": "named", "image": "IMAGE", "command": ["/no/such/$(WORD)"], **has},
        {"name": "placed", "image": "IMAGE", "workingDir": "/etc/passwd/$(WORD)", "command": ["$(WORD)"], **has},
        container(FOR_EVER, "hooked", lifecycle={"postStart": fails, "preStop": fails}, **has),
        container(FOR_EVER, "probed", livenessProbe={**fails, "periodSeconds": 1, "failureThreshold": 1}, **has),
        container(FOR_EVER, "unready", readinessProbe={**fails, "periodSeconds": 1}, **has),
        container(FOR_EVER, "mounted", **{**has, "volumeMounts": [missing_file]}),
        container(FOR_EVER, "expanded", **{**has, "volumeMounts": [expanded]}),
        container(FOR_EVER, "no-key", **{**has, "env": [word, no_key]}),
        {**container(FOR_EVER, "no-image", **has), "image": "absent.example/none:1", "imagePullPolicy": "Never"},
        volumes=[{"name": "secret", "secret": {"secretName": NAME}}],
        terminationGracePeriodSeconds=2,
    )


def shown(daemon: Daemon) -> dict[str, str]:
    """All that a daemon tells, by where it does."""
    secrets = "/api/v1/secrets"
    return {
        "log": daemon.log.read_text(errors="replace"),
        "events": daemon.cli("events", "-A") + daemon.cli("get", "events", "-A", "-o", "yaml"),
        "get": daemon.cli("get", "pods", "-A", "-o", "yaml") + daemon.cli("get", "pod", NAME, "-o", "json"),
        "get secrets": daemon.cli("get", "secrets", "-A", "-o", "yaml")
        + daemon.cli("get", "secret", NAME, "-o", "json")
        + daemon.cli("get", "secrets", "-A", "-o", "wide"),
        "table": str(daemon.client.get(secrets, {"includeObject": "Object"}, table=True)),
        "watch": "".join(str(list(daemon.client.watch(f"/api/v1/{kind}", WATCH))) for kind in KINDS),
        "describe": daemon.cli("describe", "pod", NAME) + daemon.cli("describe", "secret", NAME),
        "problems": str(daemon.client.status()) + daemon.run_cli("get", "pods").stderr,
        "validate": told_of_broken(daemon),
        "plan": planned(daemon),
        "disk": on_disk(daemon),
        "labels": docker("ps", "-a", "--no-trunc", "--format", "{{.Names}} {{.Labels}}"),
    }


def planned(daemon: Daemon) -> str:
    """What an edit of the Secret, of its pod and of what both have would do; and what a broken Secret is told."""
    folder = daemon.home / "planned"
    folder.mkdir(exist_ok=True)
    changed = leaky()
    changed["spec"]["containers"][0]["env"].append({"name": "PLAIN", "value": "of nobody's business"})
    folder.joinpath("all.yaml").write_text(text(secret(WRONG), changed).replace("IMAGE", daemon.image))
    immutable = daemon.client.get(f"/api/v1/namespaces/default/secrets/{NAME}").get("immutable", False)
    code = 1 if immutable else 0
    plan = daemon.cli("plan", str(folder), code=code) + daemon.cli("plan", "-o", "json", str(folder), code=code)
    folder.joinpath("all.yaml").write_text(text(secret(WRONG, data=[WRONG])))
    refused = daemon.run_cli("plan", str(folder))
    assert refused.returncode == 1
    return plan + refused.stdout + refused.stderr


def told_of_broken(daemon: Daemon) -> str:
    """What `validate` says of Secrets that are wrong in every way."""
    broken = [
        text(secret(FIRST, data={"coded": FIRST})),
        text(secret(FIRST, stringData={"word": [FIRST], "more": {"a": FIRST}})),
        text(secret(FIRST, stringData=FIRST)),
        text(secret(FIRST, type=[FIRST], unknown=FIRST)),
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData:\n  word: *{FIRST}\n",
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData:\n  word: !{FIRST}\n",
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData:\n  word: '{FIRST}\n",
        f"apiVersion: v2\nkind: Secret\nmetadata: {{name: a}}\nstringData: {{word: {FIRST}}}\n",
        f"apiVersion: v1\nkind: SecretList\nitems:\n- metadata: {{name: a}}\n  data: {{word: '{FIRST}'}}\n",
    ]
    said = ""
    for number, document in enumerate(broken):
        path = daemon.home / f"broken-{number}.yaml"
        path.write_text(document)
        said += daemon.cli("validate", str(path), code=1) + daemon.cli("validate", "-o", "json", str(path), code=1)
        path.unlink()
    return said


def on_disk(daemon: Daemon) -> str:
    """The bytes of all files that the daemon keeps on a disk: the journal with what belongs to it, its run folder."""
    kept = []
    for start in (daemon.home / "state", daemon.home / "run"):
        for folder, inner, files in os.walk(start):
            # A secret's place is a tmpfs, which is a file system of its own.
            inner[:] = [name for name in inner if not Path(folder, name).is_mount()]
            kept += [Path(folder, name) for name in files]
    assert any(path.name == "journal.db" for path in kept)
    assert any(path.name == "journal.db-wal" for path in kept)
    return b"\0".join(path.read_bytes() for path in kept if path.is_file()).decode("latin-1")


class ProcessList(threading.Thread):
    """Looks again and again at what `ps` shows; what runs in containers, and what a user types, is theirs."""

    def __init__(self) -> None:
        super().__init__(name="process list", daemon=True)
        self.leaked: set[str] = set()
        self.looks = 0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.02):
            self.leaked |= {line for path in Path("/proc").glob("[0-9]*") for line in self._leaks(path)}
            self.looks += 1

    def end(self) -> None:
        self._ended.set()
        self.join()

    def _leaks(self, process: Path) -> list[str]:
        try:
            words = process.joinpath("cmdline").read_bytes() + b"\0" + process.joinpath("environ").read_bytes()
            inside = "docker" in process.joinpath("cgroup").read_text()
            typed = b"\0orchestrator\0exec\0" in words
        except OSError:
            return []  # it has ended
        return [] if inside or typed or b"Pl4nted" not in words else [words.replace(b"\0", b" ").decode()]


def leaks(daemon: Daemon, *values: str) -> list[str]:
    """Where a value is shown, in plain text or in base64 (three alignments, as a part of something longer)."""
    forms = {form for value in values for form in (value, *_encoded(value))}
    return [f"{where}: {form}" for where, said in shown(daemon).items() for form in forms if form in said]


def _encoded(value: str) -> list[str]:
    padded = (base64.b64encode(b"\0" * shift + value.encode()).decode() for shift in range(3))
    return [code[4 if shift else 0 : -4] for shift, code in enumerate(padded)]


@pytest.fixture
def process_list() -> Iterator[ProcessList]:
    """Looks from before the first container until the end of the test."""
    looking = ProcessList()
    looking.start()
    yield looking
    looking.end()
    assert looking.looks
    assert looking.leaked == set()


@pytest.fixture
def troubled(own_daemon: Daemon, process_list: ProcessList) -> Daemon:
    """A daemon whose one pod is in every trouble."""
    own_daemon.write(text(secret(FIRST)), "secret.yaml")
    own_daemon.write(text(leaky()))
    for reason, words in (
        ("BackOff", "container crashes"),
        ("Failed", "/no/such/binary"),
        ("Failed", "/no/such/<redacted>"),
        ("Failed", "/etc/passwd"),
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
    # By its length: this command line is one that everybody can see.
    return "timeout", "30", "sh", "-c", f"until [ $(wc -c </secret/word) = {len(value)} ]; do sleep 0.05; done"


def test_secrets_are_shown_nowhere_after_a_restart_of_the_daemon(troubled: Daemon) -> None:
    troubled.kill()
    troubled.start()
    troubled.wait_event(NAME, "BackOff", text="container crashes")
    assert leaks(troubled, FIRST) == []


def test_only_root_and_the_daemons_user_may_ask_for_the_values(daemon: Daemon) -> None:
    """Who asks is what the kernel says of the other end of the socket; one who may use it may ask for all else."""
    daemon.write(text(secret(FIRST)))
    daemon.wait_for("secrets", NAME, bool)
    plain, revealed = _asked_by(NOBODY, daemon, ""), _asked_by(NOBODY, daemon, "?showSecrets=true")
    assert plain[0] == 200
    assert set(json.loads(plain[1])["data"]) == {"word", "coded"}
    assert revealed[0] == 403
    assert f"only root and the daemon's user may, and you are user {NOBODY}" in revealed[1]
    assert not any(form in said for _, said in (plain, revealed) for form in (FIRST, *_encoded(FIRST)))
    assert _asked_by(0, daemon, "?showSecrets=true")[0] == 200


def _asked_by(uid: int, daemon: Daemon, query: str) -> tuple[int, str]:
    """Ask for the Secret as a user of the socket's group: gives code and body."""
    line = f"GET /api/v1/namespaces/default/secrets/{NAME}{query} HTTP/1.0\r\nHost: x\r\n\r\n"
    program = (
        f"import os, socket; os.chdir({str(daemon.socket.parent)!r}); gid = os.stat('orchestrator.sock').st_gid;"
        f"os.setgroups([gid]); os.setgid(gid); os.setuid({uid});"
        f"s = socket.socket(socket.AF_UNIX); s.connect('orchestrator.sock'); s.sendall({line.encode()!r});"
        "print(s.makefile('rb').read().decode())"
    )
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True, timeout=30)
    head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
    return int(head.split()[1]), body
