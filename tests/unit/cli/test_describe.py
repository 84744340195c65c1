from typing import Any

import pytest

from orchestrator.cli.describe_container import probe_text, variable_text
from orchestrator.cli.describe_objects import describe_object
from orchestrator.cli.describe_pod import describe_pod
from orchestrator.cli.describe_text import fields
from orchestrator.cli.describe_volumes import describe_volumes
from orchestrator.objects.annotations import CONFIG_CURRENT, RESTART_ON_CHANGE
from orchestrator.objects.times import format_time

NOW = 7_000.0
META = {"name": "web", "namespace": "default"}


def pod(**status: Any) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": META, "spec": {"containers": [{"name": "c", "image": "i:1"}]}, "status": status}


@pytest.mark.parametrize(
    ("probe", "text"),
    [
        ({"exec": {"command": ["sh", "-c", "true"]}}, "exec [sh -c true]"),
        ({"httpGet": {"port": 80, "path": "/x"}}, "http-get http://:80/x"),
        ({"httpGet": {"port": "web", "scheme": "HTTPS", "host": "h", "path": "x"}}, "http-get https://h:web/x"),
        ({"tcpSocket": {"port": 5432}}, "tcp-socket :5432"),
        ({"grpc": {"port": 9, "service": "s"}}, "grpc <pod>:9 s"),
    ],
)
def test_probes_read_as_kubectls(probe: dict[str, Any], text: str) -> None:
    assert (
        probe_text({**probe, "initialDelaySeconds": 2})
        == f"{text} delay=2s timeout=1s period=10s #success=1 #failure=3"
    )


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ({"value": "x"}, "x"),
        (
            {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            "<set to the key 'k' in secret 's'>  Optional: false",
        ),
        (
            {"valueFrom": {"configMapKeyRef": {"name": "s", "key": "k", "optional": True}}},
            "<set to the key 'k' of config map 's'>  Optional: true",
        ),
        ({"valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}, " (v1:status.podIP)"),
        ({"valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}, " (limits.cpu)"),
    ],
)
def test_variables(variable: dict[str, Any], text: str) -> None:
    assert variable_text({"name": "A", **variable}) == text


def test_columns_of_keys_and_values() -> None:
    assert fields([("A", "1"), ("Long key", ["2", "3"]), ("  In", "4"), ("B:", None)]) == [
        "A:         1",
        "Long key:  2",
        "           3",
        "  In:      4",
        "B:",
    ]


def test_a_pod_nobody_has_looked_at_yet_can_be_described() -> None:
    text = describe_pod(pod(), [], NOW)
    assert "Status:       Pending" in text
    assert text.endswith("Events:  <none>")


def test_V02_what_runs_with_old_config_is_told_near_the_top_and_what_to_do() -> None:
    old = 'c was made before key "a" of ConfigMap "s" changed (env)'
    held = 'd was made before key "b" of Secret "t" changed (env)'
    condition = {"type": CONFIG_CURRENT, "status": "False", "reason": "ConfigChanged", "message": f"{old}; {held}"}
    document = pod(phase="Running", conditions=[condition])
    lines = describe_pod(document, [], NOW).splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("Old Config:"))
    assert first < lines.index("Conditions:")
    assert [line.split(":  ")[-1].strip() for line in lines[first : first + 5]] == [
        old,
        held,
        "an environment and a subPath follow when the container is made anew: edit its spec, run",
        "`orchestrator delete pod web`, or let every edit of config do it with the annotation",
        f"{RESTART_ON_CHANGE}: config,secrets",
    ]
    assert f"  {CONFIG_CURRENT}   False   ConfigChanged" in lines
    document["metadata"] = {**META, "annotations": {RESTART_ON_CHANGE: "config,secrets"}}
    text = describe_pod(document, [], NOW)
    assert held in text
    assert "made anew" not in text
    assert "Old Config" not in describe_pod(pod(phase="Running"), [], NOW)


def test_a_deleted_pod_says_until_when() -> None:
    document = pod(phase="Running")
    document["metadata"] = {**META, "deletionTimestamp": format_time(NOW), "deletionGracePeriodSeconds": 7}
    text = describe_pod(document, [], NOW)
    assert "Terminating (" in text
    assert "Termination Grace Period:  7s" in text


@pytest.mark.parametrize(
    ("volume", "lines"),
    [
        ({"configMap": {"name": "c"}}, ["Name:      c", "Optional:  false"]),
        ({"secret": {"secretName": "s", "optional": True}}, ["SecretName:  s", "Optional:    true"]),
        ({"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}, ["Medium:     Memory", "SizeLimit:  1Mi"]),
        ({"hostPath": {"path": "/srv"}}, ["Path:          /srv"]),
        ({"persistentVolumeClaim": {"claimName": "p"}}, ["ClaimName:  p", "ReadOnly:   false"]),
        (
            {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
            ["metadata.labels -> l"],
        ),
        ({"projected": {"sources": [{"secret": {"name": "s"}}, {"downwardAPI": {}}]}}, ["SecretName:   s"]),
        ({"nfs": {"server": "n"}}, ["Type:  nfs"]),
    ],
)
def test_volumes(volume: dict[str, Any], lines: list[str]) -> None:
    text = describe_volumes([{"name": "v", **volume}])
    assert text[:2] == ["Volumes:", "  v:"]
    for line in lines:
        assert any(each.strip() == line for each in text), (line, text)


def test_config_is_shown_and_secrets_are_only_sized() -> None:
    config = {"kind": "ConfigMap", "metadata": META, "data": {"page": "one\ntwo\n"}, "binaryData": {"b": "AAAA"}}
    text = describe_object(config, [], NOW)
    assert "page:\n----\none\ntwo\n" in text
    assert "b: 3 bytes" in text
    secret = {"kind": "Secret", "metadata": META, "type": "Opaque", "data": {"k": "c2VzYW1l", "hid": ""}}
    text = describe_object(secret, [], NOW)
    assert "k:    6 bytes" in text
    assert "hid:  hidden" in text
    assert "sesame" not in text
    assert "c2VzYW1l" not in text


def test_a_service_lists_the_addresses_of_each_port() -> None:
    ports = [{"name": "a", "port": 80, "targetPort": 8080, "nodePort": 30000}, {"name": "b", "port": 81}]
    service = {"kind": "Service", "metadata": META, "spec": {"ports": ports, "clusterIP": "10.0.0.1"}}
    subset = {"addresses": [{"ip": "10.0.0.5"}], "ports": [{"name": "a", "port": 8080}]}
    text = describe_object(service, [], NOW, {"subsets": [subset]})
    assert "NodePort:          a  30000/TCP\nEndpoints:         10.0.0.5:8080\n" in text
    assert "TargetPort:        81/TCP\nEndpoints:         <none>\n" in text


def test_a_load_balancer_says_where_it_answers_and_for_whom() -> None:
    spec = {"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24", "198.51.100.0/24"]}
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.7", "ipMode": "VIP"}, {"ip": "192.0.2.8"}]}}
    text = describe_object({"kind": "Service", "metadata": META, "spec": spec, "status": status}, [], NOW)
    assert "LoadBalancer Ingress:        192.0.2.7 (VIP), 192.0.2.8\n" in text
    assert "LoadBalancer Source Ranges:  192.0.2.0/24,198.51.100.0/24\n" in text


def test_a_kind_without_a_form_of_its_own_is_shown_whole() -> None:
    text = describe_object({"kind": "Widget", "metadata": META, "spec": {"size": 3}}, [], NOW)
    assert "spec:\n  size: 3" in text
