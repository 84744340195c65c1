"""Claims, volumes and classes: what is wrong with them, in the words of Kubernetes' API server (S06, V04)."""

from typing import Any

import pytest

from orchestrator.objects import registry

CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
VOLUME = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/srv"}}


def errors(kind: str, spec: dict[str, Any]) -> list[str]:
    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec}
    return [str(problem) for problem in registry.decode(document)[1] if problem.severity == "error"]


def test_what_is_good_is_good() -> None:
    assert errors("PersistentVolumeClaim", CLAIM) == []
    assert errors("PersistentVolume", VOLUME) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"accessModes": []}, "spec.accessModes: Required value: at least 1 access mode is required"),
        (
            {"accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]},
            "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
        ),
        ({"accessModes": ["RWO"]}, 'spec.accessModes[0]: Unsupported value: "RWO"'),
        ({"resources": {}}, "spec.resources.requests.storage: Required value"),
        (
            {"resources": {"requests": {"storage": "0"}}},
            'spec.resources.requests.storage: Invalid value: "0": must be greater than zero',
        ),
        ({"storageClassName": "Fast Disks"}, 'spec.storageClassName: Invalid value: "Fast Disks"'),
        ({"volumeMode": "File"}, 'spec.volumeMode: Unsupported value: "File"'),
        (
            {"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
            "spec.selector.matchExpressions[0].values: Required value",
        ),
        (
            {"selector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}},
            "spec.selector.matchExpressions[0].values: Forbidden",
        ),
    ],
)
def test_claims(changes: dict[str, Any], words: str) -> None:
    (found,) = errors("PersistentVolumeClaim", CLAIM | changes)
    assert found.startswith(words)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"accessModes": []}, "spec.accessModes: Required value"),
        ({"capacity": {}}, "spec.capacity: Required value"),
        ({"capacity": {"memory": "1Gi"}}, 'spec.capacity: Unsupported value: "memory"'),
        ({"capacity": {"storage": "0"}}, 'spec.capacity.storage: Invalid value: "0": must be greater than zero'),
        ({"hostPath": None}, "spec: Required value: must specify a volume type"),
        (
            {"nfs": {"server": "s", "path": "/"}},
            "spec.nfs: Forbidden: may not specify more than 1 volume type",
        ),
        ({"hostPath": {"path": "/a/../b"}}, 'spec.hostPath.path: Invalid value: "/a/../b"'),
        (
            {"hostPath": None, "local": {"path": "/srv"}},
            "spec.nodeAffinity: Required value: Local volume requires node affinity",
        ),
        ({"claimRef": {"name": "a"}}, "spec.claimRef.namespace: Required value"),
        ({"persistentVolumeReclaimPolicy": "Keep"}, 'spec.persistentVolumeReclaimPolicy: Unsupported value: "Keep"'),
    ],
)
def test_volumes(changes: dict[str, Any], words: str) -> None:
    (found,) = errors("PersistentVolume", VOLUME | changes)
    assert found.startswith(words)


def test_what_a_cluster_has_said_of_a_copied_document_counts_for_nothing() -> None:
    document = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "a"}, "spec": CLAIM}
    obj, _ = registry.decode({**document, "status": {"phase": "Bound", "capacity": {"storage": "9Gi"}}})
    assert obj is not None
    assert registry.encode(obj)["status"] == {"phase": "Pending"}


def test_the_claim_of_an_ephemeral_volume_has_the_same_rules() -> None:
    template = {"spec": {**CLAIM, "accessModes": []}}
    spec = {
        "containers": [{"name": "a", "image": "a:1"}],
        "volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": template}}],
    }
    (found,) = errors("Pod", spec)
    where = "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.accessModes"
    assert found == f"{where}: Required value: at least 1 access mode is required"
