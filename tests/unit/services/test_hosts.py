from pathlib import Path

from orchestrator.objects.container import Container
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.pod import HostAlias, Pod, PodSpec
from orchestrator.services.hosts import HostsFiles, Name

BACKEND = Name("default", "backend", ("10.201.2.9",))


def pod(name: str = "web", namespace: str = "default", **spec: object) -> Pod:
    containers = (Container(name="c", image="i"),)
    return Pod(
        metadata=ObjectMeta(name=name, namespace=namespace, uid=f"uid-{name}"),
        spec=PodSpec(containers=containers, **spec),  # type: ignore[arg-type]
    )


def test_the_file_is_the_kubelets_with_the_services_names(tmp_path: Path) -> None:
    files = HostsFiles(tmp_path)
    files.publish([BACKEND, Name("other", "db", ("10.201.6.7",)), Name("default", "all", ("10.201.0.3", "10.201.0.4"))])
    aliases = (HostAlias(ip="1.2.3.4", hostnames=("far", "far.example")),)
    path = files.prepare(pod(host_aliases=aliases, hostname="front", subdomain="pods"), "10.201.0.2")
    assert path == files.path("uid-web") == tmp_path / "pods/uid-web/hosts"
    assert path.read_text() == (
        "# Kubernetes-managed hosts file.\n"
        "127.0.0.1\tlocalhost\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        "fe00::0\tip6-localnet\n"
        "fe00::0\tip6-mcastprefix\n"
        "fe00::1\tip6-allnodes\n"
        "fe00::2\tip6-allrouters\n"
        "10.201.0.2\tfront.pods.default.svc.cluster.local\tfront\n"
        "10.201.0.3\tall\tall.default\tall.default.svc\tall.default.svc.cluster.local\n"
        "10.201.0.4\tall\tall.default\tall.default.svc\tall.default.svc.cluster.local\n"
        "10.201.2.9\tbackend\tbackend.default\tbackend.default.svc\tbackend.default.svc.cluster.local\n"
        "10.201.6.7\tdb.other\tdb.other.svc\tdb.other.svc.cluster.local\n"
        "\n"
        "# Entries added by HostAliases.\n"
        "1.2.3.4\tfar\tfar.example\n"
    )
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_change_keeps_the_inode_that_containers_have_mounted(tmp_path: Path) -> None:
    files = HostsFiles(tmp_path)
    files.publish([BACKEND])
    path = files.prepare(pod(), None)
    inode = path.stat().st_ino
    files.prepare(pod(), "10.201.0.2")
    assert "10.201.0.2\tweb\n" in path.read_text()
    files.publish([])
    assert "backend" not in path.read_text()
    assert path.read_text().endswith("10.201.0.2\tweb\n")
    assert path.stat().st_ino == inode


def test_what_is_equal_is_not_written(tmp_path: Path) -> None:
    files = HostsFiles(tmp_path)
    files.publish([BACKEND])
    path = files.prepare(pod(), "10.201.0.2")
    before = path.stat().st_mtime_ns
    files.publish([BACKEND])
    files.prepare(pod(), "10.201.0.2")
    assert path.stat().st_mtime_ns == before


def test_a_new_daemon_leaves_the_file_alone_until_it_knows_the_names(tmp_path: Path) -> None:
    earlier = HostsFiles(tmp_path)
    earlier.publish([BACKEND])
    path = earlier.prepare(pod(), "10.201.0.2")
    later = HostsFiles(tmp_path)
    later.prepare(pod(), "10.201.0.2")
    assert "backend" in path.read_text()
    later.publish([Name("default", "new", ("10.201.2.8",))])
    assert "backend" not in path.read_text()
    assert "new.default" in path.read_text()


def test_a_removed_pod_has_no_file_any_more(tmp_path: Path) -> None:
    files = HostsFiles(tmp_path)
    path = files.prepare(pod(), None)
    files.remove("uid-web")
    files.remove("uid-web")
    files.publish([BACKEND])
    assert not path.parent.exists()
