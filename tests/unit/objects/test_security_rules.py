"""The rules of profiles and of /proc, in the API server's words (R04)."""

from typing import Any

import pytest

from orchestrator.objects import registry

OWN = "spec.containers[0].securityContext"
LONGEST = "a" * 4096


def problems(own: dict[str, Any], spec: dict[str, Any]) -> list[str]:
    containers = [{"name": "web", "image": "w", "securityContext": own}]
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
    found = registry.decode({**document, "spec": {"containers": containers, **spec}})[1]
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"seccompProfile": {"type": "Localhost", "localhostProfile": "a/b.json"}}, ""),
        ({"seccompProfile": {"type": "RuntimeDefault"}, "appArmorProfile": {"type": "Unconfined"}}, ""),
        (
            {"seccompProfile": {"type": "Localhost"}},
            "seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost",
        ),
        (
            {"seccompProfile": {"type": "Unconfined", "localhostProfile": "a"}},
            'seccompProfile.localhostProfile: Invalid value: "a": can only be set when seccomp type is Localhost',
        ),
        (
            {"seccompProfile": {"type": "Localhost", "localhostProfile": "/a"}},
            'seccompProfile.localhostProfile: Invalid value: "/a": must be a relative path',
        ),
        (
            {"seccompProfile": {"type": "Localhost", "localhostProfile": "a/../../b"}},
            "seccompProfile.localhostProfile: Invalid value: \"a/../../b\": must not contain '..'",
        ),
        (
            {"appArmorProfile": {"type": "Localhost"}},
            "appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost",
        ),
        (
            {"appArmorProfile": {"type": "RuntimeDefault", "localhostProfile": "a"}},
            'appArmorProfile.localhostProfile: Invalid value: "a": can only be set when AppArmor type is Localhost',
        ),
        (
            {"appArmorProfile": {"type": "Localhost", "localhostProfile": " a"}},
            'appArmorProfile.localhostProfile: Invalid value: " a": must not be padded with whitespace',
        ),
        (
            {"appArmorProfile": {"type": "Localhost", "localhostProfile": LONGEST}},
            "appArmorProfile.localhostProfile: Too long: may not be more than 4095 bytes",
        ),
    ],
)
def test_R04_a_profile_is_named_where_its_type_says_so(own: dict[str, Any], expected: str) -> None:
    found = problems(own, {})
    assert found == ([f"{OWN}.{expected}"] if expected else [])
    if "seccomp" in expected or "Armor" in expected:
        assert problems({}, {"securityContext": own}) == [f"spec.securityContext.{expected}"]


def test_R04_proc_may_be_unmasked_for_users_of_the_pod_s_own_alone() -> None:
    refused = f'{OWN}.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`'
    assert problems({"procMount": "Unmasked"}, {}) == [refused]
    (told,) = problems({"procMount": "Unmasked"}, {"hostUsers": False})
    assert told.startswith("spec.hostUsers: hostUsers has no effect here: root in a pod is root of the host")


def test_R04_what_one_host_cannot_honour_says_what_happens_instead() -> None:
    windows = {"windowsOptions": {"runAsUserName": "ContainerUser"}}
    assert problems(windows, {}) == [f"{OWN}.windowsOptions: windowsOptions has no effect here: this host runs Linux"]
    found = problems({}, {"securityContext": {"supplementalGroupsPolicy": "Strict"}})
    assert ["(Merge)" in problem for problem in found] == [True]
    assert problems({}, {"securityContext": {"supplementalGroupsPolicy": "Merge"}}) == []
