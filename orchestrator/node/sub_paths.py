"""subPath: a part of a volume, which a container that writes to the volume must not turn into a way out of it.

As the kubelet does: links are resolved first and must stay inside; then each step of the way is opened by itself, and
must not be a link now; what was reached is bound, by its descriptor, to a place that no container sees, and that place
is what the engine mounts.  A link that is put there after the check leads nowhere.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import Invalid, OrchestratorError
from orchestrator.node import mounts

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_MADE = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def prepare_sub_path(root: Path, sub_path: str, make: bool, target: Path | None) -> None:
    """Have `root/sub_path`, made where it may be, and bound to `target` where that is given.

    Invalid when it leads out of `root`, OrchestratorError when it is not there, OSError when it cannot be used.
    """
    real_root = Path(os.path.realpath(root))
    real = Path(os.path.realpath(root / sub_path))
    if not real.is_relative_to(real_root):
        raise Invalid(f"subPath {sub_path!r} leads out of its volume")
    with _reached(real_root, real.relative_to(real_root).parts, sub_path, make) as descriptor:
        if target is not None:
            _bind(descriptor, target)


@contextlib.contextmanager
def _reached(root: Path, steps: tuple[str, ...], sub_path: str, make: bool) -> Iterator[int]:
    """The descriptor of what lies at the end of the way."""
    mode = stat.S_IMODE(root.stat().st_mode)
    with contextlib.ExitStack() as stack:
        here = os.open(root, os.O_PATH | os.O_CLOEXEC)
        stack.callback(os.close, here)
        for step in steps:
            try:
                here = os.open(step, _STEP, dir_fd=here)
            except FileNotFoundError as error:
                if not make:
                    raise OrchestratorError(f"subPath {sub_path!r} is not in the volume") from error
                here = _made(step, here, mode)
            stack.callback(os.close, here)
            if stat.S_ISLNK(os.fstat(here).st_mode):
                raise Invalid(f"subPath {sub_path!r} leads out of its volume: {step!r} became a link")
        yield here


def _made(step: str, parent: int, mode: int) -> int:
    """A new folder, as open as the volume itself; what its parent's setgid bit gave it stays."""
    os.mkdir(step, 0o700, dir_fd=parent)
    descriptor = os.open(step, _MADE, dir_fd=parent)
    inherited = os.fstat(descriptor).st_mode & stat.S_ISGID
    os.fchmod(descriptor, mode & 0o777 | inherited)
    return descriptor


def _bind(descriptor: int, target: Path) -> None:
    """Bind it, in the place of what an earlier attempt of the container had there."""
    mounts.unmount_below(target)
    if target.is_dir():
        target.rmdir()
    else:
        target.unlink(missing_ok=True)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        target.mkdir(mode=0o700)
    else:
        target.touch(mode=0o600)
    mounts.bind(descriptor, target)
