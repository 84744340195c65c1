"""The name of an image: registry, path, tag and digest, read as Docker and the kubelet read it.

    [HOST[:PORT]/]PATH[:TAG][@DIGEST]

Rules and words are those of distribution/reference (ParseNormalizedNamed).  A first part without a dot, a port or
capitals that is not "localhost" is no host: "team/app" is Docker Hub's, and so is "app", as "library/app".
"""

import re
from dataclasses import dataclass

HUB = "docker.io"
_OLD_HUB = "index.docker.io"
LATEST = "latest"
LONGEST_NAME = 255

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?P<host>{_HOST})/(?P<path>{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>{_DIGEST}))?\Z",
    re.ASCII,
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}\Z")
_DIGEST_SIZES = {"sha256": 64, "sha384": 96, "sha512": 128}


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A name in full: `host` may have a port, `path` is never empty; `tag` and `digest` are "" where none is given."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """Host and path, as credentials are found by: "docker.io/library/nginx"."""
        return f"{self.host}/{self.path}"

    @property
    def is_latest(self) -> bool:
        """Whether it means whatever is newest: no digest, and the tag `latest` or none."""
        return not self.digest and self.tag in ("", LATEST)

    @property
    def engine_name(self) -> str:
        """As an engine lists it: without Docker Hub's host, and by the digest alone where there is one."""
        path = self.path.removeprefix("library/") if self.host == HUB else self.repository
        return f"{path}@{self.digest}" if self.digest else f"{path}:{self.tag or LATEST}"

    def __str__(self) -> str:
        """The name in full, with the tag `latest` where neither tag nor digest is given."""
        tag = self.tag or ("" if self.digest else LATEST)
        return self.repository + (f":{tag}" if tag else "") + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> ImageReference:
    """Read an image's name.  ValueError in distribution/reference's words when it is none."""
    if _IDENTIFIER.match(text):
        raise ValueError(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    host, rest = _split_host(text)
    path = rest.partition(":")[0]
    if path.lower() != path:
        raise ValueError(f"invalid reference format: repository name ({path.partition('@')[0]}) must be lowercase")
    found = _REFERENCE.match(f"{host}/{rest}")
    if found is None:
        raise ValueError("invalid reference format")
    if len(f"{found['host']}/{found['path']}") > LONGEST_NAME:
        raise ValueError(f"repository name must not be more than {LONGEST_NAME} characters")
    return ImageReference(found["host"], found["path"], found["tag"] or "", _digest(found["digest"] or ""))


def _split_host(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    is_host = slash and (any(c in first for c in ".:") or first == "localhost" or first != first.lower())
    host, rest = (first, rest) if is_host else (HUB, text)
    if host == _OLD_HUB:
        host = HUB
    return host, rest if host != HUB or "/" in rest else f"library/{rest}"


def _digest(text: str) -> str:
    algorithm, _, value = text.partition(":")
    if text and algorithm not in _DIGEST_SIZES:
        raise ValueError("unsupported digest algorithm")
    if text and (len(value) != _DIGEST_SIZES[algorithm] or value != value.lower()):
        raise ValueError("invalid checksum digest length")
    return text


def check_image(text: str) -> list[str]:
    """What is wrong with an image's name; nothing where it can be pulled."""
    try:
        parse_reference(text)
    except ValueError as error:
        rule = "invalid reference format"
        return [f"{error}, must be [HOST[:PORT]/]PATH[:TAG][@DIGEST]" if str(error) == rule else str(error)]
    return []
