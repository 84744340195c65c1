"""The annotations that have a meaning here: what is misspelt is told, what is the user's own is left alone (V02)."""

import pytest

from orchestrator.objects import registry
from orchestrator.objects.annotations import PLATFORM, RESTART_ON_CHANGE, restart_kinds

HERE = f"metadata.annotations[{RESTART_ON_CHANGE}]"
SUPPORTED = 'supported values: "config", "secrets"'


def problems(kind: str, **annotations: str) -> list[tuple[str, str]]:
    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "annotations": annotations}}
    spec = {"spec": {"containers": [{"name": "app", "image": "app:1"}]}} if kind == "Pod" else {}
    _, found = registry.decode({**document, **spec})
    return [(problem.severity, str(problem)) for problem in found]


@pytest.mark.parametrize("value", ["config", "secrets", "config,secrets", "secrets, config"])
def test_V02_the_words(value: str) -> None:
    assert problems("Pod", **{RESTART_ON_CHANGE: value}) == []


@pytest.mark.parametrize(
    ("value", "word", "proposal"),
    [
        ("secret", "secret", 'did you mean "secrets"?'),
        ("config,Secrets", "Secrets", 'did you mean "secrets"?'),
        ("configs", "configs", 'did you mean "config"?'),
        ("true", "true", "write one or both, with a comma between"),
        ("", "", "write one or both, with a comma between"),
        ("config,", "", "write one or both, with a comma between"),
    ],
)
def test_V02_a_word_that_is_none_is_an_error_with_a_proposal(value: str, word: str, proposal: str) -> None:
    told = f'{HERE}: Unsupported value: "{word}": {SUPPORTED}'
    told += f" ({proposal})" if proposal.endswith("?") else f": {proposal}"
    assert problems("Pod", **{RESTART_ON_CHANGE: value}) == [("error", told)]


def test_V02_elsewhere_it_has_no_effect() -> None:
    assert problems("ConfigMap", **{RESTART_ON_CHANGE: "config"}) == [
        ("warning", f"{HERE}: has an effect on pods only")
    ]


def test_a_key_of_ours_that_is_not_known_is_a_warning() -> None:
    (told,) = problems("Pod", **{"orchestrator.dev/restart-on-changes": "config"})
    text = f'has no effect (did you mean "{RESTART_ON_CHANGE}"?)'
    assert told[0] == "warning"
    assert told[1].endswith(text)
    assert problems("Pod", **{"example.com/restart-on-changes": "config"}) == []


def test_V02_the_kinds_that_the_words_stand_for() -> None:
    assert restart_kinds({}) == frozenset()
    assert restart_kinds({RESTART_ON_CHANGE: "config"}) == {"ConfigMap"}
    assert restart_kinds({RESTART_ON_CHANGE: "secrets, config"}) == {"ConfigMap", "Secret"}


@pytest.mark.parametrize("value", ["linux/arm64", "linux/arm/v7", "linux/x86_64", "Linux/AMD64"])
def test_I04_a_platform(value: str) -> None:
    assert problems("Pod", **{PLATFORM: value}) == []


@pytest.mark.parametrize("value", ["", "arm64", "windows/amd64", "linux", "linux/", "linux/arm64/v8/x", "linux/arm 64"])
def test_I04_a_platform_that_is_none_is_an_error(value: str) -> None:
    ((severity, text),) = problems("Pod", **{PLATFORM: value})
    assert severity == "error"
    assert f'metadata.annotations[{PLATFORM}]: Invalid value: "{value}": must be the platform of an image' in text


def test_I04_elsewhere_a_platform_has_no_effect() -> None:
    told = f"metadata.annotations[{PLATFORM}]: has an effect on pods only"
    assert problems("ConfigMap", **{PLATFORM: "linux/arm64"}) == [("warning", told)]
