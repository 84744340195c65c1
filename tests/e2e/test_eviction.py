"""A pod whose emptyDir on disk holds more than it may is evicted, as a kubelet does (V03)."""

from tests.e2e.daemon import Daemon
from tests.e2e.pod_status import status_of
from tests.e2e.pods import FOR_EVER, container, pod, text


def test_V03_a_limit_on_disk_evicts_the_pod(daemon: Daemon) -> None:
    """Failed with the kubelet's reason and words, whatever its restart policy; one that keeps to it goes on."""

    def filled(name: str, blocks: int, policy: str = "Always") -> str:
        fill = f"dd if=/dev/zero of=/v/file bs=64k count={blocks}; {FOR_EVER}"
        main = container(fill, volumeMounts=[{"name": "v", "mountPath": "/v"}])
        volumes = [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}]
        return text(pod(name, main, volumes=volumes, terminationGracePeriodSeconds=60, restartPolicy=policy))

    daemon.write(filled("v03-keeps", 8), "keeps.yaml")
    daemon.write(filled("v03-exceeds", 32))
    daemon.write(filled("v03-never", 32, "Never"), "never.yaml")
    words = 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '
    for name in ("v03-never", "v03-exceeds"):
        failed = daemon.wait_pod(name, lambda found: found["status"]["phase"] in ("Failed", "Succeeded"))
        told = failed["status"]
        assert (told["phase"], told["reason"], told["message"]) == ("Failed", "Evicted", words)
    assert status_of(failed)["state"]["terminated"]["exitCode"] in (0, 137)
    disrupted = [c for c in failed["status"]["conditions"] if c["type"] == "DisruptionTarget"]
    assert [(c["status"], c["reason"]) for c in disrupted] == [("True", "TerminationByKubelet")]
    assert daemon.wait_event("v03-exceeds", "Evicted")["type"] == "Warning"
    daemon.wait_containers(lambda found: not any(one["State"]["Running"] for one in found), "v03-exceeds")
    assert "Evicted" in daemon.cli("describe", "pod", "v03-exceeds")
    assert daemon.pod("v03-keeps")["status"]["phase"] == "Running"
