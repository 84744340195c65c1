"""What a container was started with."""

from tests.e2e.daemon import Daemon


def environ(daemon: Daemon, name: str, container: str = "") -> dict[str, str]:
    """The environment that the container's own process was started with."""
    found = daemon.exec(name, "cat", "/proc/1/environ", container=container)
    return dict(item.split("=", 1) for item in found.split("\0") if item)
