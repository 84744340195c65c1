"""Case R04: runAsNonRoot, by the user of spec and image."""

import pytest

from orchestrator.objects.pod import Pod
from orchestrator.planning.errors import ConfigError
from orchestrator.planning.non_root import check_non_root
from tests.unit.planning.builders import UID, pod

WHERE = f'(pod: "web_default({UID})", container: web)'


def of(whole: str, own: str) -> Pod:
    return pod(
        f"securityContext: {{{whole}}}\ncontainers: [{{name: web, image: 'web:1', securityContext: {{{own}}}}}]",
        namespace="default",
    )


@pytest.mark.parametrize(
    ("whole", "own", "image_user"),
    [
        ("", "", ""),
        ("runAsNonRoot: false", "", "root"),
        ("runAsNonRoot: true", "runAsNonRoot: false", "0"),
        ("runAsNonRoot: true", "runAsUser: 7", "root"),
        ("runAsNonRoot: true, runAsUser: 7", "", ""),
        ("runAsUser: 0", "runAsNonRoot: true, runAsUser: 7", ""),
        ("", "runAsNonRoot: true", "1000"),
        ("", "runAsNonRoot: true", "1000:0"),
    ],
)
def test_who_may_run(whole: str, own: str, image_user: str) -> None:
    which = of(whole, own)
    check_non_root(which, which.spec.containers[0], image_user)


@pytest.mark.parametrize(
    ("whole", "own", "image_user", "why"),
    [
        ("runAsNonRoot: true", "runAsUser: 0", "7", "container's runAsUser breaks non-root policy"),
        ("runAsUser: 0", "runAsNonRoot: true", "7", "container's runAsUser breaks non-root policy"),
        ("runAsNonRoot: true", "", "", "container has runAsNonRoot and image will run as root"),
        ("", "runAsNonRoot: true", "0:7", "container has runAsNonRoot and image will run as root"),
        ("", "runAsNonRoot: true", "00", "container has runAsNonRoot and image will run as root"),
        (
            "runAsNonRoot: true",
            "runAsGroup: 7",
            "app:app",
            "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
        ),
    ],
)
def test_who_may_not_and_why(whole: str, own: str, image_user: str, why: str) -> None:
    which = of(whole, own)
    with pytest.raises(ConfigError) as error:
        check_non_root(which, which.spec.containers[0], image_user)
    assert str(error.value) == f"{why} {WHERE}"
