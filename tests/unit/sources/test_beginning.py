"""A start on files that are wrong: which of what an earlier daemon remembers stands in for them (D05).  No disk."""

from typing import Any

import pytest

from orchestrator.sources.files import Scan, Stamp
from orchestrator.sources.last_good import LastGood
from orchestrator.sources.located import FileLoad
from orchestrator.sources.settle import RECHECK, RETURNING, Settled, Settler
from orchestrator.sources.yaml_loader import decode_file

ROOT = "specs"
WRONG = "kind: ["


def config_maps(*names: str) -> str:
    return "---\n".join(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n" for name in names)


class Start:
    """A settler, files by name, and what is remembered of them, by name too."""

    def __init__(self, remembered: dict[str, str | LastGood], **texts: str) -> None:
        self.settler = Settler(empty_delay=10.0)
        self.last_good: dict[str, LastGood] | None = {}
        for name, known in remembered.items():
            self.last_good[self.path(name)] = self.said(name, known) if isinstance(known, str) else known
        self._files: dict[str, tuple[Stamp, FileLoad]] = {}
        self._serial = 0
        self.extra: dict[str, Any] = {}
        for name, text in texts.items():
            self.write(name, text)

    @staticmethod
    def path(name: str) -> str:
        return f"{ROOT}/{name}.yaml"

    def said(self, name: str, text: str, **lost: Any) -> LastGood:
        return LastGood(ROOT, decode_file(text.encode(), self.path(name)).objects, **lost)

    def write(self, name: str, text: str) -> None:
        self._serial += 1
        self._files[self.path(name)] = (
            Stamp(self._serial, 0, len(text), 1, 1),
            decode_file(text.encode(), self.path(name)),
        )

    def remove(self, name: str) -> None:
        del self._files[self.path(name)]

    def settle(self, now: float = 0.0) -> Settled:
        files = {path: stamp for path, (stamp, _) in self._files.items()}
        scan = Scan(files=files, roots=dict.fromkeys(files, ROOT), **self.extra)
        return self.settler.settle(scan, {path: load for path, (_, load) in self._files.items()}, now, self.last_good)

    def begin(self) -> Settled:
        """The first look; after it the specs are applied."""
        settled = self.settle()
        self.last_good = None
        return settled


def names(settled: Settled) -> list[str]:
    return sorted(sourced.object.metadata.name for sourced in settled.objects)


def test_D05_a_wrong_file_says_what_it_said_when_it_was_last_good() -> None:
    start = Start({"a": config_maps("one", "two"), "b": config_maps("old")}, a=WRONG, b=config_maps("new"))
    begun = start.begin()
    assert names(begun) == ["new", "one", "two"]
    assert [problem.file for problem in begun.problems] == ["specs/a.yaml"]
    assert (begun.notices, begun.unknown, begun.check_at) == ((), frozenset(), None)
    assert names(start.settle(1)) == ["new", "one", "two"]
    start.write("a", config_maps("two"))
    assert names(start.settle(2)) == ["new", "one", "two"]
    mended = start.settle(2 + RECHECK)
    assert (names(mended), mended.problems) == (["new", "two"], ())


def test_D10_a_file_that_a_power_cut_emptied_says_what_it_said() -> None:
    start = Start({"a": config_maps("one"), "b": LastGood(ROOT, (), forgotten=("default/db",))}, a="", b="", c="")
    told = ["specs/a.yaml:1:1: the file is empty", "specs/b.yaml:1:1: the file is empty"]
    for settled in (start.begin(), start.settle(1), start.settle(1 + RECHECK)):
        assert names(settled) == ["one"]
        assert [problem.text.partition(": its 1 object")[0] for problem in settled.problems] == told
    start.write("a", config_maps("one"))
    start.write("b", config_maps("db"))
    start.settle(2)
    mended = start.settle(2 + RECHECK)
    assert (names(mended), mended.problems, mended.notices) == (["db", "one"], (), ())


def test_D05_a_wrong_file_that_is_removed_takes_its_objects_along() -> None:
    start = Start({"a": config_maps("a"), "b": config_maps("b")}, a=WRONG, b=config_maps("b"))
    start.begin()
    start.remove("a")
    start.settle(1)
    assert names(start.settle(1 + RECHECK)) == ["b"]


def test_D05_what_is_gone_at_the_start_is_gone_while_all_wrong_files_are_known() -> None:
    start = Start({"a": config_maps("a"), "gone": config_maps("gone")}, a=WRONG)
    assert names(start.begin()) == ["a"]


def test_D05_a_wrong_file_of_which_nothing_is_known_is_left_out_and_nothing_that_is_gone_is_missed() -> None:
    start = Start({"b": config_maps("b", "moved"), "gone": config_maps("gone", "said")}, new=WRONG, b=config_maps("b"))
    start.write("c", config_maps("said"))
    begun = start.begin()
    # What a file that is well says no more is believed; a file that is gone may be the new one, renamed.
    assert names(begun) == ["b", "gone", "said"]
    assert {each.file for each in begun.objects if each.object.metadata.name == "said"} == {"specs/c.yaml"}
    assert begun.unknown == {"specs/new.yaml"}
    assert begun.notices == (
        "no good version is known of specs/new.yaml: no pod of an earlier run is deleted until that is mended",
    )
    assert names(start.settle(100)) == ["b", "gone", "said"]
    start.write("new", config_maps("gone", "more"))
    mended = start.settle(101)
    assert names(mended) == ["b", "gone", "more", "said"]
    assert (mended.unknown, mended.notices, mended.problems) == (frozenset(), (), ())


def test_D05_what_was_not_in_the_file_that_is_mended_goes_after_silence() -> None:
    start = Start({"gone": config_maps("gone")}, new=WRONG)
    start.begin()
    start.write("new", config_maps("new"))
    first = start.settle(50)
    assert (names(first), first.check_at) == (["gone", "new"], 50 + RECHECK)
    assert names(start.settle(50 + RECHECK)) == ["new"]


def test_D05_a_file_that_becomes_wrong_later_is_no_matter_of_the_start() -> None:
    start = Start({"a": config_maps("a")}, a=WRONG, b=config_maps("b"))
    start.begin()
    start.write("new", WRONG)
    settled = start.settle(1)
    assert (names(settled), settled.unknown) == (["a", "b"], frozenset())


def test_D05_files_may_come_broken_to_a_folder_that_was_empty_at_the_start() -> None:
    start = Start({"a": config_maps("a")})
    assert names(start.settle()) == []
    start.write("a", WRONG)
    assert names(start.settle(1)) == ["a"]


def test_D05_S06_an_object_belongs_to_the_file_that_had_it() -> None:
    start = Start({"b": config_maps("same", "b"), "a": config_maps("a")}, a=config_maps("a", "same", "new"), b=WRONG)
    begun = start.begin()
    assert names(begun) == ["a", "b", "same"]
    assert any("duplicate ConfigMap default/same" in problem.text for problem in begun.problems)
    assert {each.file for each in begun.objects if each.object.metadata.name == "same"} == {"specs/b.yaml"}


def test_D05_S06_of_two_good_files_with_one_object_the_one_that_had_it_keeps_it() -> None:
    start = Start({"b": config_maps("same")}, a=config_maps("same"), b=config_maps("same"))
    (only,) = start.begin().objects
    assert only.file == "specs/b.yaml"


def test_D05_secrets_that_are_forgotten_are_told_until_their_file_is_mended() -> None:
    known = Start({}).said("a", config_maps("a"), forgotten=("default/db", "default/key"))
    start = Start({"a": known}, a=WRONG)
    begun = start.begin()
    assert (names(begun), begun.unknown, begun.partly) == (["a"], frozenset(), {"specs/a.yaml"})
    assert begun.notices == (
        "specs/a.yaml: Secrets are remembered in memory only, and are forgotten: default/db, default/key; "
        "what needs them waits until the file is mended",
    )
    start.write("a", config_maps("a"))
    mended = start.settle(1)
    assert (mended.notices, mended.partly) == ((), frozenset())


def test_D05_what_this_version_refuses_is_left_out_and_told() -> None:
    known = Start({}).said("a", config_maps("a"), refused=("Pod web: spec.x: unknown field",))
    start = Start({"a": known, "gone": config_maps("gone")}, a=WRONG)
    begun = start.begin()
    assert (names(begun), begun.unknown) == (["a", "gone"], {"specs/a.yaml"})
    assert begun.notices[0] == (
        "specs/a.yaml: its last good version is left out in part: Pod web: spec.x: unknown field"
    )


def test_D05_D10_an_emptied_file_of_which_nothing_can_be_read_any_more_may_have_said_anything() -> None:
    lost = LastGood(ROOT, (), refused=("what was kept of it cannot be read",))
    start = Start({"a": lost, "gone": config_maps("gone")}, a="", b=config_maps("b"))
    begun = start.begin()
    assert (names(begun), begun.unknown) == (["b", "gone"], {"specs/a.yaml"})
    (problem,) = begun.problems
    assert "the file is empty: what it said is not known any more: remove the file" in problem.text
    start.write("a", "")
    touched = start.settle(1)
    assert (names(touched), touched.unknown) == (["b", "gone"], {"specs/a.yaml"})
    start.write("a", config_maps("a"))
    start.settle(2)
    mended = start.settle(2 + RECHECK)
    assert (names(mended), mended.unknown, mended.problems) == (["a", "b"], frozenset(), ())


def test_D05_D06_a_folder_that_is_missing_at_the_start_goes_on_as_it_was_and_may_come_back_file_by_file() -> None:
    start = Start({"a": config_maps("a"), "b": config_maps("b")})
    start.extra = {"missing": {ROOT}, "troubles": [(ROOT, "no such file or folder")]}
    begun = start.begin()
    assert names(begun) == ["a", "b"]
    assert begun.notices == ("specs is not there: its 2 objects go on as they were last time",)
    assert begun.check_at is None
    assert names(start.settle(1000)) == ["a", "b"]
    start.extra = {}
    start.write("a", config_maps("a"))
    half = start.settle(1001)
    assert (names(half), half.notices, half.check_at) == (["a", "b"], (), 1001 + RETURNING)
    start.write("b", config_maps("b"))
    both = start.settle(1001.2)
    assert (names(both), both.check_at) == (["a", "b"], None)
    start.remove("b")
    start.settle(1100)
    assert names(start.settle(1100 + RECHECK)) == ["a"]


@pytest.mark.parametrize("trouble", [{"unreadable": {"specs/a.yaml"}}, {}], ids=["unreadable", "dangling"])
def test_D05_a_file_that_cannot_be_looked_at_goes_on_until_it_can(trouble: dict[str, Any]) -> None:
    start = Start({"a": config_maps("a")}, b=config_maps("b"))
    start.extra = {**trouble, "troubles": [("specs/a.yaml", "the link leads nowhere")]}
    assert names(start.begin()) == ["a", "b"]
    assert names(start.settle(100)) == ["a", "b"]
    start.extra = {}
    assert names(start.settle(101)) == ["a", "b"]
    assert names(start.settle(101 + RECHECK)) == ["b"]
