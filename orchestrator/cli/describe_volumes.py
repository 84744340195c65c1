"""The volumes in `describe pod`, in kubectl's words.  Pure."""

from orchestrator.cli.describe_text import NONE, Field, fields
from orchestrator.cli.documents import Document


def describe_volumes(volumes: list[Document]) -> list[str]:
    """Give every volume with its source."""
    if not volumes:
        return [f"Volumes:  {NONE}"]
    lines = ["Volumes:"]
    for volume in volumes:
        lines += [f"  {volume['name']}:", *fields(_source(volume), indent=4)]
    return lines


def _source(volume: Document) -> list[Field]:
    if "configMap" in volume:
        source = volume["configMap"]
        kind = "ConfigMap (a volume populated by a ConfigMap)"
        return [("Type", kind), ("Name", source.get("name", "")), _optional(source)]
    if "secret" in volume:
        source = volume["secret"]
        kind = "Secret (a volume populated by a Secret)"
        return [("Type", kind), ("SecretName", source.get("secretName", "")), _optional(source)]
    if "hostPath" in volume:
        source = volume["hostPath"]
        kind = "HostPath (bare host directory volume)"
        return [("Type", kind), ("Path", source["path"]), ("HostPathType", source.get("type", ""))]
    if "persistentVolumeClaim" in volume:
        source = volume["persistentVolumeClaim"]
        kind = "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)"
        read_only = "true" if source.get("readOnly") else "false"
        return [("Type", kind), ("ClaimName", source["claimName"]), ("ReadOnly", read_only)]
    if "downwardAPI" in volume:
        kind = "DownwardAPI (a volume populated by information about the pod)"
        return [("Type", kind), ("Items:", None), *_downward(volume["downwardAPI"])]
    if "projected" in volume:
        return _projected(volume["projected"])
    if "emptyDir" in volume or len(volume) == 1:
        source = volume.get("emptyDir", {})
        kind = "EmptyDir (a temporary directory that shares a pod's lifetime)"
        return [("Type", kind), ("Medium", source.get("medium", "")), ("SizeLimit", source.get("sizeLimit", "<unset>"))]
    return [("Type", next(key for key in volume if key != "name"))]


def _projected(source: Document) -> list[Field]:
    found: list[Field] = [("Type", "Projected (a volume that contains injected data from multiple sources)")]
    for part in source.get("sources", []):
        if "secret" in part:
            found += [("SecretName", part["secret"].get("name", "")), _optional(part["secret"])]
        if "configMap" in part:
            found += [("ConfigMapName", part["configMap"].get("name", "")), _optional(part["configMap"])]
        if "downwardAPI" in part:
            found.append(("DownwardAPI", "true"))
    return found


def _downward(source: Document) -> list[Field]:
    return [(f"  {_what(item)} -> {item['path']}", None) for item in source.get("items", [])]


def _what(item: Document) -> str:
    return str(item["fieldRef"]["fieldPath"] if "fieldRef" in item else item["resourceFieldRef"]["resource"])


def _optional(source: Document) -> Field:
    return "Optional", "true" if source.get("optional") else "false"
