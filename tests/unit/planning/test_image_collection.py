"""Image collection (I05): when, down to where, in which order, and what is never touched."""

from typing import Any

import pytest

from orchestrator.planning.image_collection import (
    CollectionSettings,
    Disk,
    PresentImage,
    PulledImage,
    collectable,
    to_free,
)
from orchestrator.planning.image_request import named_images
from tests.unit.planning.builders import pod, simple

NOW = 10_000.0
GIB = 2**30


@pytest.mark.parametrize(
    ("used", "high", "low", "bytes_"),
    [
        (84, 85, 80, 0),
        (85, 85, 80, 5 * GIB),
        (90, 85, 80, 10 * GIB),
        (100, 85, 80, 20 * GIB),
        (99, 100, 80, 0),
        (100, 100, 99, 0),
        (50, 1, 0, 50 * GIB),
    ],
)
def test_I05_above_the_high_threshold_down_to_the_low_one(used: int, high: int, low: int, bytes_: int) -> None:
    disk = Disk(100 * GIB, (100 - used) * GIB)
    assert disk.used_percent == used
    assert to_free(disk, CollectionSettings(high, low)) == bytes_


def test_I05_a_disk_that_cannot_be_measured_asks_for_nothing() -> None:
    assert to_free(Disk(0, 0), CollectionSettings()) == 0


def pulled(name: str, used_at: float, pulled_at: float = 1000, **more: Any) -> PulledImage:
    return PulledImage(f"sha256:{name}", ((f"{name}:1", ""),), pulled_at, used_at, **more)


def present(name: str, *tags: str) -> PresentImage:
    return PresentImage(f"sha256:{name}", tags or (f"{name}:1",))


def chosen(images: list[PresentImage], known: list[PulledImage], **more: Any) -> list[str]:
    facts = {"used": (), "wanted": (), "now": NOW, "minimum_age": 120} | more
    return [image.id for image in collectable(images, {each.id: each for each in known}, **facts)]


def test_I05_the_least_recently_used_goes_first_and_of_equals_the_older_one() -> None:
    names = {"a": (50, 3), "b": (20, 2), "c": (20, 1), "d": (90, 4)}
    known = [pulled(name, used_at, pulled_at) for name, (used_at, pulled_at) in names.items()]
    assert chosen([present(name) for name in names], known) == ["sha256:c", "sha256:b", "sha256:a", "sha256:d"]


@pytest.mark.parametrize(
    ("why", "image", "known", "more"),
    [
        ("not pulled by us", present("a"), [], {}),
        ("there before we pulled", present("a"), [pulled("a", 1, ours=False)], {}),
        ("a container has it", present("a"), [pulled("a", 1)], {"used": {"sha256:a"}}),
        ("a spec names it", present("a"), [pulled("a", 1)], {"wanted": {("a:1", "")}}),
        (
            "a spec names it by digest",
            PresentImage("sha256:a", (), ("a@sha256:1",)),
            [pulled("a", 1)],
            {"wanted": {("a@sha256:1", "")}},
        ),
        ("somebody else tagged it", present("a", "a:1", "mine:1"), [pulled("a", 1)], {}),
        ("it is young", present("a"), [pulled("a", 1, NOW - 119)], {}),
        ("a pod asks for its platform", PresentImage("sha256:a"), [pulled("a", 1)], {"wanted": {("a:1", "")}}),
    ],
)
def test_I05_what_is_never_collected(why: str, image: PresentImage, known: list[PulledImage], more: Any) -> None:
    assert chosen([image], known, **more) == [], why


def test_I05_what_lost_its_name_to_a_newer_image_goes() -> None:
    old, new = pulled("old", 1), PulledImage("sha256:new", (("old:1", ""),), 2000, 2000)
    images = [PresentImage("sha256:old", (), ("old@sha256:1",)), PresentImage("sha256:new", ("old:1",))]
    assert chosen(images, [old, new], wanted={("old:1", "")}) == ["sha256:old"]


def test_I05_a_pod_names_the_images_of_all_its_containers_as_the_engine_lists_them() -> None:
    of = pod("initContainers: [{name: i, image: h:5/i}]\ncontainers: [{name: a, image: a}, {name: b, image: 'B B'}]")
    assert {*named_images(of)} == {("h:5/i:latest", ""), ("a:latest", "")}
    other = simple("", annotations={"orchestrator.dev/platform": "linux/arm64"})
    assert {*named_images(other)} == {("web:1", "linux/arm64")}
