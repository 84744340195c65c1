"""LimitRange: what the containers and pods of a namespace get, and how much they may ask for."""

from collections.abc import Mapping
from typing import Literal

from orchestrator.objects.meta import Object, Part, shown
from orchestrator.objects.scalars import Quantity


class LimitRangeItem(Part, frozen=True, kw_only=True):
    """Bounds of one kind of thing; `default` is of limits, `default_request` of requests, both of containers only."""

    type: str
    max: Mapping[str, Quantity] = {}
    min: Mapping[str, Quantity] = {}
    default: Mapping[str, Quantity] = {}
    default_request: Mapping[str, Quantity] = {}
    max_limit_request_ratio: Mapping[str, Quantity] = {}


class LimitRangeSpec(Part, frozen=True, kw_only=True):
    """All of them."""

    limits: tuple[LimitRangeItem, ...]


class LimitRange(Object, frozen=True, kw_only=True):
    """Defaults and bounds for the pods of a namespace, applied when a pod is made.

    Follows https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/limit-range-v1/.
    """

    api_version: Literal["v1"] = shown("v1")
    kind: Literal["LimitRange"] = shown("LimitRange")
    spec: LimitRangeSpec = LimitRangeSpec(limits=())
