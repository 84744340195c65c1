from typing import Any

import pytest

from orchestrator.errors import Invalid
from orchestrator.objects import registry
from orchestrator.objects.config import Secret, secret_files
from orchestrator.objects.pod import Pod
from orchestrator.objects.service import Service


def pod(**container: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "app", "image": "nginx", **container}]},
    }


def told(document: Any) -> list[str]:
    _, problems = registry.decode(document)
    return [f"{problem.severity}: {problem}" for problem in problems]


def test_a_good_pod_gets_kubernetes_defaults() -> None:
    obj, problems = registry.decode(pod(ports=[{"containerPort": 80}], livenessProbe={"httpGet": {"port": 80}}))
    assert problems == ()
    assert isinstance(obj, Pod)
    container = obj.spec.containers[0]
    assert obj.metadata.namespace == "default"
    assert obj.spec.restart_policy == "Always"
    assert obj.spec.termination_grace_period_seconds == 30
    assert container.image_pull_policy == "Always"
    assert container.ports[0].protocol == "TCP"
    assert container.liveness_probe is not None
    assert container.liveness_probe.period_seconds == 10
    assert container.liveness_probe.http_get is not None
    assert container.liveness_probe.http_get.path == "/"


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("host:5000/nginx", "Always"),
        ("host:5000/nginx:2", "IfNotPresent"),
        ("nginx@sha256:" + "0" * 64, "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    obj, _ = registry.decode(pod(image=image))
    assert isinstance(obj, Pod)
    assert obj.spec.containers[0].image_pull_policy == policy


def test_what_is_encoded_decodes_to_the_same() -> None:
    document = pod(
        env=[{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        resources={"limits": {"cpu": 1, "memory": "1Gi"}},
        readinessProbe={"tcpSocket": {"port": "http"}},
        ports=[{"containerPort": 80, "name": "http", "hostIP": "127.0.0.1"}],
    )
    obj, _ = registry.decode(document)
    assert obj is not None
    encoded = registry.encode(obj)
    assert registry.convert(encoded) == obj
    assert registry.decode(encoded) == (obj, ())
    assert encoded["spec"]["restartPolicy"] == "Always"
    assert encoded["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "1", "memory": "1Gi"}


def test_S02_S03_S05_all_problems_of_a_document_are_found_at_once() -> None:
    document = pod(
        livenesProbe={},
        env=[{"name": "A", "value": 8080}, {"name": "B", "value": False}, {"name": "C", "valeu": "x"}],
        command="sleep",
        ports=[{"containerPort": "80"}],
        tty="yes",
        imagePullPolicy="always",
        resources={"limits": {"cpu": True, "memory": "1Gb"}},
    )
    document["metadata"]["labels"] = ["a"]
    assert told(document) == [
        "error: metadata.labels: expected a mapping, but read a list",
        'error: spec.containers[0].livenesProbe: unknown field "livenesProbe" (did you mean "livenessProbe"?)',
        'error: spec.containers[0].env[0].value: expected a string, but read the integer 8080: write value: "8080"',
        'error: spec.containers[0].env[1].value: expected a string, but read the boolean false: write value: "false"',
        'error: spec.containers[0].env[2].valeu: unknown field "valeu" (did you mean "value"?)',
        'error: spec.containers[0].command: expected a list, but read the string "sleep": write command: ["sleep"]',
        "error: spec.containers[0].ports[0].containerPort: "
        'expected an integer, but read the string "80": write containerPort: 80',
        'error: spec.containers[0].tty: expected a boolean, but read the string "yes": write tty: true',
        'error: spec.containers[0].imagePullPolicy: Unsupported value: "always": '
        'supported values: "Always", "IfNotPresent", "Never" (did you mean "Always"?)',
        "error: spec.containers[0].resources.limits.cpu: expected a quantity, but read the boolean true",
        'error: spec.containers[0].resources.limits.memory: Invalid value: "1Gb": quantities must match the regular '
        "expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$' (did you mean \"1Gi\"?)",
    ]


def test_S02_the_proposal_quotes_what_the_file_says() -> None:
    _, problems = registry.decode(pod(env=[{"name": "A", "value": False}]), lambda path: "no")
    assert str(problems[0]).endswith('expected a string, but YAML reads no as the boolean false: write value: "no"')


def test_rules_are_checked_even_beside_wrong_types() -> None:
    document = pod(name="Bad", workingDir=7)
    assert [problem.field for problem in registry.decode(document)[1]] == [
        "spec.containers[0].workingDir",
        "spec.containers[0].name",
    ]


def test_S05_rules_are_checked_beside_what_is_missing() -> None:
    document = pod(image=None, ports=[{"name": "http"}, {"containerPort": 99999}, "80"], env=[{"value": "x"}, {}])
    document["spec"] |= {"volumes": [{"emptyDir": {}}], "hostname": "A_B"}
    del document["metadata"]["name"]
    document["spec"]["containers"].append({"image": "nginx", "volumeMounts": [{"name": "data"}]})
    assert [problem.field for problem in registry.decode(document)[1]] == [
        "spec.containers[0].ports[0].containerPort",
        "spec.containers[0].ports[2]",
        "spec.containers[0].env[0].name",
        "spec.containers[0].env[1].name",
        "spec.containers[1].volumeMounts[0].mountPath",
        "spec.containers[1].name",
        "spec.volumes[0].name",
        "metadata.name",
        "spec.containers[0].image",
        "spec.containers[0].ports[1].containerPort",
        "spec.containers[1].volumeMounts[0].name",
        "spec.hostname",
    ]
    assert told({"apiVersion": "v1", "kind": "Pod"}) == [
        "error: spec: Required value",
        "error: metadata.name: Required value: name or generateName is required",
    ]


def test_S04_fields_without_effect_are_told_and_accepted() -> None:
    document = pod()
    document["spec"] |= {"nodeSelector": {"a": "b"}, "schedulerName": "default-scheduler"}
    assert told(document) == [
        "warning: spec.nodeSelector: nodeSelector has no effect here: one host has no nodes to choose from",
    ]
    assert registry.decode(document)[0] is not None


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "error: a document must be a mapping with apiVersion, kind and metadata"),
        ({"kind": "Pod"}, "error: apiVersion: Required value"),
        ({"apiVersion": "v1", "kind": "pod"}, 'error: kind: unknown kind "pod" in v1 (did you mean "Pod"?)'),
        ({"apiVersion": "v1", "kind": "Pdo"}, 'error: kind: unknown kind "Pdo" in v1 (did you mean "Pod"?)'),
        (
            {"ApiVersion": "v1", "kind": "Pod", "spec": {}},
            'error: apiVersion: Required value (is it misspelt as "ApiVersion"?)',
        ),
        ({"apiVersion": "v1", "kind": "Gizmo"}, 'error: kind: unknown kind "Gizmo" in v1'),
        (
            {"apiVersion": "x.io/v1", "kind": "Gizmo"},
            'error: kind: unknown kind "Gizmo" in x.io/v1: custom resources have no effect here: '
            "leave this document out",
        ),
        (
            {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"},
            'error: kind: unknown kind "Kustomization" in kustomize.config.k8s.io/v1beta1: '
            "build it first: kubectl kustomize FOLDER",
        ),
        (
            {"apiVersion": "policy/v1beta1", "kind": "PodSecurityPolicy"},
            "error: kind: PodSecurityPolicy was removed in Kubernetes 1.25: leave this document out",
        ),
        (
            {"apiVersion": "extensions/v1beta1", "kind": "Deployment"},
            'error: apiVersion: Deployment is not in "extensions/v1beta1" as of Kubernetes 1.34: '
            "write apiVersion: apps/v1",
        ),
        (
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "a:b"}},
            "warning: kind: Role is not supported yet: this document has no effect",
        ),
    ],
)
def test_S04_kinds(document: Any, message: str) -> None:
    assert told(document) == [message]


def test_nulls_are_as_if_they_were_not_written() -> None:
    document = pod(command=None, env=[{"name": "A", "value": None}])
    document["metadata"] |= {"creationTimestamp": None, "labels": {"a": None}}
    obj, problems = registry.decode(document)
    assert problems == ()
    assert obj is not None
    assert obj.metadata.labels == {"a": ""}


def test_a_word_that_is_empty_is_as_if_it_was_not_written() -> None:
    document = pod(imagePullPolicy="", ports=[{"containerPort": 80, "protocol": ""}])
    document["spec"] |= {"restartPolicy": "", "dnsPolicy": ""}
    obj, problems = registry.decode(document)
    assert problems == ()
    assert isinstance(obj, Pod)
    assert obj.spec.restart_policy == "Always"
    assert obj.spec.containers[0].image_pull_policy == "Always"
    assert obj.spec.containers[0].ports[0].protocol == "TCP"
    assert told({**document, "kind": ""}) == ["error: kind: must be a string"]


def test_a_missing_spec_is_named() -> None:
    assert told({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}) == ["error: spec: Required value"]


def test_a_null_in_a_list_is_not_passed_over() -> None:
    assert told(pod(args=["a", None])) == [
        "error: spec.containers[0].args[1]: expected a string, but read nothing (null)"
    ]


def test_string_data_joins_data() -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"a": "b25l", "b": "dHdv"},
        "stringData": {"b": "three"},
    }
    obj, problems = registry.decode(document)
    assert problems == ()
    assert isinstance(obj, Secret)
    assert secret_files(obj) == {"a": b"one", "b": b"three"}
    assert not obj.string_data


def test_no_message_and_no_repr_shows_a_secret_value() -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"a": 31337, "b": "hunter2!"},
        "stringData": {"c": [31337], "d": 3.1337},
    }
    text = " ".join(told(document))
    assert "data.a" in text
    assert "put it in quotes" in text
    assert "31337" not in text
    assert "hunter2" not in text
    del document["data"], document["stringData"]
    obj, _ = registry.decode(document | {"stringData": {"c": "hunter2"}})
    assert "hunter2" not in repr(obj)
    assert "aHVudGVyMg" not in repr(obj)


def test_a_service_gets_its_target_ports() -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}},
    }
    obj, problems = registry.decode(document)
    assert problems == ()
    assert isinstance(obj, Service)
    assert obj.spec.ports[0].target_port == 80
    assert obj.spec.type == "ClusterIP"


def test_convert_refuses_what_it_did_not_encode() -> None:
    with pytest.raises(Invalid, match="cannot read a Pod"):
        registry.convert({"apiVersion": "v1", "kind": "Pod", "spec": 3})
    with pytest.raises(Invalid, match="cannot read a document of kind 'Gizmo'"):
        registry.convert({"kind": "Gizmo"})
