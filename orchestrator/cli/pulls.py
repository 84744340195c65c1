"""How far the pulls are that the daemon tells of: a line for each, and one for each layer that is on its way.  Pure."""

from dataclasses import dataclass

from orchestrator.cli.documents import Document

MOST_LAYERS = 5
_HERE = ("Pull complete", "Already exists")
_LOADED = ("Verifying Checksum", "Download complete", "Extracting", *_HERE)
_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
_STEPS = 4
"""A plain line is told of each quarter."""


@dataclass(frozen=True, slots=True)
class PullLine:
    """One pull: "2 of 5 layers, 34.1MB of 120.5MB", and what its layers are doing."""

    image: str
    summary: str
    layers: tuple[str, ...]
    step: int
    """How many quarters of what is known are here."""


def pull_lines(status: Document) -> tuple[PullLine, ...]:
    """The pulls of this moment, from the daemon's status."""
    return tuple(_line(pull) for pull in status.get("pulls", ()))


def _line(pull: Document) -> PullLine:
    layers = pull["layers"]
    here = sum(layer["status"] in _HERE for layer in layers)
    total = sum(layer["total"] for layer in layers)
    done = sum(layer["total"] if layer["status"] in _LOADED else layer["current"] for layer in layers)
    platform = f" for {pull['platform']}" if pull["platform"] else ""
    summary = f"{here} of {len(layers)} layers" if layers else "asking the registry"
    summary += f", {size(done)} of {size(total)}" if total else ""
    moving = [layer for layer in layers if layer["status"] not in (*_HERE, "Pulling fs layer", "Waiting")]
    told = [_layer(layer) for layer in moving[:MOST_LAYERS]]
    more = [f"... and {len(moving) - MOST_LAYERS} more"] if len(moving) > MOST_LAYERS else []
    return PullLine(pull["image"] + platform, summary, (*told, *more), done * _STEPS // total if total else 0)


def _layer(layer: Document) -> str:
    moves = layer["total"] and layer["status"] in ("Downloading", "Extracting")
    return f"{layer['id']}: {layer['status']}" + (
        f" {size(layer['current'])} of {size(layer['total'])}" if moves else ""
    )


def size(number: int) -> str:
    """Bytes as docker shows them: "34.1MB"."""
    for unit, name in _UNITS:
        if number >= unit:
            return f"{number / unit:.1f}{name}"
    return f"{number}B"
