"""Checks that several kinds share: numbers in a range, addresses, ports, paths inside a volume, one of several."""

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from orchestrator.objects.meta import Part
from orchestrator.objects.problem import FieldPath, Problem, error, invalid, required
from orchestrator.objects.scalars import IntOrString, check_port_name, check_port_number

NameRule = Callable[[str], list[str]]
"""Gives what is wrong with a name, in the words of Kubernetes' API server."""

MAX_INT32 = 2**31 - 1
IP_RULE = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def at_least(value: int | None, least: int, path: FieldPath) -> list[Problem]:
    """Check a number that may be unset."""
    if value is None or value >= least:
        return []
    return [invalid(path, value, f"must be greater than or equal to {least}")]


def seconds(value: int | None, least: int, path: FieldPath) -> list[Problem]:
    """Check a span of time or a count that may be unset; no more than fits in 32 bits, as most of Kubernetes' do."""
    return at_least(value, least, path) or within(value, least, MAX_INT32, path)


def within(value: int | None, least: int, most: int, path: FieldPath) -> list[Problem]:
    """Check a number that may be unset."""
    if value is None or least <= value <= most:
        return []
    return [invalid(path, value, f"must be between {least} and {most}, inclusive")]


def ip_address(value: str, path: FieldPath) -> list[Problem]:
    """Check an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return [invalid(path, value, IP_RULE)]
    return []


def port_reference(port: IntOrString, path: FieldPath) -> list[Problem]:
    """Check a port that is given by number or by name."""
    if isinstance(port, int):
        return [invalid(path, port, rule) for rule in check_port_number(port)]
    fix = f"write {path[-1]}: {port}" if port.isdecimal() else ""
    return [invalid(path, port, rule, fix) for rule in check_port_name(port)]


def local_path(value: str, path: FieldPath) -> list[Problem]:
    """Check a path that must stay inside a volume."""
    problems = []
    if value.startswith("/"):
        problems.append(invalid(path, value, "must be a relative path"))
    if ".." in value.split("/"):
        problems.append(invalid(path, value, "must not contain '..'"))
    return problems


def name_problems(name: str, rule: NameRule, path: FieldPath) -> list[Problem]:
    """Check a name, and propose one that is nearly the same."""
    wrong = rule(name)
    if not wrong:
        return []
    better = re.sub("[^a-z0-9.-]+", "-", name.lower()).strip("-.")
    if not better or rule(better) or "{" in name or "$" in name:
        return [invalid(path, name, each) for each in wrong]
    return [invalid(path, name, each, f"write {path[-1]}: {better}") for each in wrong]


_USABLE = re.compile(r"(?!POD\Z)[A-Za-z0-9_{][A-Za-z0-9_.{}-]{0,199}\Z")


def names_that_run_here(problems: Iterable[Problem], name: str) -> list[Problem]:
    """Mark what is wrong with a name which this host can use all the same: "my_app", "Web", "shard-{{id}}".

    "POD" is the sandbox's own.
    """
    return [replace(problem, runs_here=True) if _USABLE.match(name) else problem for problem in problems]


def set_fields(part: Part, names: Iterable[tuple[str, str]]) -> list[str]:
    """Give those of the fields (attribute, outside name) that are set."""
    return [outside for attribute, outside in names if getattr(part, attribute) is not None]


def exactly_one(chosen: list[str], path: FieldPath, *, missing: str, many: str) -> list[Problem]:
    """Check that one of several fields is set; the extra ones are named in their places."""
    if not chosen:
        return [required(path, missing)]
    return [error((*path, name), f"Forbidden: {many}") for name in chosen[1:]]


def not_found(path: FieldPath, name: str) -> Problem:
    """Give an error in the words of Kubernetes' API server: Not found."""
    return error(path, f'Not found: "{name}"')
