"""Builds `orchestrator-demo:1`, the one image of the demo: a shell, the usual small tools, Python and our programs.

python -m images.build       nothing happens when the engine has it already, made from these same sources
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from images import debian
from images.rootfs import RootFilesystem
from scripts import docker_api

IMAGE = "orchestrator-demo:1"
CONTENT_LABEL = "orchestrator.dev/content"
"""The image's label with the hash of the sources that it was made from."""

HERE = Path(__file__).parent
PROGRAMS = HERE / "demo"
"""Its files go to /app in the image."""

CHANGES = (
    "ENV PATH=/usr/bin:/usr/sbin",
    # Output is seen at once, and nothing is written beside the programs.
    "ENV PYTHONUNBUFFERED=1",
    "ENV PYTHONDONTWRITEBYTECODE=1",
    "WORKDIR /app",
    'CMD ["/bin/sh"]',
)

ETC = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    "etc/group": b"root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": b"hosts: files dns\n",
}

LEFT_OUT = ("usr/share/", "usr/lib/binfmt.d/", "etc/ld.so.conf.d/")
LEFT_OUT_WITHIN = ("/gconv/", "/engines-3/", "/ossl-modules/", "/ensurepip/", "/idlelib/", "/lib2to3/", "/pydoc_data/")


def content_hash() -> str:
    """A hash of everything in this folder that the image depends on."""
    digest = hashlib.sha256()
    for path in sorted([*HERE.glob("*.py"), *PROGRAMS.glob("*.py")]):
        digest.update(f"{path.relative_to(HERE)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def keep(name: str) -> bool:
    """Whether the image needs this file of a package: no manuals, no converters, no build tools."""
    return not name.startswith(LEFT_OUT) and not any(part in name for part in LEFT_OUT_WITHIN)


def build(tar: Path) -> None:
    """Write the image's root filesystem into `tar`."""
    debian.require_apt()
    python = debian.python_name()
    minimal = [f"{python}-minimal", f"lib{python}-minimal"]
    # Of the big half of the library only its own files: modules whose C library is absent are simply not importable.
    packages = ["busybox-static", *minimal, f"lib{python}-stdlib", *debian.libraries(minimal)]
    with RootFilesystem(tar) as root:
        for deb in debian.fetch(sorted(packages)):
            root.package(deb, keep)
            if deb.name.startswith("busybox-static_"):
                for applet in applets(deb):
                    root.link(f"usr/bin/{applet}", "busybox")
        root.link("usr/bin/python3", python)
        root.files(ETC)
        root.files({f"app/{path.name}": path.read_bytes() for path in sorted(PROGRAMS.glob("*.py"))})
        root.folder("root", 0o700)
        root.folder("tmp", 0o1777)


def applets(deb: Path) -> list[str]:
    """The commands that this busybox can be called by."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "--extract", deb, folder], check=True)
        busybox = next(path for path in Path(folder).glob("**/bin/busybox"))
        listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    return [applet for applet in listed if applet != "busybox"]


def main() -> None:
    """Build and import the image unless the engine has it."""
    content = content_hash()
    if (docker_api.image_labels(IMAGE) or {}).get(CONTENT_LABEL) == content:
        return
    print(f"making the image {IMAGE} from Debian packages ...", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder) / "root.tar"
        build(tar)
        docker_api.import_image(tar, IMAGE, [*CHANGES, f"LABEL {CONTENT_LABEL}={content}"])


if __name__ == "__main__":
    try:
        main()
    except (debian.BuildError, OSError) as error:
        sys.exit(f"cannot make {IMAGE}: {error}")
