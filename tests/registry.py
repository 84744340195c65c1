"""A real registry for tests: Debian's docker-registry on 127.0.0.1, with passwords and TLS where a test wants them.

Images are pushed by hand through its HTTP API (https://distribution.github.io/distribution/spec/api/), so that a test
can make what no `docker build` makes: lists of several platforms, and manifests of layers that are not there.
"""

import base64
import gzip
import hashlib
import io
import json
import platform
import shutil
import socket
import ssl
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.images import busybox_image, containerd_store

ROOT = Path(__file__).parent.parent
PROGRAMS = {"docker-registry": "docker-registry", "htpasswd": "apache2-utils", "openssl": "openssl"}
"""What is run, and Debian's packages that have it."""
SECONDS = 30.0

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
FOREIGN = "arm64" if NATIVE == "amd64" else "amd64"
"""An architecture whose programs do not run here."""
_ELF_MACHINES = {"amd64": 62, "arm64": 183}


def need_programs() -> None:
    """Install what is missing, where that can be; skip the test with a sentence where it cannot."""
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if not missing:
        return
    done = subprocess.run([ROOT / "scripts/apt.sh", *missing], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a registry needs {', '.join(missing)}, and they cannot be installed here: {done.stderr[-200:]}")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Registry:
    """One registry in a folder of its own.  `users` are names and passwords; without them everybody may do all."""

    def __init__(self, home: Path, *, users: Mapping[str, str] | None = None, tls: bool = False) -> None:
        self.home = home
        self.users = dict(users or {})
        self.tls = tls
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.addresses = [self.address]
        """All under which images were pulled from it: others may stand in front."""
        self._process: subprocess.Popen[bytes] | None = None
        # The engine trusts whoever has a certificate of this authority, for this address only, from the next pull on.
        self._trusted = Path("/etc/docker/certs.d") / self.address
        home.mkdir(parents=True, exist_ok=True)

    # --- the process ---

    def start(self) -> "Registry":
        """Start it and wait until it answers."""
        need_programs()
        config: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.home / "data")}, "delete": {"enabled": True}},
            "http": {"addr": self.address},
        }
        if self.users:
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(self._passwords())}}
        if self.tls:
            config["http"]["tls"] = self._certificate()
        # JSON is YAML.
        path = self.home / "config.yml"
        path.write_text(json.dumps(config))
        with (self.home / "registry.log").open("ab") as log:
            self._process = subprocess.Popen(["docker-registry", "serve", path], stdout=log, stderr=log)
        self._await()
        return self

    def stop(self) -> None:
        """End it; its images stay in its folder, and it may be started again.  Safe without a start."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        if self.tls:
            shutil.rmtree(self._trusted, ignore_errors=True)

    def clean(self) -> None:
        """Take what was pulled from it out of the engine; such that containers have stay."""
        words = ["docker", "images", "--all", "--no-trunc", "--digests", "--format", "{{.ID}} {{.Repository}}"]
        listed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        pulled = [line.split() for line in listed.splitlines()]
        found = {each[0] for each in pulled if each[1].startswith(tuple(f"{a}/" for a in self.addresses))}
        if found:
            subprocess.run(["docker", "rmi", "-f", *found], capture_output=True)

    def _await(self) -> None:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self.ask("GET", "/v2/")
                return
            except urllib.error.URLError as error:
                assert self._process
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log = (self.home / "registry.log").read_text(errors="replace")[-2000:]
                    raise AssertionError(f"the registry does not answer: {error}\n{log}") from error
                # Nothing tells when it listens.
                time.sleep(0.02)

    def _passwords(self) -> Path:
        path = self.home / "htpasswd"
        lines = [
            subprocess.run(["htpasswd", "-nbB", "-C", "4", *pair], check=True, capture_output=True, text=True).stdout
            for pair in self.users.items()
        ]
        path.write_text("".join(line.strip() + "\n" for line in lines))
        return path

    def _certificate(self) -> dict[str, str]:
        key, certificate = self.home / "tls.key", self.home / "tls.crt"
        if not certificate.exists():
            words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            words += ["-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
            subprocess.run([*words, "-keyout", key, "-out", certificate], check=True, capture_output=True)
        self._trusted.mkdir(parents=True, exist_ok=True)
        shutil.copy(certificate, self._trusted / "ca.crt")
        return {"certificate": str(certificate), "key": str(key)}

    # --- its HTTP API ---

    def ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "", *, accept: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """One request; gives status, headers in lower case, and body.  urllib's errors for a refusal."""
        url = path if "://" in path else f"http{'s' if self.tls else ''}://{self.address}{path}"
        request = urllib.request.Request(url, body, method=method)
        if kind:
            request.add_header("Content-Type", kind)
        if accept:
            request.add_header("Accept", accept)
        for user, password in list(self.users.items())[:1]:
            request.add_header("Authorization", f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}")
        context = ssl.create_default_context(cafile=self.home / "tls.crt") if self.tls else None
        with urllib.request.urlopen(request, timeout=SECONDS, context=context) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()

    def push_blob(self, name: str, data: bytes) -> str:
        """Upload a blob to a repository; gives its digest."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        _, headers, _ = self.ask("POST", f"/v2/{name}/blobs/uploads/", b"")
        place = headers["location"]
        mark = "&" if "?" in place else "?"
        self.ask("PUT", f"{place}{mark}digest={digest}", data, "application/octet-stream")
        return digest

    def push_manifest(self, name: str, reference: str, document: Mapping[str, Any] | bytes, kind: str) -> str:
        """Put a manifest under a tag or its digest; gives its digest."""
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.ask("PUT", f"/v2/{name}/manifests/{reference or digest}", data, kind)
        return digest

    def push(
        self, name: str, tag: str = "", *, architecture: str = NATIVE, layers: tuple[bytes, ...] = (), **config: Any
    ) -> "Pushed":
        """Push a busybox that nobody else has, with more layers (of incompressible bytes); no tag: by digest alone."""
        tars = [_busybox(architecture), *(_one_file(f"layer{n}", data) for n, data in enumerate(layers))]
        blobs = [gzip.compress(tar, 1) for tar in tars]
        described = [{"mediaType": _LAYER, "size": len(blob), "digest": self.push_blob(name, blob)} for blob in blobs]
        body = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], **config},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]},
        }
        image = json.dumps(body).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": _CONFIG, "size": len(image), "digest": self.push_blob(name, image)},
            "layers": described,
        }
        data = json.dumps(manifest).encode()
        return Pushed(
            f"{self.address}/{name}",
            tag,
            self.push_manifest(name, tag, data, MANIFEST),
            f"sha256:{hashlib.sha256(image).hexdigest()}",
            architecture,
            len(data),
            tuple(str(layer["digest"]) for layer in described),
        )

    def push_list(self, name: str, tag: str, images: tuple["Pushed", ...]) -> str:
        """Put a list of images, one for each platform, under a tag; gives its digest."""
        entries = [
            {
                "mediaType": MANIFEST,
                "size": image.size,
                "digest": image.digest,
                "platform": {"architecture": image.architecture, "os": "linux"},
            }
            for image in images
        ]
        return self.push_manifest(name, tag, {"schemaVersion": 2, "mediaType": LIST, "manifests": entries}, LIST)


@contextmanager
def running(registry: Registry) -> Iterator[Registry]:
    """The registry from its start to its end, with all that was pulled from it."""
    try:
        yield registry.start()
    finally:
        registry.stop()
        registry.clean()


class Pushed:
    """An image in a registry: the digests of its manifest, its config (`id`) and its layers."""

    def __init__(
        self, place: str, tag: str, digest: str, image_id: str, architecture: str, size: int, layers: tuple[str, ...]
    ) -> None:
        self.place = place
        self.name = f"{place}:{tag}" if tag else f"{place}@{digest}"
        self.digest = digest
        self.id = image_id
        self.architecture = architecture
        self.size = size
        self.layers = layers

    @property
    def engine_id(self) -> str:
        """Its id in the engine that pulled it by its own name."""
        return self.digest if containerd_store() else self.id


@cache
def _test_image() -> bytes:
    """The test image's only layer, as the engine has it."""
    saved = subprocess.run(["docker", "save", busybox_image()], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(saved)) as tar:
        found = json.load(tar.extractfile("manifest.json") or io.BytesIO())
        layer = tar.extractfile(found[0]["Layers"][0])
        assert layer
        return layer.read()


def _busybox(architecture: str) -> bytes:
    """A root file system that nobody else has; for another architecture its program is one that cannot run here."""
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(_test_image())) as base,
        tarfile.open(fileobj=buffer, mode="w") as made,
    ):
        for entry in base:
            data = (base.extractfile(entry) or io.BytesIO()).read() if entry.isreg() else b""
            if data.startswith(b"\x7fELF") and architecture != NATIVE:
                data = data[:18] + _ELF_MACHINES[architecture].to_bytes(2, "little") + data[20:]
            made.addfile(entry, io.BytesIO(data))
        made.addfile(tarfile.TarInfo(f"mark-{uuid.uuid4().hex}"))
    return buffer.getvalue()


def _one_file(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
