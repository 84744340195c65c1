r"""An apostrophe written as `\'` between double quotes: no YAML, but Kubernetes' own reader takes it for an apostrophe.

Its manifests are written so (kubernetes.io has one), and libyaml refuses them.  Only where it does is the text changed,
in that one scalar: whatever else stands on the line is told some columns early at most.
"""

import re

import yaml

_QUOTED = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def without_escaped(text: str, failure: yaml.YAMLError) -> str | None:
    """Give the text with plain apostrophes in the scalar that could not be read; None where that is not its trouble."""
    if not isinstance(failure, yaml.MarkedYAMLError) or failure.problem_mark is None or failure.context_mark is None:
        return None
    if not text.startswith("\\'", failure.problem_mark.index):
        return None
    quoted = _QUOTED.match(text, failure.context_mark.index)
    if quoted is None:
        return None
    plain = _ESCAPE.sub(lambda escape: "'" if escape[1] == "'" else escape[0], quoted[0])
    return text[: quoted.start()] + plain + text[quoted.end() :]
