"""`describe` of claims and volumes, in kubectl's words.  Pure."""

from orchestrator.api.storage_table import short_modes
from orchestrator.cli.describe_text import NONE, Field, annotations, pairs
from orchestrator.cli.documents import Document


def claim_fields(claim: Document, pods: list[Document]) -> list[Field]:
    """What is told of a claim besides its name; `pods` are those of its namespace."""
    meta, spec, status = claim["metadata"], claim["spec"], claim.get("status", {})
    bound = bool(spec.get("volumeName"))
    deleted = meta.get("deletionTimestamp")
    return [
        ("StorageClass", spec.get("storageClassName", "")),
        ("Status", "Terminating" if deleted else status.get("phase", "Pending")),
        ("Volume", spec.get("volumeName", "")),
        ("Labels", pairs(meta.get("labels"))),
        ("Annotations", annotations(meta)),
        ("Capacity", status.get("capacity", {}).get("storage", "0") if bound else ""),
        ("Access Modes", short_modes(status.get("accessModes", [])) if bound else ""),
        ("VolumeMode", spec.get("volumeMode", "Filesystem")),
        ("Used By", _users(meta["name"], pods) or NONE),
    ]


def volume_fields(volume: Document) -> list[Field]:
    """What is told of a volume besides its name."""
    meta, spec, status = volume["metadata"], volume["spec"], volume.get("status", {})
    ref = spec.get("claimRef", {})
    return [
        ("Labels", pairs(meta.get("labels"))),
        ("Annotations", annotations(meta)),
        ("StorageClass", spec.get("storageClassName", "")),
        ("Status", status.get("phase", "Pending")),
        ("Claim", f"{ref.get('namespace')}/{ref.get('name')}" if ref else ""),
        ("Reclaim Policy", spec.get("persistentVolumeReclaimPolicy", "Retain")),
        ("Access Modes", short_modes(spec.get("accessModes", []))),
        ("VolumeMode", spec.get("volumeMode", "Filesystem")),
        ("Capacity", spec.get("capacity", {}).get("storage", "0")),
        ("Message", status.get("message", "")),
        ("Source:", None),
        *_source(spec),
    ]


def _source(spec: Document) -> list[Field]:
    if "hostPath" in spec:
        source = spec["hostPath"]
        kind = "HostPath (bare host directory volume)"
        return [("    Type", kind), ("    Path", source["path"]), ("    HostPathType", source.get("type", ""))]
    if "local" in spec:
        kind = "LocalVolume (a persistent volume backed by local storage on a node)"
        return [("    Type", kind), ("    Path", spec["local"]["path"])]
    return [("    Type", "none that this host has")]


def _users(name: str, pods: list[Document]) -> list[str]:
    return [
        pod["metadata"]["name"]
        for pod in pods
        if any(v.get("persistentVolumeClaim", {}).get("claimName") == name for v in pod["spec"].get("volumes", []))
    ]
