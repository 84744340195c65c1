"""Amounts of what a host has to give, as whole numbers: cpu in thousandths of a core, all else in its own unit."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from orchestrator.objects.scalars import QUANTITY_RULE, parse_quantity, quantity_milli, quantity_units

Amounts = Mapping[str, int]

_BYTES = ("memory", "ephemeral-storage")
_BINARY = ((1 << 40, "Ti"), (1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki"))


@lru_cache(maxsize=4096)
def amount(name: str, text: str) -> int:
    """The amount that a quantity says."""
    return quantity_milli(text) if name == "cpu" else quantity_units(text)


def amounts(quantities: Mapping[str, str]) -> dict[str, int]:
    """All of them."""
    return {name: amount(name, text) for name, text in quantities.items()}


def total(parts: Iterable[Amounts]) -> dict[str, int]:
    """The sum of several."""
    result: dict[str, int] = {}
    for part in parts:
        for name, value in part.items():
            result[name] = result.get(name, 0) + value
    return result


def most(first: Amounts, second: Amounts) -> dict[str, int]:
    """Of each the larger one."""
    return {name: max(first.get(name, 0), second.get(name, 0)) for name in {**first, **second}}


def amount_text(name: str, value: int) -> str:
    """An amount for people: "250m" and "2" of cpu, "512Mi" of memory, "1" of anything else."""
    if name == "cpu":
        return f"{value}m" if value % 1000 else str(value // 1000)
    if name not in _BYTES:
        return str(value)
    for unit, suffix in _BINARY:
        if value >= unit:
            return f"{_short(value / unit)}{suffix}"
    return str(value)


def parse_amounts(text: str) -> dict[str, int]:
    """Read "cpu=250m,memory=512Mi", as the kubelet's --system-reserved is written; ValueError says what is wrong."""
    found: dict[str, int] = {}
    for part in filter(None, (word.strip() for word in text.split(","))):
        name, _, quantity = part.partition("=")
        if name not in ("cpu", *_BYTES):
            raise ValueError(f"{part!r}: write cpu=, memory= or ephemeral-storage=, and how much")
        try:
            value = parse_quantity(quantity)
        except ValueError as error:
            raise ValueError(f"{part!r}: {quantity!r} is no quantity: {QUANTITY_RULE}") from error
        if value < 0:
            raise ValueError(f"{part!r}: must not be negative")
        found[name] = amount(name, quantity)
    return found


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
