"""When an Event was seen, in words; shared by `events` and `describe`.  Pure."""

from collections.abc import Iterable

from orchestrator.api.ages import age
from orchestrator.cli.documents import Document


def sort_events(events: Iterable[Document]) -> list[Document]:
    """Order Events by when they were last seen, the newest last; within a second, by when the daemon wrote them."""
    return sorted(events, key=lambda event: (last_seen(event), int(event["metadata"].get("resourceVersion", 0))))


def last_seen(event: Document) -> str:
    """Give the RFC 3339 time at which an Event was last seen."""
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp", ""))


def first_seen(event: Document) -> str:
    """Give the RFC 3339 time at which an Event was first seen."""
    return str(event.get("firstTimestamp") or last_seen(event))


def since_text(event: Document, now: float) -> str:
    """Give "5s", or "5s (x3 over 2m)" for what happened several times."""
    seen = age(last_seen(event), now)
    count = event.get("count", 1)
    return f"{seen} (x{count} over {age(event.get('firstTimestamp', ''), now)})" if count > 1 else seen
