"""The rules of pods, metadata and config, one row each: what is changed in a good object, and what is said of it."""

import base64
from typing import Any

import pytest

from orchestrator.objects.scalars import SUBDOMAIN_RULE
from tests.unit.objects.rules import LABEL, rules

C = "spec.containers[0]"
FITS = "must be between {} and 2147483647, inclusive"


def pod(container: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "app", "image": "nginx:1", **container}], **spec},
    }


CONTAINER_RULES: list[tuple[dict[str, Any], list[str]]] = [
    ({"name": "App"}, [f'{C}.name: Invalid value: "App": {LABEL}: write name: app']),
    ({"name": "_My App!"}, [f'{C}.name: Invalid value: "_My App!": {LABEL}: write name: my-app']),
    ({"name": "{{name}}"}, [f'{C}.name: Invalid value: "{{{{name}}}}": {LABEL}']),
    ({"name": ""}, [f"{C}.name: Required value"]),
    ({"image": ""}, [f'{C}.image: Required value: container "app" has no image']),
    (
        {"image": "Upper/Case:1"},
        [
            f'{C}.image: "Upper/Case:1" cannot be pulled: '
            "invalid reference format: repository name (Case) must be lowercase"
        ],
    ),
    (
        {"image": "host//app"},
        [
            f'{C}.image: "host//app" cannot be pulled: invalid reference format, must be '
            "[HOST[:PORT]/]PATH[:TAG][@DIGEST]"
        ],
    ),
    ({"image": "Host.example:5000/a_b/c-d:v1.2@sha256:" + "a" * 64}, []),
    (
        {"livenessProbe": {"tcpSocket": {"port": "8080"}}},
        [
            f'{C}.livenessProbe.tcpSocket.port: Invalid value: "8080": must contain at least one letter (a-z): '
            "write port: 8080"
        ],
    ),
    (
        {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1000m"}}}]},
        [],
    ),
    ({"image": " nginx"}, [f'{C}.image: Invalid value: " nginx": must not have leading or trailing whitespace']),
    (
        {"ports": [{"containerPort": 70000}]},
        [f"{C}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"],
    ),
    (
        {"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]},
        [f'{C}.ports[1].name: Duplicate value: "a"'],
    ),
    (
        {"ports": [{"containerPort": 1, "name": "-"}]},
        [
            f'{C}.ports[0].name: Invalid value: "-": must contain at least one letter (a-z)',
            f'{C}.ports[0].name: Invalid value: "-": must not begin or end with a hyphen',
        ],
    ),
    (
        {"ports": [{"containerPort": 1}, {"containerPort": 1}]},
        [f"{C}.ports[1]: duplicate port definition with ports[0]"],
    ),
    (
        {"ports": [{"containerPort": 1, "hostPort": 5}, {"containerPort": 2, "hostPort": 5}]},
        [f'{C}.ports[1].hostPort: Duplicate value: "TCP//5"'],
    ),
    (
        {"ports": [{"containerPort": 1, "hostIP": "here"}]},
        [f'{C}.ports[0].hostIP: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ),
    (
        {"env": [{"name": "A=B"}]},
        [
            f'{C}.env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable '
            "ASCII characters other than '='"
        ],
    ),
    (
        {"env": [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
        [f'{C}.env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
    ),
    (
        {"env": [{"name": "A", "valueFrom": {}}]},
        [
            f'{C}.env[0].valueFrom: Invalid value: "": must specify one of: `configMapKeyRef`, `secretKeyRef`, '
            "`fieldRef`, `resourceFieldRef`, `fileKeyRef`"
        ],
    ),
    (
        {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"key": "k"}}}]},
        [f"{C}.env[0].valueFrom.configMapKeyRef.name: Required value"],
    ),
    (
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]},
        [
            f'{C}.env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "spec.x": supported values: "metadata.name", '
            '"metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", '
            '"status.hostIPs", "status.podIP", "status.podIPs"'
        ],
    ),
    ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['x/y']"}}}]}, []),
    (
        {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "containerName": "b"}}}]},
        [f'{C}.env[0].valueFrom.resourceFieldRef.containerName: Not found: "b"'],
    ),
    (
        {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1Mi"}}}]},
        [
            f'{C}.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "1Mi": only divisor\'s values 1m, 1 are '
            "supported with the cpu resource"
        ],
    ),
    (
        {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
        [f'{C}.env[1]: hides previous definition of "A", which may be unexpected'],
    ),
    ({"envFrom": [{"prefix": "A_"}]}, [f"{C}.envFrom[0]: must specify one of: `configMapRef` or `secretRef`"]),
    ({"envFrom": [{"configMapRef": {}}]}, [f"{C}.envFrom[0].configMapRef.name: Required value"]),
    ({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, [f'{C}.volumeMounts[0].name: Not found: "v"']),
    (
        {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}},
        [f'{C}.resources.requests.cpu: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ),
    (
        {"resources": {"limits": {"cores": "1"}}},
        [f'{C}.resources.limits.cores: Invalid value: "cores": must be a standard resource for containers'],
    ),
    (
        {"resources": {"limits": {"memory": "-1"}}},
        [f'{C}.resources.limits.memory: Invalid value: "-1": must be greater than or equal to 0'],
    ),
    (
        {"resources": {"requests": {"nvidia.com/gpu": 1}}},
        [f"{C}.resources.limits: Required value: Limit must be set for non overcommitable resources"],
    ),
    ({"livenessProbe": {}}, [f"{C}.livenessProbe: Required value: must specify a handler type"]),
    (
        {"readinessProbe": {"exec": {"command": ["a"]}, "tcpSocket": {"port": 1}}},
        [f"{C}.readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
    ),
    (
        {"livenessProbe": {"tcpSocket": {"port": 1}, "successThreshold": 2}},
        [f"{C}.livenessProbe.successThreshold: Invalid value: 2: must be 1"],
    ),
    (
        {"startupProbe": {"tcpSocket": {"port": 1}, "periodSeconds": -1}},
        [f"{C}.startupProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 1"],
    ),
    (
        {"livenessProbe": {"tcpSocket": {"port": 1}, "timeoutSeconds": 2**31, "terminationGracePeriodSeconds": 2**40}},
        [
            f"{C}.livenessProbe.timeoutSeconds: Invalid value: {2**31}: {FITS.format(1)}",
            f"{C}.livenessProbe.terminationGracePeriodSeconds: Invalid value: {2**40}: {FITS.format(1)}",
        ],
    ),
    ({"livenessProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 0, "timeoutSeconds": 0}}, []),
    (
        {"readinessProbe": {"tcpSocket": {"port": 1}, "terminationGracePeriodSeconds": 5}},
        [f"{C}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes"],
    ),
    (
        {"livenessProbe": {"httpGet": {"port": 0}}},
        [f"{C}.livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive"],
    ),
    (
        {"livenessProbe": {"httpGet": {"port": "http"}}},
        [f'{C}.livenessProbe.httpGet.port: no port of this container is named "http"'],
    ),
    ({"livenessProbe": {"exec": {}}}, [f"{C}.livenessProbe.exec.command: Required value"]),
    ({"lifecycle": {"preStop": {}}}, [f"{C}.lifecycle.preStop: Required value: must specify a handler type"]),
    (
        {"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}},
        [
            f"{C}.lifecycle.preStop.sleep.seconds: Invalid value: 31: must be non-negative and less than "
            "terminationGracePeriodSeconds (30)"
        ],
    ),
    (
        {"lifecycle": {"stopSignal": "SIGUSR1"}},
        [f"{C}.lifecycle.stopSignal: a cluster wants `spec.os.name` to be set with it"],
    ),
    (
        {"securityContext": {"runAsUser": -1}},
        [f"{C}.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"],
    ),
    (
        {"securityContext": {"privileged": True, "allowPrivilegeEscalation": False}},
        [
            f'{C}.securityContext: Invalid value: "": cannot set `allowPrivilegeEscalation` to false and '
            "`privileged` to true"
        ],
    ),
]


@pytest.mark.parametrize(("container", "expected"), CONTAINER_RULES, ids=lambda value: str(value)[:60])
def test_S06_container_rules(container: dict[str, Any], expected: list[str]) -> None:
    assert rules(pod(container, {})) == expected


V = "spec.volumes[0]"


def sysctls(*names: str, **spec: Any) -> dict[str, Any]:
    return {"securityContext": {"sysctls": [{"name": name, "value": "1"} for name in names]}, **spec}


SYSCTLS = "spec.securityContext.sysctls"
SPEC_RULES: list[tuple[dict[str, Any], list[str]]] = [
    (sysctls("net.core.somaxconn", "kernel.shm_rmid_forced", "net/ipv4/conf/eth0.1/mtu"), []),
    (sysctls(""), [f"{SYSCTLS}[0].name: Required value"]),
    (sysctls("a.b", "a/b"), [f'{SYSCTLS}[1].name: Duplicate value: "a/b"']),
    (
        sysctls("net.core.somaxconn", "kernel.sem", hostNetwork=True),
        [f"{SYSCTLS}[0].name: Invalid value: \"net.core.somaxconn\": may not be specified when 'hostNetwork' is true"],
    ),
    (
        sysctls("net.core.somaxconn", "fs/mqueue/msg_max", hostIPC=True),
        [f"{SYSCTLS}[1].name: Invalid value: \"fs/mqueue/msg_max\": may not be specified when 'hostIPC' is true"],
    ),
    (
        sysctls("Net..x"),
        [
            f'{SYSCTLS}[0].name: Invalid value: "Net..x": must have at most 253 characters and match '
            "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
        ],
    ),
    ({"containers": []}, ["spec.containers: Required value"]),
    (
        {"initContainers": [{"name": "app", "image": "a"}]},
        ['spec.containers[0].name: Duplicate value: "app"'],
    ),
    (
        {"initContainers": [{"name": "i", "image": "a", "readinessProbe": {"tcpSocket": {"port": 1}}}]},
        [
            "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without "
            "restartPolicy=Always"
        ],
    ),
    (
        {"terminationGracePeriodSeconds": -1},
        ["spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0"],
    ),
    (
        {"terminationGracePeriodSeconds": 2**63 - 1},
        [f"spec.terminationGracePeriodSeconds: Invalid value: {2**63 - 1}: {FITS.format(0)}"],
    ),
    (
        {"restartPolicy": "Sometimes"},
        ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"'],
    ),
    ({"hostname": "A"}, [f'spec.hostname: Invalid value: "A": {LABEL}']),
    (
        {"hostAliases": [{"ip": "x", "hostnames": ["a"]}]},
        ['spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ),
    (
        {"dnsPolicy": "None"},
        [
            "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is "
            "None"
        ],
    ),
    ({"dnsConfig": {"searches": [".", "_tcp.my_zone.example.", "a"]}}, []),
    (
        {"dnsConfig": {"searches": ["a", "My.Zone"]}},
        [f'spec.dnsConfig.searches[1]: Invalid value: "My.Zone": {SUBDOMAIN_RULE}'],
    ),
    ({"volumes": [{"name": "v"}, {"name": "v"}]}, ['spec.volumes[1].name: Duplicate value: "v"']),
    (
        {"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]},
        [f"{V}.hostPath: Forbidden: may not specify more than 1 volume type"],
    ),
    ({"volumes": [{"name": "v", "configMap": {}}]}, [f"{V}.configMap.name: Required value"]),
    ({"volumes": [{"name": "v", "secret": {}}]}, [f"{V}.secret.secretName: Required value"]),
    (
        {"volumes": [{"name": "v", "secret": {"secretName": "s", "defaultMode": 755}}]},
        [
            f"{V}.secret.defaultMode: Invalid value: 755: must be a number between 0 and 0777 (octal), both inclusive: "
            "write defaultMode: 0755"
        ],
    ),
    (
        {"volumes": [{"name": "v", "secret": {"secretName": "s", "defaultMode": 888}}]},
        [f"{V}.secret.defaultMode: Invalid value: 888: must be a number between 0 and 0777 (octal), both inclusive"],
    ),
    (
        {"volumes": [{"name": "v", "configMap": {"name": "c", "items": [{"key": "k", "path": "../x"}]}}]},
        [f"{V}.configMap.items[0].path: Invalid value: \"../x\": must not contain '..'"],
    ),
    (
        {"volumes": [{"name": "v", "hostPath": {"path": "/a/../b"}}]},
        [f"{V}.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"],
    ),
    (
        {"volumes": [{"name": "v", "emptyDir": {"medium": "Disk"}}]},
        [f'{V}.emptyDir.medium: Unsupported value: "Disk": supported values: "", "Memory"'],
    ),
    (
        {"volumes": [{"name": "v", "downwardAPI": {"items": [{"path": "a"}]}}]},
        [f"{V}.downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef is required"],
    ),
    (
        {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}, "configMap": {"name": "c"}}]}}]},
        [f"{V}.projected.sources[0].secret: Forbidden: may not specify more than 1 volume type per source"],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), SPEC_RULES, ids=lambda value: str(value)[:60])
def test_S06_pod_rules(spec: dict[str, Any], expected: list[str]) -> None:
    assert rules(pod({}, spec)) == expected


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        (
            [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}],
            [f'{C}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique'],
        ),
        ([{"name": "v", "mountPath": ""}], [f"{C}.volumeMounts[0].mountPath: Required value"]),
        (
            [{"name": "v", "mountPath": "/a", "subPath": "x/../y"}],
            [f"{C}.volumeMounts[0].subPath: Invalid value: \"x/../y\": must not contain '..'"],
        ),
        (
            [{"name": "v", "mountPath": "/a", "subPath": "/x"}],
            [f'{C}.volumeMounts[0].subPath: Invalid value: "/x": must be a relative path'],
        ),
        ([{"name": "v", "mountPath": "/a", "subPath": "a..b"}], []),
    ],
)
def test_S06_mounts(mounts: list[dict[str, Any]], expected: list[str]) -> None:
    assert rules(pod({"volumeMounts": mounts}, {"volumes": [{"name": "v", "emptyDir": {}}]})) == expected


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, ["metadata.name: Required value: name or generateName is required"]),
        ({"name": "a", "labels": {"-a": "b"}}, 1),
        ({"name": "a", "labels": {"a": "b c"}}, 1),
        ({"name": "a", "annotations": {"a b": "c"}}, 1),
        ({"name": "a", "annotations": {"a": "x" * 300_000}}, 1),
        ({"name": "a", "namespace": "N"}, [f'metadata.namespace: Invalid value: "N": {LABEL}']),
        ({"name": "a.b-c"}, []),
        ({"name": "a_b"}, 1),
        ({"generateName": "a-"}, 1),
    ],
)
def test_S06_metadata(metadata: dict[str, Any], expected: list[str] | int) -> None:
    found = rules({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    assert found == expected or len(found) == expected


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (
            "Secret",
            {"data": {"a": "not base64"}},
            ["data.a: illegal base64 data: write the plain text under stringData"],
        ),
        ("Secret", {"data": {"a": base64.encodebytes(b"x" * 100).decode()}}, []),
        (
            "Secret",
            {"type": "kubernetes.io/tls"},
            ["data[tls.crt]: Required value", "data[tls.key]: Required value"],
        ),
        (
            "ConfigMap",
            {"data": {"a": "x"}, "binaryData": {"a": "eA=="}},
            ['data.a: Invalid value: "a": duplicate of key present in binaryData'],
        ),
        ("ConfigMap", {"data": {"a": "x" * 1_100_000}}, ["data: Too long: may not be more than 1048576 bytes"]),
        ("ConfigMap", {"data": {"..a": "x"}}, ["data[..a]: Invalid value: \"..a\": must not start with '..'"]),
        ("ConfigMap", {"data": {"a": "ok"}, "immutable": True}, []),
    ],
)
def test_S06_config(kind: str, body: dict[str, Any], expected: list[str]) -> None:
    assert rules({"apiVersion": "v1", "kind": kind, "metadata": {"name": "c"}, **body}) == expected
