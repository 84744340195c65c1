"""Kinds that do not run here: a warning that they have no effect, errors for what a cluster would refuse (S08)."""

import subprocess
import sys
from typing import Any

import pytest

from orchestrator.objects import registry

CONTAINER = {"name": "app", "image": "nginx"}
SPEC = {"containers": [CONTAINER]}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": SPEC}
SELECTOR = {"matchLabels": {"app": "web"}}
ENDING = {**TEMPLATE, "spec": {**SPEC, "restartPolicy": "Never"}}


def told(kind: str, version: str, **fields: Any) -> list[str]:
    """The errors of a document; it has no object, and its first problem is that it has no effect."""
    document = {"apiVersion": version, "kind": kind, "metadata": {"name": "web"}, **fields}
    obj, problems = registry.decode(document)
    assert obj is None
    assert problems[0].message == f"{kind} is not supported yet: this document has no effect"
    assert {problem.severity for problem in problems[1:]} <= {"error"}
    return [str(problem) for problem in problems[1:]]


def deployment(**spec: Any) -> list[str]:
    return told("Deployment", "apps/v1", spec={"selector": SELECTOR, "template": TEMPLATE, **spec})


def of_pod(**spec: Any) -> list[str]:
    return deployment(template={**TEMPLATE, "spec": {**SPEC, **spec}})


@pytest.mark.parametrize(
    ("kind", "version", "spec"),
    [
        ("Deployment", "apps/v1", {"selector": SELECTOR, "template": TEMPLATE, "replicas": 3.0}),
        ("ReplicaSet", "apps/v1", {"selector": SELECTOR, "template": TEMPLATE}),
        ("DaemonSet", "apps/v1", {"selector": SELECTOR, "template": TEMPLATE}),
        ("StatefulSet", "apps/v1", {"selector": SELECTOR, "serviceName": "web", "template": TEMPLATE}),
        ("Job", "batch/v1", {"template": ENDING}),
        ("CronJob", "batch/v1", {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": ENDING}}}),
        ("ReplicationController", "v1", {"selector": {"app": "web"}, "template": TEMPLATE}),
        ("ReplicationController", "v1", {"template": TEMPLATE}),
        ("Ingress", "networking.k8s.io/v1", {"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}}),
        ("HorizontalPodAutoscaler", "autoscaling/v1", {"maxReplicas": 3, "scaleTargetRef": {"kind": "a", "name": "b"}}),
    ],
)
def test_S04_a_good_document_is_a_warning_alone(kind: str, version: str, spec: dict[str, Any]) -> None:
    assert told(kind, version, spec=spec) == []


def test_S03_typos_are_found_at_every_depth() -> None:
    assert deployment(replica=3) == ['spec.replica: unknown field "replica" (did you mean "replicas"?)']
    assert of_pod(containers=[{**CONTAINER, "imag": "x", "env": [{"name": "A", "value": 8080}]}]) == [
        'spec.template.spec.containers[0].imag: unknown field "imag" (did you mean "image"?)',
        "spec.template.spec.containers[0].env[0].value: "
        'expected a string, but read the integer 8080: write value: "8080"',
    ]
    assert told("Role", "rbac.authorization.k8s.io/v1", rules=[{"verb": ["get"]}]) == [
        'rules[0].verb: unknown field "verb" (did you mean "verbs"?)',
        "rules[0].verbs: Required value",
    ]
    schema = {"type": "object", "properties": {"a": {"typ": "string"}, "b": {"items": {"anything": "here"}}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Gizmo", "plural": "gizmos"}
    spec = {"group": "x.io", "names": names, "scope": "Namespaced", "versions": [version]}
    assert told("CustomResourceDefinition", "apiextensions.k8s.io/v1", spec=spec) == [
        'spec.versions[0].schema.openAPIV3Schema.properties.a.typ: unknown field "typ" (did you mean "type"?)'
    ]


def test_S06_the_pods_of_a_workload_keep_the_rules_of_pods() -> None:
    mount = {"name": "data", "mountPath": "/data"}
    assert of_pod(containers=[{**CONTAINER, "volumeMounts": [mount]}]) == [
        'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"'
    ]
    assert of_pod(nodeSelector={"a": "b"}) == []
    assert deployment(template={**TEMPLATE, "spec": {"containers": []}}) == [
        "spec.template.spec.containers: Required value"
    ]
    assert deployment(template={"metadata": {"labels": {"app": "web"}}}) == ["spec.template.spec: Required value"]


def test_S06_the_claims_of_a_stateful_set_are_volumes_of_its_pods() -> None:
    mount = {"name": "data", "mountPath": "/data"}
    template = {**TEMPLATE, "spec": {"containers": [{**CONTAINER, "volumeMounts": [mount]}]}}
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    spec = {"selector": SELECTOR, "serviceName": "web", "template": template, "volumeClaimTemplates": [claim]}
    assert told("StatefulSet", "apps/v1", spec=spec) == []
    spec["volumeClaimTemplates"] = [None]
    assert told("StatefulSet", "apps/v1", spec=spec) == [
        "spec.volumeClaimTemplates[0]: expected a mapping, but read nothing (null)",
        'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"',
    ]


def test_S06_a_restart_policy_that_the_kind_forbids() -> None:
    assert of_pod(restartPolicy="Never") == [
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'
    ]
    assert told("Job", "batch/v1", spec={"template": TEMPLATE}) == [
        'spec.template.spec.restartPolicy: Unsupported value: "Always": supported values: "Never", "OnFailure"'
    ]
    assert of_pod(activeDeadlineSeconds=5) == [
        "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in Deployment is not Supported"
    ]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("*/5 0-6 1,15 * MON-FRI", []),
        ("@hourly", []),
        ("@every 1h30m", []),
        ("", ["spec.schedule: Required value"]),
        ("* * * *", ['spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4']),
        ("@often", ['spec.schedule: Invalid value: "@often": unrecognized descriptor']),
        (
            "TZ=UTC * * * * *",
            [
                'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone '
                "field instead"
            ],
        ),
    ],
)
def test_S06_a_schedule_has_its_form(schedule: str, expected: list[str]) -> None:
    spec = {"schedule": schedule, "jobTemplate": {"spec": {"template": ENDING}}}
    assert told("CronJob", "batch/v1", spec=spec) == expected
    long = told("CronJob", "batch/v1", spec=spec, metadata={"name": "a" * 53})
    assert long[0] == f'metadata.name: Invalid value: "{"a" * 53}": must be no more than 52 characters'


def test_S06_a_selector_takes_the_pods_of_its_workload() -> None:
    assert deployment(selector={"matchLabels": {"app": "other"}}) == [
        'spec.template.metadata.labels: Invalid value: "app=web": `selector` does not match template `labels`'
    ]
    assert deployment(selector={}) == [
        "spec.selector: Required value: an empty selector takes no pods of this Deployment"
    ]
    assert told("ReplicationController", "v1", spec={"selector": {"a": "b"}, "template": TEMPLATE}) == [
        'spec.template.metadata.labels: Invalid value: "app=web": `selector` does not match template `labels`'
    ]


@pytest.mark.parametrize(
    ("kind", "version", "fields", "expected"),
    [
        ("Deployment", "apps/v1", {}, ["spec: Required value"]),
        ("CronJob", "batch/v1", {"spec": {"schedule": "* * * * *"}}, ["spec.jobTemplate: Required value"]),
        ("Deployment", "apps/v1", {"metadata": {}, "spec": None},
         ["metadata.name: Required value: name or generateName is required", "spec: Required value"]),
        ("Role", "rbac.authorization.k8s.io/v1", {"metadata": {"name": "system:Reader"}}, []),
        ("Role", "rbac.authorization.k8s.io/v1", {"metadata": {"name": "a/b"}},
         ["metadata.name: Invalid value: \"a/b\": may not contain '/': write name: a-b"]),
        ("ServiceAccount", "v1", {"metadata": {"name": "web", "labels": {"a": 1}}},
         ['metadata.labels.a: expected a string, but read the integer 1: write a: "1"']),
        ("TokenReview", "authentication.k8s.io/v1", {"metadata": {}, "spec": {}}, []),
        ("ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1",
         {"webhooks": [{"name": "a", "admissionReviewVersions": [], "sideEffects": "None",
                        "clientConfig": {"caBundle": "${CA}"}}]},
         ['webhooks[0].clientConfig.caBundle: Invalid value: "${CA}": illegal base64 data']),
        ("Lease", "coordination.k8s.io/v1", {"spec": {"renewTime": "yesterday"}},
         ["spec.renewTime: Invalid value: \"yesterday\": must be a time as of RFC 3339 (e.g. '2026-01-31T12:00:00Z')"]),
    ],
)  # fmt: skip
def test_S06_other_rules(kind: str, version: str, fields: dict[str, Any], expected: list[str]) -> None:
    assert told(kind, version, **fields) == expected


def test_what_only_a_cluster_refuses_does_not_stop_the_rest_of_a_daemon_s_file() -> None:
    document = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "my_app", "labels": {"a": "{{b}}"}}}
    assert [problem.severity for problem in registry.decode(document)[1]] == ["warning", "error", "error"]
    assert [problem.severity for problem in registry.decode(document, lenient=True)[1]] == ["warning"]
    document["metadat"] = {}
    assert "error" in [problem.severity for problem in registry.decode(document, lenient=True)[1]]


def test_nothing_of_it_is_read_before_it_is_needed() -> None:
    """The daemon stays small: a folder of plain pods never opens the table."""
    program = (
        "from orchestrator.objects import foreign, registry\n"
        "pod = {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'a'}, 'spec': {'containers': []}}\n"
        "registry.decode(pod)\n"
        "assert foreign._table.cache_info().currsize == 0\n"
        "registry.decode({**pod, 'kind': 'Podd'})\n"
        "assert foreign._table.cache_info().currsize == 1\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
