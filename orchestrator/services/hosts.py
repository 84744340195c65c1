"""The /etc/hosts file of each pod: its own name, the Services' names, and its hostAliases.

The file is mounted into containers, so it is written in place: a container that runs keeps seeing the same inode.  It
is written only when its content changes.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.objects.pod import Pod
from orchestrator.planning.container import domain_of, hostname_of
from orchestrator.planning.housekeeping import is_uid

_HEAD = """\
# Kubernetes-managed hosts file{note}.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


@dataclass(frozen=True, slots=True)
class Name:
    """A name inside a namespace and the addresses that it leads to.

    `name` is a Service's ("web"), or that of a pod behind a headless one ("web-0.web").
    """

    namespace: str
    name: str
    addresses: tuple[str, ...]


class HostsFiles:
    """The hosts files of all pods, one in `run_dir/pods/UID/hosts` each."""

    def __init__(self, run_dir: Path, cluster_domain: str = "cluster.local") -> None:
        self._pods_dir = run_dir / "pods"
        self._domain = cluster_domain
        self._names: tuple[Name, ...] | None = None
        self._published: tuple[Name, ...] | None = None
        self._behind = False
        self._pods: dict[str, tuple[Pod, str | None]] = {}

    def path(self, uid: str) -> Path:
        """Where the file of the pod with this uid is."""
        return self._pods_dir / uid / "hosts"

    def uids(self) -> set[str]:
        """All pods that have a file."""
        entries = self._pods_dir.iterdir() if self._pods_dir.is_dir() else ()
        return {entry.name for entry in entries if is_uid(entry.name) and not entry.is_symlink()}

    def prepare(self, pod: Pod, ip: str | None) -> Path:
        """Write the pod's file, before its containers are made and again when its address is known.

        OSError when the disk refuses.
        """
        self._pods[pod.metadata.uid] = (pod, ip)
        path = self.path(pod.metadata.uid)
        if self._names is None and path.exists():
            # An earlier daemon wrote it, with names that we do not know yet: `publish` will.
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_in_place(path, render(pod, ip, self._names or (), self._domain))
        return path

    def publish(self, names: tuple[Name, ...]) -> None:
        """From now on these names hold, in the files of all pods.  OSError when the disk refuses: call it again."""
        if names is self._published and not self._behind:
            return
        ordered = tuple(sorted(names, key=lambda entry: (entry.namespace, entry.name)))
        self._published = names
        if ordered == self._names and not self._behind:
            return
        self._names, self._behind = ordered, True
        for pod, ip in self._pods.values():
            self.prepare(pod, ip)
        self._behind = False

    def remove(self, uid: str) -> None:
        """The pod is gone, and its file with it; absent is fine."""
        self._pods.pop(uid, None)
        shutil.rmtree(self.path(uid).parent, ignore_errors=True)


def render(pod: Pod, ip: str | None, names: Iterable[Name], domain: str) -> str:
    """The text of a pod's file, as the kubelet writes it, with the Services' names between own name and aliases."""
    note = " (host network)" if pod.spec.host_network else ""
    lines = [_HEAD.format(note=note)]
    if ip:
        lines.append("\t".join((ip, *_own_names(pod, domain))) + "\n")
    for entry in names:
        forms = "\t".join(_forms(entry, pod.metadata.namespace, domain))
        lines += [f"{address}\t{forms}\n" for address in entry.addresses]
    if pod.spec.host_aliases:
        lines.append("\n# Entries added by HostAliases.\n")
        lines += ["\t".join((alias.ip, *alias.hostnames)) + "\n" for alias in pod.spec.host_aliases]
    return "".join(lines)


def _own_names(pod: Pod, domain: str) -> Iterator[str]:
    hostname, own_domain = hostname_of(pod), domain_of(pod, domain)
    if own_domain:
        yield f"{hostname}.{own_domain}"
    yield hostname


def _forms(entry: Name, namespace: str, domain: str) -> Iterator[str]:
    if entry.namespace == namespace:
        yield entry.name
    yield f"{entry.name}.{entry.namespace}"
    yield f"{entry.name}.{entry.namespace}.svc"
    yield f"{entry.name}.{entry.namespace}.svc.{domain}"


def _write_in_place(path: Path, text: str) -> None:
    """New content first, then the new length: a reader may see a mix for a moment, but never an empty file.

    On a full disk a write may stop halfway without a word: nothing is overwritten before there is room for all.
    """
    content = text.encode()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if os.pread(descriptor, len(content) + 1, 0) == content:
            return
        os.fchmod(descriptor, 0o644)
        before = os.fstat(descriptor).st_size
        try:
            os.posix_fallocate(descriptor, 0, len(content))
        except OSError:
            os.ftruncate(descriptor, before)
            raise
        written = 0
        while written < len(content):
            written += os.pwrite(descriptor, content[written:], written)
        os.ftruncate(descriptor, len(content))
    finally:
        os.close(descriptor)
