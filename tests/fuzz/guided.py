"""The fuzzing process itself: libFuzzer's arguments are its own.  Started by `python -m tests.fuzz`."""

import sys

import atheris

# Before anything else imports them: code that is imported already is not followed.
with atheris.instrument_imports(include=["orchestrator.sources", "orchestrator.objects"]):
    from tests.fuzz.properties import check


def one(data: bytes) -> None:
    """Look at one input."""
    check(data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
