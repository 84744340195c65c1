from typing import Any

import pytest

from orchestrator.api.redaction import redact
from orchestrator.api.tables import table
from orchestrator.objects import registry
from orchestrator.objects.times import format_time

NOW = 5_000.0
BORN = {"name": "x", "creationTimestamp": format_time(NOW - 300)}


def cells(document: dict[str, Any]) -> dict[str, Any]:
    """The only row of a table, by column."""
    obj = registry.convert({"apiVersion": "v1", "metadata": BORN, **document})
    made = table(document["kind"], [(obj, {})], NOW, 7)
    assert made["metadata"]["resourceVersion"] == "7"
    names = [column["name"] for column in made["columnDefinitions"]]
    return dict(zip(names, made["rows"][0]["cells"], strict=True))


@pytest.mark.parametrize(
    ("spec", "status", "shown"),
    [
        (
            {"clusterIP": "10.0.0.1", "ports": [{"port": 80, "nodePort": 30080}, {"port": 53, "protocol": "UDP"}]},
            {},
            {"Type": "ClusterIP", "Cluster-IP": "10.0.0.1", "External-IP": "<none>", "Port(s)": "80:30080/TCP,53/UDP"},
        ),
        ({"clusterIP": "None"}, {}, {"Cluster-IP": "None", "Port(s)": "<none>"}),
        ({"type": "ExternalName", "externalName": "a.b"}, {}, {"Cluster-IP": "<none>", "External-IP": "a.b"}),
        ({"type": "LoadBalancer"}, {}, {"External-IP": "<pending>"}),
        ({"type": "LoadBalancer"}, {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}, {"External-IP": "192.0.2.1"}),
        ({"externalIPs": ["192.0.2.2"], "selector": {"b": "1", "a": "2"}}, {}, {"Selector": "a=2,b=1"}),
    ],
)
def test_services(spec: dict[str, Any], status: dict[str, Any], shown: dict[str, str]) -> None:
    row = cells({"kind": "Service", "spec": spec, "status": status})
    assert shown.items() <= row.items()
    assert row["Age"] == "5m"


def test_config_and_namespaces() -> None:
    assert cells({"kind": "ConfigMap", "data": {"a": "1"}, "binaryData": {"b": "Mg=="}})["Data"] == 2
    assert cells({"kind": "Secret", "data": {"a": "MQ=="}}) == {"Name": "x", "Type": "Opaque", "Data": 1, "Age": "5m"}
    assert cells({"kind": "Namespace"})["Status"] == "Active"


def test_network_policies() -> None:
    both = {
        "matchLabels": {"role": "db"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["b", "a"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    }
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    for selector, text in (({}, "<none>"), (both, "!old,role=db,tier in (a,b)")):
        assert cells({**kind, "spec": {"podSelector": selector}}) == {"Name": "x", "Pod-Selector": text, "Age": "5m"}


def test_endpoints_show_three_and_count_the_rest() -> None:
    addresses = [{"ip": f"10.0.0.{number}"} for number in range(5)]
    row = cells({"kind": "Endpoints", "subsets": [{"addresses": addresses, "ports": [{"port": 80}]}]})
    assert row["Endpoints"] == "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more..."
    assert cells({"kind": "Endpoints"})["Endpoints"] == "<none>"


def test_endpoint_slices_show_all_addresses_ready_or_not() -> None:
    endpoints = [{"addresses": [f"10.0.0.{number}"], "conditions": {"ready": number < 2}} for number in range(4)]
    head = {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4"}
    row = cells({**head, "endpoints": endpoints, "ports": [{"port": 80}, {"name": "any"}]})
    assert (row["AddressType"], row["Ports"]) == ("IPv4", "80,*")
    assert row["Endpoints"] == "10.0.0.0,10.0.0.1,10.0.0.2 + 1 more..."
    bare = cells({**head, "endpoints": []})
    assert (bare["Ports"], bare["Endpoints"]) == ("<unset>", "<unset>")


def test_events() -> None:
    event = {
        "kind": "Event",
        "involvedObject": {"kind": "Pod", "name": "web"},
        "lastTimestamp": format_time(NOW - 5),
        "firstTimestamp": format_time(NOW - 60),
        "count": 3,
        "type": "Warning",
        "message": "no\n",
    }
    row = cells(event)
    assert (row["Last Seen"], row["First Seen"], row["Object"], row["Message"]) == ("5s", "60s", "pod/web", "no")


def test_redaction_keeps_keys_and_drops_kubectls_copy() -> None:
    copy = {"kubectl.kubernetes.io/last-applied-configuration": "{secret}", "mine": "1"}
    secret = {"kind": "Secret", "metadata": {"annotations": copy}, "data": {"a": "MQ=="}, "stringData": {"b": "2"}}
    hidden = redact(secret)
    assert hidden["data"] == {"a": ""}
    assert hidden["stringData"] == {"b": ""}
    assert hidden["metadata"]["annotations"] == {"mine": "1"}
    assert secret["data"] == {"a": "MQ=="}
    config = {"kind": "ConfigMap", "data": {"a": "1"}}
    assert redact(config) is config
