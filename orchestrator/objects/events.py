"""core/v1 Event: something worth telling happened to an object."""

from typing import Literal

from orchestrator.objects.meta import Object, ObjectReference, Part, shown
from orchestrator.objects.scalars import Time


class EventSource(Part, frozen=True, kw_only=True):
    """Who says so."""

    component: str = ""
    host: str = ""


class EventSeries(Part, frozen=True, kw_only=True):
    """An event that goes on."""

    count: int = 0
    last_observed_time: Time = ""


class Event(Object, frozen=True, kw_only=True):
    """One thing that happened, or the same thing `count` times from `first_timestamp` to `last_timestamp`."""

    api_version: Literal["v1"] = shown("v1")
    kind: Literal["Event"] = shown("Event")
    involved_object: ObjectReference
    type: str = ""
    """Normal or Warning."""
    reason: str = ""
    message: str = ""
    count: int = 0
    first_timestamp: Time = ""
    last_timestamp: Time = ""
    event_time: Time = ""
    source: EventSource = EventSource()
    action: str = ""
    related: ObjectReference | None = None
    reporting_component: str = ""
    reporting_instance: str = ""
    series: EventSeries | None = None
