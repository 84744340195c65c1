"""V03: a pod that uses more of the disk than it may goes soon, and stays Failed."""

from dataclasses import replace

import pytest
from msgspec import structs

from orchestrator.planning.observed import Stop, StopReason
from orchestrator.planning.status import pod_status
from orchestrator.planning.usage import Limit, limits
from tests.unit.planning.builders import AROUND, T0, observed, planned, pod, seen

SPEC = """
terminationGracePeriodSeconds: 30
volumes:
- {name: disk, emptyDir: {sizeLimit: 1Mi}}
- {name: free, emptyDir: {}}
- {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
containers: [{name: web, image: "web:1"}]
"""
WORDS = 'Usage of EmptyDir volume "disk" exceeds the limit "1Mi". '
VOLUMES = {"disk": "emptyDir", "free": "emptyDir", "memory": "emptyDir"}


def test_V03_limits_on_disk_are_looked_after() -> None:
    (found,) = limits(pod(SPEC), lambda: AROUND, dict)
    assert found == Limit(("/v/1a2b3c4d/disk",), 1 << 20, WORDS)


def test_R02_limits_of_containers_count_what_they_write_and_log() -> None:
    """The pod's sum first, with its volumes, then each container; one without a limit counts to the sum."""
    bounded = "{{name: {}, image: 'i:1', resources: {{limits: {{ephemeral-storage: {}}}}}}}"
    apps = f"{bounded.format('a', '1Mi')}, {bounded.format('b', '2Mi')}, {{name: c, image: 'i:1'}}"
    of = pod(f"volumes: [{{name: free, emptyDir: {{}}}}]\ncontainers: [{apps}]")
    layers = {"a": ("/up/a", "/log/a*"), "c": ("/up/c",)}
    assert list(limits(of, lambda: AROUND, lambda: layers)) == [
        Limit(
            ("/up/a", "/log/a*", "/up/c", "/v/1a2b3c4d/free"),
            3 << 20,
            "Pod ephemeral local storage usage exceeds the total limit of containers 3Mi. ",
        ),
        Limit(("/up/a", "/log/a*"), 1 << 20, 'Container a exceeded its local ephemeral storage limit "1Mi". '),
        Limit((), 2 << 20, 'Container b exceeded its local ephemeral storage limit "2Mi". '),
    ]


def test_V03_the_pod_is_told_of_and_ends_within_two_seconds() -> None:
    of = pod(SPEC)
    what = replace(observed(of, seen(of), volumes=VOLUMES), evicted=WORDS)
    plan = planned(of, what)
    event, stop = plan.ops
    assert event.event is not None
    assert (event.event.type, event.event.reason, event.event.message) == ("Warning", "Evicted", WORDS)
    assert getattr(stop, "grace", None) == 2


def test_V03_it_is_failed_when_it_has_ended_and_stays_so() -> None:
    of = pod(SPEC)
    of = structs.replace(of, status=structs.replace(of.status, phase="Running"))
    dead = seen(of, phase="exited", exit_code=0, finished_at=T0 + 20)
    what = replace(observed(of, dead, volumes=VOLUMES), evicted=WORDS)
    status = pod_status(of, what, planned(of, what), AROUND, T0 + 21)
    assert (status.phase, status.reason, status.message) == ("Failed", "Evicted", WORDS)
    # Another daemon, which has not counted.
    of, what = structs.replace(of, status=status), replace(what, evicted="")
    plan = planned(of, what)
    assert "create" not in str(plan)
    again = pod_status(of, what, plan, AROUND, T0 + 30)
    assert (again.phase, again.reason, again.message) == ("Failed", "Evicted", WORDS)


@pytest.mark.parametrize("policy", ["Always", "OnFailure", "Never"])
@pytest.mark.parametrize("code", [0, 137])
def test_R02_what_an_eviction_has_stopped_did_not_complete(policy: str, code: int) -> None:
    """A pod that would not run again in any case is Evicted all the same, and never Succeeded."""
    of = pod(f"restartPolicy: {policy}{SPEC}")
    of = structs.replace(of, status=structs.replace(of.status, phase="Running"))
    dead = seen(of, phase="exited", exit_code=code, finished_at=T0 + 20)
    stops = {dead.id: Stop(StopReason.EVICTED, T0 + 18, 2.0, T0 + 18)}
    what = replace(observed(of, dead, volumes=VOLUMES, stops=stops), evicted=WORDS)
    status = pod_status(of, what, planned(of, what), AROUND, T0 + 21)
    assert (status.phase, status.reason, status.message) == ("Failed", "Evicted", WORDS)


def test_R02_what_had_completed_before_is_not_evicted() -> None:
    of = pod(f"restartPolicy: Never{SPEC}")
    what = replace(observed(of, seen(of, phase="exited", exit_code=0, finished_at=T0 + 20)), evicted=WORDS)
    status = pod_status(of, what, planned(of, what), AROUND, T0 + 21)
    assert (status.phase, status.reason) == ("Succeeded", "")


@pytest.mark.parametrize("policy", ["Always", "Never"])
def test_R02_an_eviction_that_an_earlier_daemon_began_is_one(policy: str) -> None:
    of = pod(f"restartPolicy: {policy}{SPEC}")
    of = structs.replace(of, status=structs.replace(of.status, phase="Running"))
    dead = seen(of, phase="exited", exit_code=0, finished_at=T0 + 20)
    what = observed(of, dead, volumes=VOLUMES, stops={dead.id: Stop(StopReason.EVICTED, T0 + 18, 2.0, T0 + 18)})
    plan = planned(of, what)
    assert "create" not in str(plan)
    status = pod_status(of, what, plan, AROUND, T0 + 21)
    assert (status.phase, status.reason) == ("Failed", "Evicted")
    assert "why is in its Events" in status.message
