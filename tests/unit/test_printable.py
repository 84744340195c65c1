"""What others say stays what it is: words."""

import pytest

from orchestrator.printable import printable, unsteered


@pytest.mark.parametrize(
    ("said", "line", "shown"),
    [
        ("grüße, 世界", "grüße, 世界", "grüße, 世界"),
        ("a\nb\tc", "a\\nb\\tc", "a\nb\tc"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m", "^[[31mred^[[0m"),
        ("50 %\r100 %", "50 %\\r100 %", "50 %\\r100 %"),
        ("\x00\x07\x7f", "\\x00\\x07\\x7f", "^@^G\\x7f"),
        ("\x9b31m\u2028", "\\x9b31m\\u2028", "\\x9b31m\u2028"),
    ],
    ids=["words", "lines", "colour", "carriage", "controls", "C1"],
)
def test_what_cannot_be_printed_is_shown(said: str, line: str, shown: str) -> None:
    assert printable(said) == line
    assert unsteered(said) == shown
