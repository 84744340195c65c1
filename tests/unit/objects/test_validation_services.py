"""The rules of Services and of what stands behind them, one row each, as in test_validation."""

from typing import Any

import pytest

from orchestrator.objects import registry
from tests.unit.objects.rules import LABEL, rules

SERVICE_RULES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["spec.ports: Required value"]),
    ({"clusterIP": "None"}, []),
    (
        {"ports": [{"port": 80}, {"port": 81}]},
        ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"],
    ),
    (
        {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]},
        ['spec.ports[1].name: Duplicate value: "a"'],
    ),
    (
        {"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]},
        ['spec.ports[1]: Duplicate value: "80/TCP"'],
    ),
    ({"ports": [{"port": 0}]}, ["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"]),
    (
        {"ports": [{"port": 80, "nodePort": 30080}]},
        ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ),
    (
        {"type": "NodePort", "ports": [{"port": 80, "nodePort": -1}]},
        [
            "spec.ports[0].nodePort: Invalid value: -1: provided port is not in the valid range. "
            "The range of valid ports is 30000-32767"
        ],
    ),
    (
        {"type": "NodePort", "clusterIP": "None", "ports": [{"port": 80}]},
        ["spec.clusterIP: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
    ),
    (
        {"ports": [{"port": 80}], "loadBalancerSourceRanges": ["192.0.2.0/24"]},
        ["spec.loadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"],
    ),
    (
        {
            "type": "LoadBalancer",
            "ports": [{"port": 80}],
            "loadBalancerSourceRanges": ["192.0.2.7/24", " 2001:db8::/64 ", "192.0.2.1", "all"],
        },
        [
            f'spec.loadBalancerSourceRanges[{index}]: Invalid value: "{text}": must be a valid CIDR value, '
            "(e.g. 10.9.8.0/24 or 2001:db8::/64)"
            for index, text in ((2, "192.0.2.1"), (3, "all"))
        ],
    ),
    ({"type": "ExternalName"}, ["spec.externalName: Required value"]),
    ({"type": "ExternalName", "externalName": "example.com."}, []),
    (
        {"clusterIP": "10.0.0", "ports": [{"port": 80}]},
        ['spec.clusterIP: Invalid value: "10.0.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ),
    (
        {"type": "NodePort", "ports": [{"port": p, "name": f"p{p}", "nodePort": 30080} for p in (80, 81)]},
        ['spec.ports[1].nodePort: Duplicate value: "30080"'],
    ),
    (
        {"type": "NodePort", "ports": [{"port": 80, "nodePort": 70000}]},
        [
            "spec.ports[0].nodePort: Invalid value: 70000: provided port is not in the valid range. "
            "The range of valid ports is 30000-32767"
        ],
    ),
    (
        {"ports": [{"port": 80, "appProtocol": "a/b/c"}]},
        [
            'spec.ports[0].appProtocol: Invalid value: "a/b/c": a qualified name must consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
            "'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with "
            "an optional DNS subdomain prefix and '/'"
        ],
    ),
    (
        {"ports": [{"port": 80}], "externalIPs": ["192.0.2.7", "127.0.0.1", "0.0.0.0", "169.254.1.1", "here"]},
        [
            'spec.externalIPs[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
            'spec.externalIPs[2]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0 or ::)',
            'spec.externalIPs[3]: Invalid value: "169.254.1.1": may not be in the link-local range '
            "(169.254.0.0/16, fe80::/10)",
            'spec.externalIPs[4]: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        ],
    ),
    (
        {"ports": [{"port": 80}], "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 9}}},
        ["spec.sessionAffinityConfig: has no effect: sessionAffinity is None"],
    ),
    (
        {
            "ports": [{"port": 80}],
            "sessionAffinity": "ClientIP",
            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86401}},
        },
        [
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: "
            "must be between 1 and 86400, inclusive"
        ],
    ),
    (
        {"ports": [{"port": 80}], "allocateLoadBalancerNodePorts": False, "loadBalancerClass": "x.io/y"},
        [
            f"spec.{name}: Forbidden: may only be used when `type` is 'LoadBalancer'"
            for name in ("allocateLoadBalancerNodePorts", "loadBalancerClass")
        ],
    ),
    (
        {"ports": [{"port": 80}], "externalTrafficPolicy": "Local", "healthCheckNodePort": 30000},
        [
            'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
            "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and "
            "`externalTrafficPolicy` is 'Local'",
        ],
    ),
    ({"ports": [{"port": 80}], "externalIPs": ["192.0.2.7"], "externalTrafficPolicy": "Local"}, []),
    (
        {"ports": [{"port": 80}], "trafficDistribution": "Nearest"},
        [
            'spec.trafficDistribution: Unsupported value: "Nearest": supported values: "PreferClose", '
            '"PreferSameNode", "PreferSameZone"'
        ],
    ),
    (
        {"ports": [{"port": 80}], "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "10.0.0.2"]},
        ['spec.clusterIPs: Invalid value: "10.0.0.1, 10.0.0.2": may specify no more than one IP for each IP family'],
    ),
    (
        {"type": "ExternalName", "externalName": "example.com", "clusterIP": "10.0.0.1", "ipFamilies": ["IPv4"]},
        [f"spec.{name}: Forbidden: may not be set for ExternalName services" for name in ("clusterIPs", "ipFamilies")],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), SERVICE_RULES, ids=lambda value: str(value)[:60])
def test_S06_services(spec: dict[str, Any], expected: list[str]) -> None:
    assert rules({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}) == expected


NO_NAME = "metadata.labels: belongs to no Service: its label kubernetes.io/service-name names one"
SLICE_RULES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"metadata": {"name": "s"}}, [NO_NAME]),
    (
        {"addressType": "IPv44"},
        ['addressType: Unsupported value: "IPv44": supported values: "FQDN", "IPv4", "IPv6" (did you mean "IPv4"?)'],
    ),
    ({"endpoints": [{"addresses": []}]}, ["endpoints[0].addresses: Required value: must contain at least 1 address"]),
    (
        {"endpoints": [{"addresses": ["192.0.2.1"]}] * 1001},
        ["endpoints: Too many: 1001: must have at most 1000 items"],
    ),
    (
        {"endpoints": [{"addresses": ["2001:db8::1"]}, {"addresses": ["127.0.0.1"]}]},
        [
            'endpoints[0].addresses[0]: Invalid value: "2001:db8::1": must be a valid IPv4 address',
            'endpoints[1].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range '
            "(127.0.0.0/8, ::1/128)",
        ],
    ),
    (
        {"endpoints": [{"addresses": ["192.0.2.1", "192.0.2.2"]}]},
        ["endpoints[0].addresses[1]: has no effect: of an endpoint's addresses the first is used"],
    ),
    (
        {"addressType": "FQDN", "endpoints": [{"addresses": ["example.com."]}, {"addresses": ["local"]}]},
        [
            "addressType: FQDN leads nowhere: nobody serves names this way, write a Service of type ExternalName",
            'endpoints[1].addresses[0]: Invalid value: "local": should be a domain with at least two segments '
            "separated by dots",
        ],
    ),
    (
        {"addressType": "IPv6", "endpoints": [{"addresses": ["2001:db8::1"]}]},
        ["addressType: IPv6 leads nowhere: networks here are IPv4"],
    ),
    (
        {"ports": [{"name": "a", "port": 80}, {"name": "a", "port": 81}, {"name": "b"}, {"name": "c", "port": 0}]},
        [
            'ports[1].name: Duplicate value: "a"',
            "ports[2]: leads nowhere: it has no port",
            "ports[3].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ],
    ),
    (
        {"endpoints": [{"addresses": ["192.0.2.1"], "hostname": "A"}]},
        [f'endpoints[0].hostname: Invalid value: "A": {LABEL}'],
    ),
]


@pytest.mark.parametrize(("change", "expected"), SLICE_RULES, ids=lambda value: str(value)[:60])
def test_S06_endpoint_slices(change: dict[str, Any], expected: list[str]) -> None:
    good = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "s", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}],
        "ports": [{"port": 80}],
    }
    assert rules(good | change) == expected


@pytest.mark.parametrize(
    ("subset", "expected"),
    [
        ({"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}, []),
        (
            {"ports": [{"port": 80}]},
            ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"],
        ),
        (
            {"addresses": [{"ip": "127.0.0.1"}]},
            [
                'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range '
                "(127.0.0.0/8, ::1/128)"
            ],
        ),
        (
            {"notReadyAddresses": [{"ip": "2001:db8::1"}]},
            ["subsets[0].notReadyAddresses[0].ip: leads nowhere: networks here are IPv4"],
        ),
        (
            {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80, "name": "a"}, {"port": 81}]},
            ["subsets[0].ports[1].name: Required value"],
        ),
    ],
)
def test_S06_endpoints(subset: dict[str, Any], expected: list[str]) -> None:
    assert rules({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "s"}, "subsets": [subset]}) == expected


def test_S06_a_session_s_time_without_sessions_is_dropped_by_a_cluster_and_refuses_nothing() -> None:
    spec = {"ports": [{"port": 80}], "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 9}}}
    made, (told,) = registry.decode({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec})
    assert made is not None
    assert told.severity == "warning"
