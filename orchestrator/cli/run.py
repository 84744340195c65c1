"""`orchestrator run`: the daemon in the foreground, or (`--live`) beside a live picture of its pods."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from orchestrator.cli.image_options import check_thresholds, image_collection
from orchestrator.cli.spec_options import node_port_range, policy, unsafe_sysctls
from orchestrator.logs import Format
from orchestrator.settings import Settings, loopback

F = TypeVar("F", bound=Callable[..., Any])

LEVELS = ("debug", "info", "warning", "error")
_FOLDER = click.Path(path_type=Path, file_okay=False)
_SECONDS = click.FloatRange(min=0)
_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
"""Short enough, and of such letters, that names of containers, networks and tables are made of it as it stands."""


def _instance(_ctx: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    if name is not None and not _INSTANCE.fullmatch(name):
        raise click.BadParameter(f"{name!r} is no name: at most 40 letters, digits, dots, dashes and underscores")
    return name


def _subdomain(_ctx: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    from orchestrator.objects.scalars import check_subdomain

    if name is not None and (wrong := check_subdomain(name)):
        raise click.BadParameter(f"{name!r}: {wrong[0]}")
    return name


def _amounts(_ctx: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    from orchestrator.planning.amounts import parse_amounts

    try:
        parse_amounts(text or "")
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return text


def _thresholds(_ctx: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    from orchestrator.planning.pressure import parse_thresholds

    try:
        parse_thresholds(text or "")
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return text


_PLACE = (
    click.option(
        "--state-dir",
        type=_FOLDER,
        envvar="ORCHESTRATOR_STATE_DIR",
        help="Where the journal, claims and volumes are kept (default for root: /var/lib/orchestrator).",
    ),
    click.option(
        "--run-dir",
        type=_FOLDER,
        envvar="ORCHESTRATOR_RUN_DIR",
        help="Where socket, secrets and hosts files are (default for root: /run/orchestrator).",
    ),
    click.option(
        "--instance",
        envvar="ORCHESTRATOR_INSTANCE",
        metavar="NAME",
        callback=_instance,
        help=f"Two instances on one engine do not see each other (default: {Settings.instance}).",
    ),
    click.option(
        "--engine-url",
        envvar="ORCHESTRATOR_ENGINE_URL",
        help="The engine (default: $DOCKER_HOST, else Docker's socket).",
    ),
    click.option(
        "--pool",
        envvar="ORCHESTRATOR_POOL",
        metavar="CIDR",
        help=f"The range that networks are cut out of (default: {Settings.pool}).",
    ),
)


def folders_and_engine(function: F) -> F:
    """Add the options that say where a daemon has its place, for whoever runs one or looks for one."""
    for option in reversed(_PLACE):
        function = option(function)
    return function


def _loopback(_ctx: click.Context, _option: click.Parameter, address: str | None) -> str | None:
    try:
        if address:
            loopback(address)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return address


@click.command(short_help="Run the daemon on files and folders of YAML.")
@click.argument("specs", nargs=-1, required=True, type=click.Path(path_type=Path))
@folders_and_engine
@click.option(
    "--down-on-exit", is_flag=True, default=None, envvar="ORCHESTRATOR_DOWN_ON_EXIT", help="Stop all pods at the end."
)
@click.option(
    "--node-name",
    envvar="ORCHESTRATOR_NODE_NAME",
    callback=_subdomain,
    help="The node's name in pods' status (default: the host's).",
)
@node_port_range
@click.option(
    "--backoff-base",
    type=_SECONDS,
    envvar="ORCHESTRATOR_BACKOFF_BASE",
    metavar="SECONDS",
    help=f"First back-off (default: {Settings.backoff_base:g}).",
)
@click.option(
    "--backoff-max",
    type=_SECONDS,
    envvar="ORCHESTRATOR_BACKOFF_MAX",
    metavar="SECONDS",
    help=f"Longest back-off (default: {Settings.backoff_max:g}).",
)
@click.option(
    "--empty-folder-delay",
    type=_SECONDS,
    envvar="ORCHESTRATOR_EMPTY_FOLDER_DELAY",
    metavar="SECONDS",
    help=f"How long an emptied folder may stay so before its objects go (default: {Settings.empty_folder_delay:g}).",
)
@click.option(
    "--cluster-domain",
    envvar="ORCHESTRATOR_CLUSTER_DOMAIN",
    metavar="DOMAIN",
    callback=_subdomain,
    help=f"What full names of Services end in (default: {Settings.cluster_domain}).",
)
@click.option(
    "--service-mode",
    type=click.Choice(["auto", "names"]),
    envvar="ORCHESTRATOR_SERVICE_MODE",
    help="Carry Services in the kernel where that can be (auto), or by name alone: no rules, no routes (default: "
    f"{Settings.service_mode}).",
)
@click.option(
    "--dns",
    type=click.Choice(["on", "off"]),
    envvar="ORCHESTRATOR_DNS",
    help=f"Answer pods' DNS questions at their network's gateway, beside the hosts files (default: {Settings.dns}).",
)
@click.option(
    "--resolv-conf",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="ORCHESTRATOR_RESOLV_CONF",
    help=f"The host's name servers and search list, for pods (default: {Settings.resolv_conf}).",
)
@click.option(
    "--system-reserved",
    envvar="ORCHESTRATOR_SYSTEM_RESERVED",
    metavar="AMOUNTS",
    callback=_amounts,
    help="What of the host pods may not have, e.g. cpu=250m,memory=512Mi (default: nothing).",
)
@click.option(
    "--eviction-hard",
    envvar="ORCHESTRATOR_EVICTION_HARD",
    metavar="THRESHOLDS",
    callback=_thresholds,
    help=f"When pods are evicted because the host is short, or none (default: {Settings.eviction_hard}).",
)
@click.option(
    "--pod-pids-limit",
    type=click.IntRange(min=0),
    envvar="ORCHESTRATOR_POD_PIDS_LIMIT",
    metavar="NUMBER",
    help="How many processes a container may have (default: no limit).",
)
@click.option(
    "--socket-group",
    envvar="ORCHESTRATOR_SOCKET_GROUP",
    metavar="GROUP",
    help=f"Who may use the socket beside root (default: {Settings.socket_group}, where there is such a group).",
)
@click.option(
    "--namespace-isolation",
    type=click.Choice(["on", "off"]),
    envvar="ORCHESTRATOR_NAMESPACE_ISOLATION",
    help=f"Keep pods away from other namespaces' pods and Services (default: {Settings.namespace_isolation}).",
)
@image_collection
@policy
@unsafe_sysctls
@click.option(
    "--metrics-address",
    envvar="ORCHESTRATOR_METRICS_ADDRESS",
    metavar="HOST:PORT",
    callback=_loopback,
    help="Serve GET /metrics on this loopback address too, such as 127.0.0.1:9100 (default: on the socket only).",
)
@click.option(
    "--log-level", type=click.Choice(LEVELS), default="info", envvar="ORCHESTRATOR_LOG_LEVEL", show_default=True
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    envvar="ORCHESTRATOR_LOG_FORMAT",
    show_default=True,
    help="Lines for people, or an object of JSON each.",
)
@click.option("--live", is_flag=True, help="Draw the pods until all are ready; the log goes to STATE_DIR/daemon.log.")
def command(specs: tuple[Path, ...], log_level: str, log_format: Format, live: bool, **flags: Any) -> int:
    """Run the daemon: keep what SPECS (files and folders) describe running, and follow every edit.

    SIGTERM or Ctrl-C ends the daemon and leaves the pods running, unless --down-on-exit is given.  SIGHUP lets it read
    its specs again; at a terminal it ends the daemon, for the terminal is gone.

    Each option but --live has a variable too, which a flag goes before: ORCHESTRATOR_LOG_LEVEL is --log-level.
    """
    settings = Settings(specs=specs, **{name: value for name, value in flags.items() if value is not None})
    check_thresholds(settings)
    if live:
        from orchestrator.cli.live import follow

        return follow(settings, daemon_arguments(settings, log_level, log_format))
    with _without_certificates_of_the_system():
        from orchestrator import app, logs

    logs.set_up(log_level, form=log_format)
    return app.main(settings)


@contextmanager
def _without_certificates_of_the_system() -> Iterator[None]:
    """aiohttp reads them all when it is imported (2 MB, 60 ms).  The daemon talks to nobody who is judged by them."""
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR")
    before = {name: os.environ.get(name) for name in names}
    os.environ |= dict.fromkeys(names, os.devnull)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def daemon_arguments(settings: Settings, log_level: str, log_format: Format = "text") -> list[str]:
    """Give the command line that runs a daemon with exactly these settings."""
    arguments = ["run", *map(str, settings.specs), "--log-level", log_level, "--log-format", log_format]
    for field in fields(settings):
        value = getattr(settings, field.name)
        flag = "--" + field.name.replace("_", "-")
        if isinstance(value, bool):
            arguments += [flag] if value else []
        elif field.name != "specs":
            arguments += [flag, str(value)]
    return arguments
