"""The small values inside objects: quantities, ports that may be names, and Kubernetes' rules for names.

A quantity stays the text that the user wrote; `parse_quantity` gives its exact value.  The grammar is Kubernetes'
(https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/).  The name checks give the list of
what is wrong, in the words of Kubernetes' API server, and an empty list for a good name.
"""

import base64
import binascii
import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from typing import Annotated

import msgspec

Quantity = Annotated[str, msgspec.Meta(extra={"scalar": "quantity"})]
"""An amount of something: "100m", "1.5Gi", "1e3".  A bare number in a file becomes its text."""

Time = Annotated[str, msgspec.Meta(extra={"scalar": "time"})]
"""A moment in RFC 3339 ("2026-01-31T12:00:00Z"), "" where there is none."""

IntOrString = int | str
"""A port's number or its name."""

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 10**3),
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "P": Fraction(10**15),
    "E": Fraction(10**18),
}
_NUMBER = r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))"
_SUFFIX = r"(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?[0-9]{1,3}|)"
QUANTITY_PATTERN = f"^{_NUMBER}{_SUFFIX}$"
"""As a regular expression of JSON Schema."""
_QUANTITY = re.compile(rf"{_NUMBER}{_SUFFIX}\Z")
_FOREIGN_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s?([kmgtKMGT])[iI]?[bB]?\Z")

QUANTITY_RULE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
RFC1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
QUALIFIED_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
CONFIG_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
ENV_NAME_RULE = "a valid environment variable name must consist only of printable ASCII characters other than '='"

TIME_RULE = "must be a time as of RFC 3339 (e.g. '2026-01-31T12:00:00Z')"

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)
_PLATFORM = re.compile(r"linux/[a-z0-9]+(/[a-z0-9.]+)?\Z")
_MACHINES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_SEARCH = re.compile(r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*\Z")
_RFC1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+\Z")
_PORT_NAME = re.compile(r"[-a-z0-9]+\Z")


@lru_cache(maxsize=4096)
def parse_quantity(text: str) -> Fraction:
    """Give the exact value of a quantity ("100m" is 1/10).  ValueError when it is not one."""
    match = _QUANTITY.match(text)
    if match is None or len(text) > 64:
        raise ValueError(QUANTITY_RULE)
    number, suffix = match.groups()
    value = Fraction(number)
    if suffix in _BINARY:
        return value * _BINARY[suffix]
    if suffix in _DECIMAL:
        return value * _DECIMAL[suffix]
    return value * Fraction(10) ** int(suffix[1:])


def quantity_meant(text: str) -> str | None:
    """Give the quantity that docker and others write as "64MB", "64mb" or "1g": 64Mi, 1Gi; None for anything else."""
    match = _FOREIGN_QUANTITY.match(text)
    return f"{match[1]}{match[2].upper()}i" if match else None


def quantity_units(text: str) -> int:
    """Give a quantity in whole units (bytes, pids), rounded up as Kubernetes does."""
    return _round_up(parse_quantity(text))


def quantity_milli(text: str) -> int:
    """Give a quantity in thousandths ("500m" of cpu is 500), rounded up."""
    return _round_up(parse_quantity(text) * 1000)


def quantity_text(number: int | float) -> str:
    """Give the text of a bare number that stood where a quantity belongs.  ValueError for nan and infinity."""
    if isinstance(number, int):
        return str(number)
    try:
        value = Decimal(repr(number))
        text = format(value.normalize(), "f")
    except InvalidOperation as error:
        raise ValueError(QUANTITY_RULE) from error
    if not value.is_finite() or len(text) > 64:
        raise ValueError(QUANTITY_RULE)
    return text


def check_label(name: str) -> list[str]:
    """RFC 1123 label: names of containers, volumes, namespaces, hostnames.  At most 63 characters."""
    return _check(name, 63, _LABEL, LABEL_RULE)


def check_subdomain(name: str) -> list[str]:
    """RFC 1123 subdomain: the names of most objects.  At most 253 characters."""
    return _check(name, 253, _SUBDOMAIN, SUBDOMAIN_RULE)


def check_search_domain(name: str) -> list[str]:
    """A domain that the resolver searches (Kubernetes 1.34: "_" may stand in it, "." at its end or alone)."""
    return [] if name == "." else _check(name.removesuffix("."), 253, _SEARCH, SUBDOMAIN_RULE)


def check_rfc1035_label(name: str) -> list[str]:
    """RFC 1035 label: the names of Services.  At most 63 characters."""
    return _check(name, 63, _RFC1035, RFC1035_RULE)


def check_label_value(value: str) -> list[str]:
    """The value of a label."""
    return [] if value == "" else _check(value, 63, _QUALIFIED, LABEL_VALUE_RULE)


def check_qualified_name(name: str) -> list[str]:
    """The key of a label or an annotation: an optional DNS prefix with "/", and a name."""
    prefix, slash, last = name.rpartition("/")
    problems: list[str] = []
    if slash and not prefix:
        problems.append("prefix part must be non-empty")
    elif "/" in prefix:
        return [f"a qualified name {QUALIFIED_RULE[10:]} with an optional DNS subdomain prefix and '/'"]
    elif prefix:
        problems += [f"prefix part {problem}" for problem in check_subdomain(prefix)]
    if not last:
        return [*problems, "name part must be non-empty"]
    if len(last) > 63:
        problems.append("name part must be no more than 63 bytes")
    if not _QUALIFIED.match(last):
        problems.append(QUALIFIED_RULE)
    return problems


def check_config_key(key: str) -> list[str]:
    """A key of a ConfigMap or a Secret, which may become a file's name."""
    problems = _check(key, 253, _CONFIG_KEY, CONFIG_KEY_RULE)
    if key in (".", ".."):
        problems.append(f"must not be '{key}'")
    elif key.startswith(".."):
        problems.append("must not start with '..'")
    return problems


def check_env_name(name: str) -> list[str]:
    """The name of an environment variable (Kubernetes 1.34: any printable ASCII but "=")."""
    if not name:
        return ["must be non-empty"]
    return [] if all(" " <= letter <= "~" and letter != "=" for letter in name) else [ENV_NAME_RULE]


def check_port_name(name: str) -> list[str]:
    """The name of a port (an IANA service name)."""
    problems: list[str] = []
    if len(name) > 15:
        problems.append("must be no more than 15 characters")
    if not _PORT_NAME.match(name):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not any("a" <= letter <= "z" for letter in name):
        problems.append("must contain at least one letter (a-z)")
    if "--" in name:
        problems.append("must not contain consecutive hyphens")
    if name.startswith("-") or name.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return problems


def check_port_number(port: int) -> list[str]:
    """A TCP or UDP port."""
    return [] if 1 <= port <= 65535 else ["must be between 1 and 65535, inclusive"]


def normal_platform(text: str) -> str:
    """A platform in Go's words: "linux/x86_64" is "linux/amd64"."""
    system, _, machine = text.strip().lower().partition("/")
    architecture, slash, variant = machine.partition("/")
    return f"{system}/{_MACHINES.get(architecture, architecture)}{slash}{variant}" if text.strip() else ""


def check_platform(text: str) -> list[str]:
    """What images are made for: system, architecture, and perhaps the variant."""
    if _PLATFORM.match(normal_platform(text)):
        return []
    return ["must be the platform of an image for Linux (e.g. 'linux/arm64',  or 'linux/arm/v7')"]


def check_path_segment(name: str) -> list[str]:
    """A name that may stand in a URL: those of roles and their bindings ("system:node")."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{letter}'" for letter in "/%" if letter in name]


def check_time(text: str) -> list[str]:
    """A moment, or "" where there is none."""
    return [] if not text or _TIME.match(text) else [TIME_RULE]


def check_base64(text: str) -> list[str]:
    """Base64 of the standard alphabet, padded; line ends may stand anywhere."""
    try:
        base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return ["illegal base64 data"]
    return []


def _check(text: str, longest: int, pattern: re.Pattern[str], rule: str) -> list[str]:
    problems = [f"must be no more than {longest} bytes"] if len(text) > longest else []
    return problems if pattern.match(text) else [*problems, rule]


def _round_up(value: Fraction) -> int:
    return -((-value.numerator) // value.denominator)
