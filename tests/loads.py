"""What files say, read once, as `validate` reads them."""

from collections.abc import Iterable
from pathlib import Path

from orchestrator.sources import files
from orchestrator.sources.files import Scan
from orchestrator.sources.located import Load
from orchestrator.sources.yaml_loader import Loader, decode_file, merge


def load(paths: Iterable[str | Path]) -> Load:
    """Load files and folders."""
    scan = files.scan([str(path) for path in paths])
    return merge(Loader().refresh(scan), scan)


def load_bytes(data: bytes, name: str) -> Load:
    """Load what came from elsewhere than a file; `name` stands for the file's."""
    return merge({name: decode_file(data, name)}, Scan())
