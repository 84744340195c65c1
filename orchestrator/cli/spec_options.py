"""The options of `run` and `validate` that say what specs may ask of the host."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from orchestrator.objects.security_levels import LEVELS
from orchestrator.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def _patterns(_ctx: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    from orchestrator.planning.sysctls import ANY, NONE, pattern_problem

    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if names in ([ANY], [NONE], []):
        return None if text is None else (names or [NONE])[0]
    if wrong := next(filter(None, map(pattern_problem, names)), ""):
        raise click.BadParameter(wrong)
    return ",".join(names)


def _range(_ctx: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    from orchestrator.objects.node_ports import parse_range

    try:
        if text is not None:
            parse_range(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return text


node_port_range = click.option(
    "--node-port-range",
    envvar="ORCHESTRATOR_NODE_PORT_RANGE",
    metavar="FIRST-LAST",
    callback=_range,
    help=f"The ports of the host that may be node ports (default: {Settings.node_port_range}).",
)
policy = click.option(
    "--policy",
    type=click.Choice(LEVELS),
    envvar="ORCHESTRATOR_POLICY",
    help="The level of the Pod Security Standards that pods must keep to, in every namespace (default: "
    f"{Settings.policy}).",
)
unsafe_sysctls = click.option(
    "--allowed-unsafe-sysctls",
    envvar="ORCHESTRATOR_ALLOWED_UNSAFE_SYSCTLS",
    metavar="NAME,...",
    callback=_patterns,
    help="Refuse, as a kubelet does, kernel settings beside the safe ones and these, such as kernel.msgmax,net.core.*; "
    f"none: beside the safe ones (default: {Settings.allowed_unsafe_sysctls} of a pod's own namespaces).",
)
