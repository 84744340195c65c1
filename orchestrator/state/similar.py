"""Events that differ in their message only: after the tenth in ten minutes they are told as one.

A probe whose output differs each time would else fill the log.  As client-go's EventAggregator does it for the kubelet.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

MOST = 10
"""Different messages of one kind that are told each for itself."""
WINDOW = 600.0
"""Seconds without one of the kind, after which it starts anew."""
PREFIX = "(combined from similar events): "
_KINDS = 1024
"""Different kinds that are remembered; each pod that is made anew has kinds of its own."""


@dataclass(slots=True)
class _Kind:
    messages: set[int] = field(default_factory=set)
    """By hash: some messages are long."""
    last: float = 0.0


class Similar:
    """Remembers which messages each kind of Event had; `kind` is any text that says about whom and why."""

    def __init__(self) -> None:
        self._kinds: OrderedDict[str, _Kind] = OrderedDict()

    def __len__(self) -> int:
        """How many kinds are remembered."""
        return len(self._kinds)

    def is_too_many(self, kind: str, message: str, now: float) -> bool:
        """Note one more; say whether it is to be told together with others of its kind.  `now` is in Unix seconds."""
        self._forget(now - WINDOW)
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds[kind] = _Kind()
        known.last = now
        self._kinds.move_to_end(kind)
        if hash(message) in known.messages:
            return False
        if len(known.messages) >= MOST - 1:
            return True
        known.messages.add(hash(message))
        return False

    def _forget(self, limit: float) -> None:
        """Drop the kinds not seen since then, and those seen longest ago where there are too many."""
        while self._kinds:
            kind, known = next(iter(self._kinds.items()))
            if known.last >= limit and len(self._kinds) < _KINDS:
                return
            del self._kinds[kind]
