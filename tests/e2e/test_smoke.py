"""The whole way once: a file becomes a running pod, an edit is followed, a removed file leaves nothing."""

from tests.e2e.daemon import Daemon
from tests.e2e.pod_status import restarts

POD = """
apiVersion: v1
kind: Pod
metadata: {name: smoke}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: IMAGE
    command: [sh, -c, "echo hello; sleep 1000"]
"""


def test_a_file_becomes_a_pod_and_its_removal_leaves_nothing(daemon: Daemon) -> None:
    daemon.write(POD)
    daemon.wait_ready("smoke")
    assert daemon.wait_log("smoke", "hello")
    daemon.write(POD.replace("hello", "changed"))
    pod = daemon.wait_pod("smoke", lambda pod: restarts(pod) == 1)
    assert pod["metadata"]["generation"] == 2
    assert daemon.wait_log("smoke", "changed")
    daemon.remove()
    daemon.wait_gone("smoke")
    assert daemon.containers("smoke") == []
