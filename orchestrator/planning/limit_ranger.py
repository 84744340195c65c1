"""What LimitRanges make of a new pod: amounts that it does not name, and what is said of those that it names.

Follows kubernetes/plugin/pkg/admission/limitranger.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from fractions import Fraction

from msgspec.structs import replace

from orchestrator.objects.container import ResourceRequirements
from orchestrator.objects.limit_range import LimitRange, LimitRangeItem
from orchestrator.objects.pod import Pod
from orchestrator.objects.scalars import parse_quantity
from orchestrator.planning.amounts import amount_text, amounts, most, total

Ranges = Iterable[LimitRange]
_Amounts = Mapping[str, Fraction]


def with_defaults(resources: ResourceRequirements, ranges: Ranges) -> ResourceRequirements:
    """Give a container's resources with what the ranges of its namespace add; what it names itself stays."""
    for item in _items(ranges, "Container"):
        limits, requests = _defaults(item)
        resources = replace(
            resources, limits={**limits, **resources.limits}, requests={**requests, **resources.requests}
        )
    return resources


def violations(pod: Pod, fresh: Collection[str], ranges: Ranges) -> list[str]:
    """What is wrong with a pod, in the API server's words; of its containers those named in `fresh` are judged."""
    ranges = tuple(ranges)
    found: list[str] = []
    for item in _items(ranges, "Container"):
        for container in pod.spec.every_container:
            if container.name in fresh:
                own = container.resources
                found += _of("Container", item, _exact(own.requests), _exact(own.limits))
    for item in _items(ranges, "Pod"):
        found += _of("Pod", item, _sum(pod, "requests"), _sum(pod, "limits"))
    return found


def _defaults(item: LimitRangeItem) -> tuple[dict[str, str], dict[str, str]]:
    """The default limits and requests: a limit that is not named is the maximum, a request the limit or the minimum."""
    limits = {**item.max, **item.default}
    return limits, {**item.min, **limits, **item.default_request}


def _items(ranges: Ranges, type_: str) -> Iterator[LimitRangeItem]:
    return (item for made in ranges for item in made.spec.limits if item.type == type_)


def _of(type_: str, item: LimitRangeItem, requests: _Amounts, limits: _Amounts) -> Iterator[str]:
    for name, text in item.min.items():
        least, start = parse_quantity(text), f"minimum {name} usage per {type_} is {text}"
        if name not in requests:
            yield f"{start}.  No request is specified"
        elif requests[name] < least:
            yield f"{start}, but request is {_text(name, requests[name])}"
        elif name in limits and limits[name] < least:
            yield f"{start}, but limit is {_text(name, limits[name])}"
    for name, text in item.max.items():
        bound, start = parse_quantity(text), f"maximum {name} usage per {type_} is {text}"
        if name not in limits:
            yield f"{start}.  No limit is specified"
        elif limits[name] > bound:
            yield f"{start}, but limit is {_text(name, limits[name])}"
        elif requests.get(name, Fraction(0)) > bound:
            yield f"{start}, but request is {_text(name, requests[name])}"
    for name, text in item.max_limit_request_ratio.items():
        start = f"{name} max limit to request ratio per {type_} is {text}, but"
        if not requests.get(name):
            yield f"{start} no request is specified or request is 0"
        elif not limits.get(name):
            yield f"{start} no limit is specified or limit is 0"
        elif limits[name] / requests[name] > parse_quantity(text):
            yield f"{start} provided ratio is {float(limits[name] / requests[name]):f}"


def _exact(quantities: Mapping[str, str]) -> dict[str, Fraction]:
    return {name: parse_quantity(text) for name, text in quantities.items()}


def _sum(pod: Pod, field: str) -> dict[str, Fraction]:
    """Containers together, or the largest of the init containers."""
    together = total(amounts(getattr(c.resources, field)) for c in pod.spec.containers)
    for container in pod.spec.init_containers:
        together = most(together, amounts(getattr(container.resources, field)))
    return {name: Fraction(value, 1000 if name == "cpu" else 1) for name, value in together.items()}


def _text(name: str, value: Fraction) -> str:
    return amount_text(name, round(value * 1000 if name == "cpu" else value))
