from typing import Any

import pytest

from orchestrator.cli.describe_container import probe_text, variable_text
from orchestrator.cli.describe_objects import describe_object
from orchestrator.cli.describe_pod import describe_pod
from orchestrator.cli.describe_service import Surroundings
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
    text = describe_object(service, [], NOW, Surroundings(slices=(web_slice("10.0.0.5"),)))
    assert "NodePort:          a  30000/TCP\nEndpoints:         10.0.0.5:8080\n" in text
    assert "TargetPort:        81/TCP\nEndpoints:         <none>\n" in text


def web_slice(*ips: str, ready: bool = True) -> dict[str, Any]:
    endpoints = [{"addresses": [ip], "conditions": {"ready": ready}} for ip in ips]
    return {"addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "a", "port": 8080, "protocol": "TCP"}]}


def behind(name: str, labels: dict[str, str], ready: bool = True, **meta: Any) -> dict[str, Any]:
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    running = {"name": "c", "ready": ready, "state": {"running": {"startedAt": format_time(NOW - 60)}}}
    found = pod(phase="Running", podIP=f"10.0.0.{len(name)}", conditions=[condition], containerStatuses=[running])
    container = {"name": "c", "image": "i", "ports": [{"name": "http", "containerPort": 80}], "readinessProbe": {}}
    return {
        **found,
        "metadata": {"name": name, "uid": name, "labels": labels, **meta},
        "spec": {"containers": [container]},
    }


def test_a_service_says_which_pods_are_behind_it_and_why_some_get_nothing() -> None:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": "x"}]}
    service = {"kind": "Service", "metadata": META, "spec": spec}
    app = {"app": "web"}
    unhealthy = {
        "reason": "Unhealthy",
        "message": "Readiness probe failed: HTTP probe failed with statuscode: 503",
        "involvedObject": {"kind": "Pod", "uid": "slow", "fieldPath": "spec.containers{c}"},
        "lastTimestamp": format_time(NOW - 3),
        "metadata": {},
    }
    pods = (
        behind("good", app),
        behind("slow", app, ready=False),
        behind("going", app, deletionTimestamp=format_time(NOW)),
        behind("stranger", {"app": "api"}),
    )
    text = describe_object(service, [], NOW, Surroundings(pods=pods, events=(unhealthy,), now=NOW))
    lines = [line.rstrip() for line in text.splitlines()]
    assert "TargetPort:        x/TCP (none of its pods has a port of this name and protocol: they have http)" in lines
    shown = [" ".join(line.split()) for line in lines]
    assert "good 10.0.0.4 ready" in shown
    assert "slow 10.0.0.4 not ready" in shown
    assert "going 10.0.0.5 terminating" in shown
    assert not any("stranger" in line for line in lines)
    assert "good: it has no port named x" in shown
    assert any("its readiness probe does not pass" in line and line.startswith("slow:") for line in shown)
    assert any("3s ago: Readiness probe failed: HTTP probe failed with statuscode: 503" in line for line in shown)


def test_a_selector_that_matches_nothing_names_the_nearest() -> None:
    selector = {"app": "web", "tier": "front"}
    service = {"kind": "Service", "metadata": META, "spec": {"selector": selector, "ports": [{"port": 80}]}}
    pods = (behind("api", {"app": "api"}), behind("webb", {"app": "web", "tier": "back", "x": "y"}))
    text = describe_object(service, [], NOW, Surroundings(pods=pods))
    assert "<none>: no pod here has the labels app=web,tier=front (the nearest, webb, has app=web,tier=back)" in text
    assert "(the nearest" not in describe_object(service, [], NOW, Surroundings())


def test_endpoints_and_slices_are_described_as_by_kubectl() -> None:
    subset = {"addresses": [{"ip": "10.0.0.5"}, {"ip": "10.0.0.6"}], "ports": [{"port": 80, "protocol": "TCP"}]}
    text = describe_object({"kind": "Endpoints", "metadata": META, "subsets": [subset]}, [], NOW)
    assert "Subsets:\n  Addresses:          10.0.0.5,10.0.0.6\n  NotReadyAddresses:  <none>\n  Ports:\n" in text
    assert "    <unset>   80     TCP\n" in text
    one = {"addresses": ["10.0.0.5"], "conditions": {"ready": False}, "targetRef": {"kind": "Pod", "name": "a"}}
    document = {**web_slice(), "kind": "EndpointSlice", "metadata": META, "endpoints": [one]}
    text = describe_object(document, [], NOW)
    assert "AddressType:  IPv4\nPorts:\n" in text
    assert "  - Addresses:      10.0.0.5\n    Conditions:\n      Ready:        false\n" in text
    assert "    TargetRef:      Pod/a\n" in text


def test_a_load_balancer_says_where_it_answers_and_for_whom() -> None:
    spec = {"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24", "198.51.100.0/24"]}
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.7", "ipMode": "VIP"}, {"ip": "192.0.2.8"}]}}
    text = describe_object({"kind": "Service", "metadata": META, "spec": spec, "status": status}, [], NOW)
    assert "LoadBalancer Ingress:        192.0.2.7 (VIP), 192.0.2.8\n" in text
    assert "LoadBalancer Source Ranges:  192.0.2.0/24,198.51.100.0/24\n" in text


def test_a_kind_without_a_form_of_its_own_is_shown_whole() -> None:
    text = describe_object({"kind": "Widget", "metadata": META, "spec": {"size": 3}}, [], NOW)
    assert "spec:\n  size: 3" in text
