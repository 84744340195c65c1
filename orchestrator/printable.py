"""Text of others, on one line of a log or on a terminal: it must neither look like ours nor steer the terminal.

A probe's output, a termination message, an engine's error: whoever runs in a container chooses what is in them.
"""

import re

_STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters, the second half of them (C1) included, but for tabs and line ends."""


def printable(text: str) -> str:
    """Give a text in which nothing breaks the line or steers a terminal: what cannot be printed is escaped."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def unsteered(text: str) -> str:
    """Give a text, of one line or of many, that a terminal only prints: "\\x1b[31m" becomes "^[[31m".

    As kubectl has it (cli-runtime's printers.WriteEscaped), and for all control characters.
    """
    return _STEERS.sub(lambda found: _visible(ord(found[0])), text)


def _visible(code: int) -> str:
    if code == ord("\r"):
        return "\\r"
    return f"\\x{code:02x}" if code > 0x7E else f"^{chr(code + 0x40)}"
