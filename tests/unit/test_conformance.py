"""docs/conformance.md is true: every test that it names exists, and every entry has a test or says why not."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = {
    "700-play.bats",
    "container_probe.go",
    "containers.go",
    "downwardapi.go",
    "empty_dir.go",
    "empty_dir_wrapper.go",
    "expansion.go",
    "init_container.go",
    "kubelet.go",
    "kubelet_etc_hosts.go",
    "lifecycle_hook.go",
    "limit_range.go",
    "play_kube_test.go",
    "pods.go",
    "pre_stop.go",
    "runtime.go",
    "security_context.go",
    "sysctl.go",
    "runtimeclass.go",
}
"""Kubernetes' own, and podman's."""
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def rows() -> Iterator[list[str]]:
    """The cells of each row of all tables: file, the test there, ours."""
    lines = (ROOT / "docs" / "conformance.md").read_text().splitlines()
    for line in lines:
        if line.startswith("| ") and not line.startswith("| file |"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


@cache
def defined_in(path: str) -> set[str]:
    """The names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {node.name for node in functions if node.name.startswith("test_")}


@pytest.mark.parametrize(("file", "entry", "ours"), list(rows()))
def test_an_entry_has_tests_that_exist_or_a_reason(file: str, entry: str, ours: str) -> None:
    assert entry
    named = NAMED.findall(ours)
    assert [f"{path}::{name}" for path, name in named if name not in defined_in(path)] == []
    assert ours.count("::") == len(named), "a test is named as `path::name`"
    assert named or len(ours.split()) > 3, "neither a test nor a reason"


def test_no_entry_is_there_twice_and_no_file_is_missing() -> None:
    entries = [(file, entry) for file, entry, _ in rows()]
    assert len(entries) == len(set(entries))
    assert {file for file, _ in entries} == FILES
