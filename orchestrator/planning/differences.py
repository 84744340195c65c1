"""What differs between two documents of one object, in words that may be shown to anyone.

A value of the environment, of a Secret or of an HTTP header is never part of them: such an entry is only named.  Items
of a list are matched by name where they have one, so that an inserted container does not look like three changed ones.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]

_ONLY_NAMED = ("env", "httpHeaders")
"""Lists whose items have a value that is nobody's business; they are named."""
_ONLY_KEYS = ("data", "binaryData", "stringData", "annotations")
"""Mappings of which only the keys are told: secret, or long, or a copy of something that is."""
_MATCHED_BY = ("name", "mountPath")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: where it is, and what became of it ("busybox:1 -> busybox:2", "added")."""

    path: Path
    change: str

    def __str__(self) -> str:
        return f"{path_text(self.path)}: {self.change}"


def differences(old: Any, new: Any, path: Path = ()) -> tuple[Difference, ...]:
    """All that differs, in the order of the new document; None stands for a field that is not there."""
    return tuple(_walk(old, new, path))


def path_text(path: Path) -> str:
    """Give "spec.containers[0].image"; a key that is no plain word stands in brackets."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("-", "").replace("_", "").isalnum():
            text += f".{step}" if text else step
        else:
            text += f"['{step}']"
    return text


def _walk(old: Any, new: Any, path: Path) -> Iterator[Difference]:
    if old == new:
        return
    if path and path[-1] in _ONLY_KEYS and isinstance(old or new, dict):
        for key, word in _changed_names(old or {}, new or {}):
            yield Difference((*path, key), word)
    elif path and path[-1] in _ONLY_NAMED and _is_list_of_parts(old or []) and _is_list_of_parts(new or []):
        yield Difference(path, _named(old or [], new or []))
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in (*new, *(key for key in old if key not in new)):
            yield from _walk(old.get(key), new.get(key), (*path, key))
    elif _is_list_of_parts(old) and _is_list_of_parts(new):
        yield from _items(old, new, path)
    else:
        yield Difference(path, _change(old, new))


def _items(old: list[Any], new: list[Any], path: Path) -> Iterator[Difference]:
    key = next((key for key in _MATCHED_BY if _names_all(old, key) and _names_all(new, key)), None)
    if key is None:
        for index in range(max(len(old), len(new))):
            before, after = (items[index] if index < len(items) else None for items in (old, new))
            yield from _walk(before, after, (*path, index))
        return
    olds = {item[key]: item for item in old}
    news = {item[key]: item for item in new}
    for index, (name, item) in enumerate(news.items()):
        yield from _walk(olds.get(name), item, (*path, index))
    for index, name in enumerate(olds):
        if name not in news:
            yield Difference((*path, index), f"removed ({name})")
    if [name for name in olds if name in news] != [name for name in news if name in olds]:
        yield Difference(path, "another order")


def _names_all(items: list[Any], key: str) -> bool:
    names = [item.get(key) for item in items]
    return None not in names and len(set(names)) == len(names)


def _named(old: list[Any], new: list[Any]) -> str:
    """What became of which variable; of several with one name, of all."""
    before, after = ({str(item.get("name")): item for item in items} for items in (old, new))
    told = [f"{name} {word}" for name, word in _changed_names(before, after)]
    return ", ".join(told) if told else "another order"


def _changed_names(old: dict[str, Any], new: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for name in (*new, *(name for name in old if name not in new)):
        if name not in old:
            yield name, "added"
        elif name not in new:
            yield name, "removed"
        elif old[name] != new[name]:
            yield name, "changed"


def _is_list_of_parts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _change(old: Any, new: Any) -> str:
    if _is_showable(old) and _is_showable(new):
        return f"{_shown(old)} -> {_shown(new)}"
    name = (old or new).get("name") if isinstance(old or new, dict) else None
    word = "added" if old is None else "removed" if new is None else "changed"
    return f"{word} ({name})" if name else word


def _is_showable(value: Any) -> bool:
    """Scalars and lists of them; anything deeper may hold what may not be shown."""
    if isinstance(value, list):
        return not any(isinstance(item, dict | list) for item in value)
    return not isinstance(value, dict)


def _shown(value: Any) -> str:
    if value is None:
        return "(none)"
    plain = isinstance(value, str) and value.isprintable() and value and " " not in value
    text = value if plain else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
