"""The range of node ports as a flag gives it."""

import pytest

from orchestrator.objects.node_ports import NODE_PORTS, parse_range


@pytest.mark.parametrize(
    ("text", "ports"),
    [("30000-32767", NODE_PORTS), ("30000+2767", NODE_PORTS), ("80-80", range(80, 81)), ("1-65535", range(1, 65536))],
)
def test_a_range_is_written_as_for_kubernetes(text: str, ports: range) -> None:
    assert parse_range(text) == ports


@pytest.mark.parametrize("text", ["", "30000", "a-b", "0-10", "32767-30000", "30000-70000", "-5-10"])
def test_what_is_no_range_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 30000-32767"):
        parse_range(text)
