"""What only a cluster would refuse: an error to `validate`, and a warning to a daemon, which runs it."""

import pytest

from orchestrator.sources.located import FileLoad
from orchestrator.sources.yaml_loader import decode_file

POD = """
apiVersion: v1
kind: Pod
metadata: {name: NAME, labels: {app: LABEL}}
spec:
  subdomain: SUBDOMAIN
  containers:
  - name: CONTAINER
    image: web:1
    ports: [{containerPort: 80, protocol: PROTOCOL}]
    volumeMounts: [{name: one, mountPath: /a}, {name: two, mountPath: PATH}]
  volumes: [{name: one, emptyDir: {}}, {name: two, emptyDir: {}}]
"""
WELL = {"NAME": "web", "LABEL": "web", "SUBDOMAIN": "sub", "CONTAINER": "web", "PROTOCOL": "TCP", "PATH": "/b"}


def load(*, lenient: bool, **changed: str) -> FileLoad:
    text = POD
    for word, value in (WELL | changed).items():
        text = text.replace(word, value)
    return decode_file(text.encode(), "pod.yaml", lenient=lenient)


@pytest.mark.parametrize(
    "changed",
    [
        {"NAME": "demo_pod"},
        {"NAME": "DemoPod"},
        {"NAME": '"vttablet-{{uid}}"'},
        {"LABEL": '"{{shard}}"'},
        {"SUBDOMAIN": "foo.com"},
        {"CONTAINER": "demo_Kube"},
        {"PROTOCOL": "udp"},
        {"PATH": "/a"},
    ],
)
def test_S06_what_only_a_cluster_refuses_runs_here_with_a_warning(changed: dict[str, str]) -> None:
    strict = load(lenient=False, **changed)
    assert [problem.severity for problem in strict.problems] == ["error"]
    assert not strict.objects
    lenient = load(lenient=True, **changed)
    assert [problem.severity for problem in lenient.problems] == ["warning"]
    assert "it runs here, but a cluster refuses it" in lenient.problems[0].text
    assert len(lenient.objects) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"NAME": '"a/b"'},
        {"NAME": '"a b"'},
        {"NAME": '""'},
        {"NAME": '".."'},
        {"CONTAINER": "POD"},
        {"CONTAINER": '"a/../b"'},
        {"PROTOCOL": "icmp"},
    ],
)
def test_S06_what_cannot_be_run_is_an_error_to_both(changed: dict[str, str]) -> None:
    for lenient in (False, True):
        loaded = load(lenient=lenient, **changed)
        assert [problem.severity for problem in loaded.problems] == ["error"]
        assert not loaded.objects


def test_S06_what_is_meant_is_what_runs() -> None:
    (sourced,) = load(lenient=True, PROTOCOL="udp").objects
    assert sourced.object.spec.containers[0].ports[0].protocol == "UDP"


def test_R04_a_sysctl_that_would_be_the_host_s_is_told_of_with_what_holds_instead() -> None:
    text = POD.replace(
        "subdomain: SUBDOMAIN", "hostNetwork: true\n  securityContext: {sysctls: [{name: net.a, value: b}]}"
    )
    for word, value in WELL.items():
        text = text.replace(word, value)
    assert not decode_file(text.encode(), "f").objects
    (problem,) = decode_file(text.encode(), "f", lenient=True).problems
    assert problem.text.endswith(
        "may not be specified when 'hostNetwork' is true: "
        "it is not set, the host's own value holds, but a cluster refuses it"
    )
