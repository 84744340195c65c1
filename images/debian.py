"""Debian packages as a source of programs: fetched with apt, never installed, no root needed.

Works on any Debian or Ubuntu with package lists; everything fetched stays in a cache folder.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path


class BuildError(Exception):
    """An image cannot be built; the text says what is missing and how to mend it."""


def cache_folder() -> Path:
    """Where packages are kept between builds: $XDG_CACHE_HOME/orchestrator, by default ~/.cache/orchestrator."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "orchestrator" / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def require_apt() -> None:
    """Raise BuildError where there is no apt, and see to it that apt has its package lists."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise BuildError(
            "the demo's image is made from Debian packages and this system has no apt-get and dpkg-deb.  "
            'Make it on Debian or Ubuntu and move it: "docker save orchestrator-demo:1", here "docker load"'
        )
    if not _depends("python3-minimal"):
        refresh_lists()


def refresh_lists() -> None:
    """Fetch apt's package lists, which only root may do."""
    if os.geteuid() != 0:
        raise BuildError("apt's package lists are missing or old.  As root: apt-get update (Ubuntu: with universe)")
    _run("apt-get", "update")


def python_name() -> str:
    """The distribution's own Python, "python3.11" on Debian 12."""
    for name in _depends("python3-minimal"):
        if found := re.fullmatch(r"(python3\.\d+)-minimal", name):
            return found[1]
    raise BuildError("apt knows no python3-minimal package.  As root: apt-get update")


def libraries(packages: list[str]) -> list[str]:
    """What these packages need directly, without themselves; of alternatives the first."""
    needed = {name for package in packages for name in _depends(package)}
    return sorted(needed.difference(packages))


def fetch(packages: list[str]) -> list[Path]:
    """The .deb files of these packages' newest versions, from the cache where it has them."""
    try:
        wanted = _uris(packages)
        _download([package for package, file, size in wanted if not _cached(file, size)])
    except BuildError:
        # Old lists name versions that the mirror has dropped.
        refresh_lists()
        wanted = _uris(packages)
        _download([package for package, file, size in wanted if not _cached(file, size)])
    return [cache_folder() / file for _, file, _ in wanted]


def _cached(file: str, size: int) -> bool:
    path = cache_folder() / file
    return path.exists() and path.stat().st_size == size


def _download(packages: list[str]) -> None:
    if packages:
        # Root's apt would step down to a user who cannot write into root's cache folder.
        _run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *packages)


def _uris(packages: list[str]) -> list[tuple[str, str, int]]:
    """(package, file name, bytes) as apt would download them: lines of 'URI' FILE SIZE HASH."""
    # In a folder of its own: apt is silent about files that lie in the current one.
    with tempfile.TemporaryDirectory() as empty:
        lines = _run("apt-get", "-q", "download", "--print-uris", *packages, folder=Path(empty)).splitlines()
    found = [line.split() for line in lines if line.startswith("'")]
    wanted = [(file.partition("_")[0], file, int(size)) for _, file, size, *_ in found]
    if missing := set(packages).difference(package for package, _, _ in wanted):
        raise BuildError(f"apt does not say where to find {', '.join(sorted(missing))}")
    return wanted


def _depends(package: str) -> list[str]:
    """Names in the package's Depends and Pre-Depends; none when apt does not know the package."""
    shown = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", package], capture_output=True, text=True, check=False
    )
    fields = re.findall(r"^(?:Pre-)?Depends: (.*)$", shown.stdout, re.MULTILINE)
    return [re.split(r"[ :|(]", clause.strip())[0] for field in fields for clause in field.split(",")]


def _run(*argv: str, folder: Path | None = None) -> str:
    environment = os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, cwd=folder or cache_folder(), env=environment
    )
    if done.returncode != 0:
        raise BuildError(f"{' '.join(argv)} failed: {done.stderr.strip()}")
    return done.stdout
