"""What a person sees of pulls (I02): `describe` and the live picture."""

from typing import Any

import pytest

from orchestrator.cli.describe_pod import describe_pod
from orchestrator.cli.live import _drawing
from orchestrator.cli.picture import Picture, PodLine
from orchestrator.cli.pulls import PullLine, pull_lines, size

MB = 1_000_000


def layer(name: str, status: str, current: int = 0, total: int = 0) -> dict[str, Any]:
    return {"id": name, "status": status, "current": current, "total": total}


def line(*layers: dict[str, Any], platform: str = "") -> PullLine:
    (found,) = pull_lines({"pulls": [{"image": "far:1", "platform": platform, "layers": [*layers]}]})
    return found


def test_I02_layers_that_are_here_count_whole_and_those_under_way_are_told() -> None:
    found = line(
        layer("a", "Already exists"),
        layer("b", "Pull complete", 20 * MB, 20 * MB),
        layer("c", "Extracting", 5 * MB, 10 * MB),
        layer("d", "Downloading", 3 * MB, 30 * MB),
        layer("e", "Verifying Checksum", 8 * MB, 8 * MB),
        layer("f", "Waiting"),
        layer("g", "Pulling fs layer"),
    )
    assert (found.summary, found.step) == ("2 of 7 layers, 41.0MB of 68.0MB", 2)
    assert found.layers == (
        "c: Extracting 5.0MB of 10.0MB",
        "d: Downloading 3.0MB of 30.0MB",
        "e: Verifying Checksum",
    )


def test_I02_before_a_layer_is_known_it_says_what_is_done_and_for_what_platform() -> None:
    assert line(platform="linux/arm64") == PullLine("far:1 for linux/arm64", "asking the registry", (), 0)
    assert line(layer("a", "Pulling fs layer")).summary == "0 of 1 layers"


def test_I02_of_many_layers_some_are_told() -> None:
    found = line(*(layer(str(n), "Downloading", 1, 2) for n in range(9)))
    assert found.layers[-1] == "... and 4 more"
    assert len(found.layers) == 6


@pytest.mark.parametrize(("number", "text"), [(0, "0B"), (999, "999B"), (1000, "1.0kB"), (34_100_000, "34.1MB")])
def test_sizes(number: int, text: str) -> None:
    assert size(number) == text


def pod(reason: str) -> dict[str, Any]:
    waiting = {"name": "c", "state": {"waiting": {"reason": reason}}}
    spec = {"containers": [{"name": "c", "image": "far:1"}]}
    meta = {"name": "web", "namespace": "default"}
    return {"kind": "Pod", "metadata": meta, "spec": spec, "status": {"containerStatuses": [waiting]}}


def test_I02_describe_tells_of_the_pull_that_a_container_waits_for() -> None:
    pulls = (line(layer("a", "Downloading", MB, 4 * MB)), PullLine("other:1", "not this one", (), 0))
    for reason in ("ContainerCreating", "PodInitializing"):
        described = describe_pod(pod(reason), [], 0, pulls=pulls)
        assert "    Pull:           0 of 1 layers, 1.0MB of 4.0MB\n" in described
    assert "                    a: Downloading 1.0MB of 4.0MB\n" in described
    assert "not this one" not in described
    assert "Pull:" not in describe_pod(pod("CrashLoopBackOff"), [], 0, pulls=pulls)


def test_I02_the_live_picture_has_the_pulls_below_the_pods_and_keeps_to_its_height() -> None:
    from rich.console import Console

    pods = tuple(PodLine("default", f"pod-{n}", "0/1", "ContainerCreating", "0", "1s") for n in range(30))
    picture = Picture(pods, (), (), "", syncing=False, pulls=(line(layer("a", "Downloading", MB, 4 * MB)),))
    console = Console(width=100, height=20)
    with console.capture() as captured:
        console.print(_drawing(picture, 20))
    drawn = captured.get().splitlines()
    assert [each.strip() for each in drawn[-2:]] == [
        "pulling far:1: 0 of 1 layers, 1.0MB of 4.0MB",
        "a: Downloading 1.0MB of 4.0MB",
    ]
    assert len(drawn) <= 20
