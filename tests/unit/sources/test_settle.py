"""What an edit means, without any disk: scans are given, and the time is a number."""

from typing import Any

from orchestrator.sources.files import Scan, Stamp
from orchestrator.sources.located import FileLoad
from orchestrator.sources.quiet import Quiet
from orchestrator.sources.settle import RECHECK, RETURNING, Settled, Settler
from orchestrator.sources.yaml_loader import decode_file

ROOT = "specs"


def config_maps(*names: str) -> str:
    return "---\n".join(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n" for name in names)


class Disk:
    """Files by name; what is written gets a new stamp."""

    def __init__(self, settler: Settler | None = None, **texts: str) -> None:
        self.settler = settler or Settler(empty_delay=10.0)
        self._serial = 0
        self._files: dict[str, tuple[Stamp, FileLoad]] = {}
        self.scan_extra: dict[str, Any] = {}
        for name, text in texts.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        self._serial += 1
        path = f"{ROOT}/{name}.yaml"
        self._files[path] = (Stamp(self._serial, 0, len(text), 1, 1), decode_file(text.encode(), path))

    def remove(self, name: str) -> tuple[Stamp, FileLoad]:
        return self._files.pop(f"{ROOT}/{name}.yaml")

    def settle(self, now: float) -> Settled:
        scan = Scan(
            files={path: stamp for path, (stamp, _) in self._files.items()},
            roots=dict.fromkeys(self._files, ROOT),
            **self.scan_extra,
        )
        return self.settler.settle(scan, {path: loaded for path, (_, loaded) in self._files.items()}, now)


def names(settled: Settled) -> list[str]:
    return sorted(sourced.object.metadata.name for sourced in settled.objects)


def test_D05_a_file_that_is_broken_from_the_start_gives_only_its_errors() -> None:
    settled = Disk(a="x: [", b=config_maps("b")).settle(0)
    assert names(settled) == ["b"]
    assert len(settled.problems) == 1


def test_D05_one_broken_document_keeps_the_whole_file_as_it_was() -> None:
    disk = Disk(a=config_maps("one", "two"))
    disk.settle(0)
    disk.write("a", config_maps("one", "three") + "---\nkind: Pod\n")
    assert names(disk.settle(1)) == ["one", "two"]


def test_S04_a_definition_elsewhere_mends_a_file_with_custom_resources() -> None:
    custom = "apiVersion: x.io/v1\nkind: Gizmo\nmetadata: {name: g}\n---\n"
    disk = Disk(a=custom + config_maps("one"))
    assert names(disk.settle(0)) == []
    disk.write(
        "b",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: gizmos.x.io}\n"
        "spec: {group: x.io, names: {kind: Gizmo, plural: gizmos}, scope: Namespaced, "
        "versions: [{name: v1, served: true, storage: true}]}\n",
    )
    assert names(disk.settle(1)) == ["one"]


def test_D04_a_file_that_loses_objects_is_believed_after_silence() -> None:
    disk = Disk(a=config_maps("one", "two"))
    disk.settle(0)
    disk.write("a", "# nothing yet\n")
    first = disk.settle(1)
    assert names(first) == ["one", "two"]
    assert first.check_at == 1 + RECHECK
    disk.write("a", config_maps("one"))
    assert disk.settle(1.05).check_at == 1.05 + RECHECK
    settled = disk.settle(1.05 + RECHECK)
    assert names(settled) == ["one"]
    assert settled.check_at is None


def test_D10_a_file_that_a_full_disk_emptied_goes_on_as_it_was() -> None:
    disk = Disk(a=config_maps("one", "two"))
    disk.settle(0)
    disk.write("a", "")
    first = disk.settle(1)
    assert names(first) == ["one", "two"]
    assert not first.problems, "an editor may be about to write"
    for moment in (1 + RECHECK, 1000):
        settled = disk.settle(moment)
        assert names(settled) == ["one", "two"]
        (problem,) = settled.problems
        assert problem.text.startswith("specs/a.yaml:1:1: the file is empty: its 2 objects go on as they were: remove")
    disk.write("a", "# nothing wanted\n")
    disk.settle(1001)
    settled = disk.settle(1001 + RECHECK)
    assert names(settled) == []
    assert not settled.problems


def test_D10_of_one_object_is_told_in_the_singular() -> None:
    disk = Disk(a=config_maps("one"))
    disk.settle(0)
    disk.write("a", "")
    disk.settle(1)
    (problem,) = disk.settle(1 + RECHECK).problems
    assert "its 1 object goes on as it was" in problem.text
    disk.remove("a")
    disk.settle(2)


def test_D10_a_file_that_was_always_empty_is_fine() -> None:
    disk = Disk(a="", b=config_maps("b"))
    for moment in (0, 1, 2):
        assert not disk.settle(moment).problems


def test_D06_a_deleted_file_deletes_after_silence_while_others_stay() -> None:
    disk = Disk(a=config_maps("a"), b=config_maps("b"))
    disk.settle(0)
    disk.remove("a")
    first = disk.settle(1)
    assert names(first) == ["a", "b"]
    assert first.check_at == 1 + RECHECK
    gone = disk.settle(1 + RECHECK)
    assert names(gone) == ["b"]
    assert gone.check_at is None


def test_D04_a_file_that_is_removed_and_written_anew_was_never_gone() -> None:
    disk = Disk(a=config_maps("a"), b=config_maps("b"))
    disk.settle(0)
    disk.remove("a")
    assert names(disk.settle(1)) == ["a", "b"]
    disk.write("a", config_maps("a"))
    assert disk.settle(1.05).check_at is None
    disk.remove("a")
    assert disk.settle(2).check_at == 2 + RECHECK


def test_D04_a_renamed_file_takes_its_objects_along_at_once() -> None:
    disk = Disk(a=config_maps("one", "two"), b=config_maps("three"))
    disk.settle(0)
    disk.remove("a")
    disk.write("c", config_maps("one"))
    moved = disk.settle(1)
    assert names(moved) == ["one", "three", "two"]
    assert not moved.problems
    assert {sourced.file for sourced in moved.objects if sourced.object.metadata.name == "one"} == {"specs/c.yaml"}
    assert names(disk.settle(1 + RECHECK)) == ["one", "three"]


def test_D06_an_emptied_folder_waits_its_delay() -> None:
    disk = Disk(a=config_maps("a", "b"))
    disk.settle(0)
    disk.remove("a")
    held = disk.settle(1)
    assert names(held) == ["a", "b"]
    assert held.check_at == 11
    assert held.notices == (
        "specs has no spec file any more: its 2 objects will be deleted after 10 s unless the files come back",
    )
    assert names(disk.settle(10.9)) == ["a", "b"]
    gone = disk.settle(11)
    assert names(gone) == []
    assert gone.notices == ()


def test_D06_a_vanished_folder_is_said_to_be_gone() -> None:
    disk = Disk(a=config_maps("a"))
    disk.settle(0)
    disk.remove("a")
    disk.scan_extra = {"missing": {ROOT}}
    assert disk.settle(1).notices[0].startswith("specs is gone: its 1 object will be deleted")


def test_D06_files_may_come_back_one_by_one() -> None:
    disk = Disk(a=config_maps("a"), b=config_maps("b"))
    disk.settle(0)
    away = {name: disk.remove(name) for name in ("a", "b")}
    disk.settle(1)
    disk.write("a", config_maps("a"))
    half = disk.settle(2)
    assert names(half) == ["a", "b"]
    assert half.notices == ()
    disk.write("c", config_maps("c"))
    assert disk.settle(2.3).check_at == 2.3 + RETURNING
    assert names(disk.settle(2.3 + RETURNING)) == ["a", "c"]  # b stayed away
    assert len(away) == 2


def test_an_unreadable_folder_is_no_wish_to_delete() -> None:
    disk = Disk(a=config_maps("a"))
    disk.settle(0)
    disk.remove("a")
    disk.scan_extra = {"unreadable": {ROOT}}
    assert names(disk.settle(1)) == ["a"]
    assert names(disk.settle(100)) == ["a"]


def test_S06_the_file_that_had_an_object_keeps_it() -> None:
    disk = Disk(b=config_maps("same"))
    disk.settle(0)
    disk.write("a", config_maps("new", "same"))
    clash = disk.settle(1)
    assert names(clash) == ["same"]
    assert clash.objects[0].file == "specs/b.yaml"
    assert "specs/a.yaml:5:1" in clash.problems[0].text
    assert "also defined at specs/b.yaml:1" in clash.problems[0].text
    disk.remove("b")
    assert names(disk.settle(2)) == ["new", "same"]


def test_an_object_may_move_from_file_to_file() -> None:
    disk = Disk(a=config_maps("one", "two"), b=config_maps("three"))
    disk.settle(0)
    disk.write("b", config_maps("three", "two"))
    disk.write("a", config_maps("one"))
    disk.settle(1)
    moved = disk.settle(1 + RECHECK)
    assert names(moved) == ["one", "three", "two"]
    assert not moved.problems
    assert {sourced.file for sourced in moved.objects if sourced.object.metadata.name == "two"} == {"specs/b.yaml"}


def test_a_burst_is_over_after_silence_or_after_long_enough() -> None:
    quiet = Quiet(quiet=0.05, longest=0.25)
    assert quiet.due is None
    quiet.touched(1.0)
    assert quiet.due == 1.05
    quiet.touched(1.04)
    assert quiet.due == 1.09
    quiet.touched(1.24)
    assert quiet.due == 1.25
    quiet.clear()
    assert quiet.due is None


def test_D06_of_a_file_that_was_asked_for_by_name_is_told_that_its_objects_went_with_it() -> None:
    path, text = "web.yaml", config_maps("one")
    missing = {"missing": {path}, "troubles": [(path, "no such file or folder")]}
    assert [each.text for each in Settler().settle(Scan(**missing), {}, 0).problems] == [
        "web.yaml:1:1: no such file or folder"
    ]
    settler = Settler()
    there = Scan(files={path: Stamp(1, 0, len(text), 1, 1)}, roots={path: path})
    loads = {path: decode_file(text.encode(), path)}
    for now in (0, 20):
        assert (names(settler.settle(there, loads, now)), settler.settle(there, loads, now).problems) == (["one"], ())
        # As a folder does: a disk that is not there takes files with it that nobody removed.
        gone = settler.settle(Scan(**missing), {}, now + 1.0)
        told = "web.yaml is gone: its 1 object will be deleted after 10 s unless the files come back"
        assert (names(gone), gone.notices) == (["one"], (told,))
        for later in (11.0, 11 + RECHECK, 15.0):
            gone = settler.settle(Scan(**missing), {}, now + later)
            assert [each.text for each in gone.problems] == [
                "web.yaml:1:1: no such file or folder: its objects go with it"
            ]
        assert names(gone) == []
