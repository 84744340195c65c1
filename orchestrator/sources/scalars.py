"""What a plain YAML scalar means, as Kubernetes' own reader resolves it (sigs.k8s.io/yaml).

YAML 1.1's booleans (`yes`, `on`, `y`), octal as `0644` and `0o644`, floats with exponents; but no sexagesimal numbers
and no timestamps, which stay text.
"""

import re

_LONGEST_NUMBER = 64

_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0x(?P<hex>[0-9a-fA-F]+)|0b(?P<bin>[01]+)|0o?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))\Z", re.ASCII
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z", re.ASCII)
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}


def resolve(text: str) -> str | int | float | bool | None:
    """Give the value of a plain (unquoted) scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER or text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "")
    match = _INTEGER.match(digits)
    if match:
        base = match.lastgroup or "dec"
        number = int(match[base], _BASES[base])
        return -number if match["sign"] == "-" else number
    return float(digits) if _FLOAT.match(digits) else text
