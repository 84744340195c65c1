"""Case D09: two instances on one engine, each with its own daemon, do not see each other."""

from collections.abc import Callable

from tests.e2e.daemon import Daemon
from tests.e2e.pod_status import restarts
from tests.e2e.pods import FOR_EVER, pod, text
from tests.e2e.traffic import service


def test_D09_two_instances_with_pods_of_one_name_do_not_see_each_other(new_daemon: Callable[..., Daemon]) -> None:
    left, right = new_daemon().start(), new_daemon("--down-on-exit").start()
    both = {"left": left, "right": right}
    for word, daemon in both.items():
        daemon.write(
            text(
                pod("d09", f"echo I am {word}; {FOR_EVER}", labels={"app": "d09"}), service("d09", "d09", {"port": 80})
            )
        )
    uids = {word: daemon.wait_ready("d09")["metadata"]["uid"] for word, daemon in both.items()}
    assert len(set(uids.values())) == 2
    for word, daemon in both.items():
        assert daemon.cli("get", "pods", "-A", "-o", "name") == "pod/d09\n"
        assert daemon.logs("d09") == f"I am {word}\n"
        assert {event["involvedObject"].get("uid") for event in daemon.events("d09", "Started")} == {uids[word]}
        assert daemon.exec("d09", "hostname") == "d09\n"
    before = left.life()
    assert not before.items() & right.life().items()

    # What one does to its pod is nothing to the other: an edit, a deletion, and the end of all that it has.
    right.write(
        text(pod("d09", f"echo I am new; {FOR_EVER}", labels={"app": "d09"}), service("d09", "d09", {"port": 80}))
    )
    right.wait_log("d09", "I am new")
    right.cli("delete", "pod", "d09")
    right.wait_ready("d09")
    assert left.life() == before
    events = {event["metadata"]["name"] for event in left.events("d09")}
    assert right.stop() == 0
    assert right.containers() == []
    left.restart()
    again = left.wait_ready("d09")
    assert (again["metadata"]["uid"], restarts(again), left.life()) == (uids["left"], 0, before)
    assert {event["metadata"]["name"] for event in left.events("d09")} >= events
    assert not left.events("d09", "Killing")
    address = left.get("services", "d09")["spec"]["clusterIP"]
    assert left.exec("d09", "sh", "-c", "grep d09.default.svc /etc/hosts").split()[0] == address
