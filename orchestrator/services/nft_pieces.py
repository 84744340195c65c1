"""What the ways to pods are made of: chains with their rules, maps and sets, and elements of them.  Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Piece:
    """A chain with its rules, or a map or set with what it holds (`content` is one line then)."""

    kind: Literal["chain", "map", "set"]
    name: str
    content: tuple[str, ...]

    def add(self, table: str) -> list[str]:
        """The commands that make it."""
        if self.kind == "chain":
            rules = [f"add rule ip {table} {self.name} {rule}" for rule in self.content]
            return [f"add chain ip {table} {self.name}", *rules]
        return [f"add {self.kind} ip {table} {self.name} {{ {' '.join(self.content)} }}"]


def remove_pieces(table: str, was: Iterable[Piece], now: Collection[Piece]) -> list[str]:
    """Remove what nothing leads to any more."""
    return [f"delete {piece.kind} ip {table} {piece.name}" for piece in reversed(list(was)) if piece not in now]


def add_pieces(table: str, was: Collection[Piece], now: Iterable[Piece]) -> list[str]:
    """Make what something leads to for the first time."""
    return [line for piece in now if piece not in was for line in piece.add(table)]


def elements(verb: str, table: str, name: str, texts: Iterable[str]) -> list[str]:
    """The command for these elements of a map or set; none for none."""
    text = ", ".join(texts)
    return [f"{verb} element ip {table} {name} {{ {text} }}"] if text else []
