"""The options of `run` that say when images are removed; named as the kubelet names them."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from orchestrator.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

_PERCENT = click.IntRange(0, 100)
_OPTIONS = (
    click.option(
        "--image-gc-high-threshold",
        type=_PERCENT,
        envvar="ORCHESTRATOR_IMAGE_GC_HIGH_THRESHOLD",
        metavar="PERCENT",
        help="Disk usage above which pulled images that nobody needs are removed, 100 for never "
        f"(default: {Settings.image_gc_high_threshold}).",
    ),
    click.option(
        "--image-gc-low-threshold",
        type=_PERCENT,
        envvar="ORCHESTRATOR_IMAGE_GC_LOW_THRESHOLD",
        metavar="PERCENT",
        help=f"Disk usage down to which they are removed (default: {Settings.image_gc_low_threshold}).",
    ),
    click.option(
        "--minimum-image-ttl-duration",
        type=click.FloatRange(min=0),
        envvar="ORCHESTRATOR_MINIMUM_IMAGE_TTL_DURATION",
        metavar="SECONDS",
        help=f"How long an image is kept at least (default: {Settings.minimum_image_ttl_duration:g}).",
    ),
)


def image_collection(function: F) -> F:
    """Add the options."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def check_thresholds(settings: Settings) -> None:
    """Refuse what would remove images for ever: the low threshold is below the high one."""
    low, high = settings.image_gc_low_threshold, settings.image_gc_high_threshold
    if low >= high:
        raise click.UsageError(f"--image-gc-low-threshold ({low}) must be below --image-gc-high-threshold ({high})")
