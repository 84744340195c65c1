"""Events across the life of a daemon: nothing of what was told is lost, and the counting goes on."""

from typing import Any

from tests.e2e.daemon import Daemon
from tests.e2e.pod_status import restarts
from tests.e2e.pods import FOR_EVER, container, pod, text

Document = dict[str, Any]


def told(daemon: Daemon, name: str) -> dict[tuple[str, str, str], tuple[int, str]]:
    """Count and first time of each Event, by what makes it the same one."""
    return {
        (event["involvedObject"].get("fieldPath", ""), event["reason"], event["message"]): (
            event["count"],
            event["firstTimestamp"],
        )
        for event in daemon.events(name)
    }


def test_events_survive_a_daemon_that_was_killed_with_their_counts(own_daemon: Daemon) -> None:
    daemon = own_daemon
    daemon.write(text(pod("lasting", "exit 1")))
    daemon.wait_pod("lasting", lambda found: restarts(found) >= 2)
    started = ("spec.containers{main}", "Started", "Container started")
    daemon.wait_for("events", daemon.events("lasting", "Started")[0]["metadata"]["name"], lambda e: e["count"] >= 2)
    daemon.remove()
    daemon.wait_gone("lasting")
    before = told(daemon, "lasting")
    assert daemon.cli("events", "--for", "pod/lasting")
    assert before[started][0] >= 2
    # The journal is written within milliseconds; the command line that asked above took longer than that.
    daemon.kill()
    daemon.start()
    assert told(daemon, "lasting") == before
    header, *rows = daemon.cli("events", "--wide", "--for", "pod/lasting").splitlines()
    assert header.split() == ["FIRSTSEEN", "LASTSEEN", "COUNT", "FROM", "SUBOBJECTPATH", "TYPE", "REASON", "MESSAGE"]
    (row,) = (row for row in rows if " Started " in row)
    assert row.split()[2] == str(before[started][0])


def test_counting_goes_on_after_a_restart_and_a_flood_becomes_one(own_daemon: Daemon) -> None:
    daemon = own_daemon
    probe = {"exec": {"command": ["sh", "-c", "cat /proc/uptime; exit 1"]}, "periodSeconds": 1}
    daemon.write(text(pod("flood", container(FOR_EVER, readinessProbe=probe))))
    combined = daemon.wait_event("flood", "Unhealthy", text="(combined from similar events): Readiness probe failed: ")
    first = combined["metadata"]["name"]
    daemon.restart()
    after = daemon.wait_for("events", first, lambda event: event["count"] >= combined["count"] + 2)
    assert after["firstTimestamp"] == combined["firstTimestamp"]
    assert after["message"] != combined["message"]
    assert len(daemon.events("flood", "Unhealthy")) == 10
