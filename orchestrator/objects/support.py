"""Fields that are accepted and have no effect: said in a warning, never silently dropped.

`IGNORED` is what one host cannot honour.  `NOT_ENFORCED` is what it could, and does not yet: who builds such a field
deletes its row here.  Keys are "Struct.field" with Kubernetes' own names.  `HARMLESS` are values with which the field
asks for nothing beyond what happens anyway.
"""

from typing import Any

_ONE_HOST = "one host has no nodes to choose from"
_NO_ACCOUNTS = "one host has no service accounts"
_IPV4 = "networks here are IPv4, and so is the address of this Service"
_ONE_SCHEDULER = "one host has no scheduler"
_NO_DEVICES = "one host has no resource claims"
_WINDOWS = "this host runs Linux"
_NO_CLUSTER = "one host has no such storage"
_AWAITED = "and the pod waits for it"
_NO_SOURCES = "one host has no snapshots: the volume begins empty"
_CLUSTER_STORAGE = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker",
    "gcePersistentDisk", "glusterfs", "iscsi", "nfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd",
    "scaleIO", "storageos", "vsphereVolume",
)  # fmt: skip

IGNORED: dict[str, str] = {
    "PodSpec.nodeName": _ONE_HOST,
    "PodSpec.nodeSelector": _ONE_HOST,
    "PodSpec.affinity": _ONE_HOST,
    "PodSpec.tolerations": _ONE_HOST,
    "PodSpec.topologySpreadConstraints": _ONE_HOST,
    "PodSpec.schedulerName": _ONE_SCHEDULER,
    "PodSpec.schedulingGates": _ONE_SCHEDULER,
    "PodSpec.priority": _ONE_SCHEDULER,
    "PodSpec.priorityClassName": _ONE_SCHEDULER,
    "PodSpec.preemptionPolicy": _ONE_SCHEDULER,
    "PodSpec.serviceAccountName": _NO_ACCOUNTS,
    "PodSpec.serviceAccount": _NO_ACCOUNTS,
    "PodSpec.automountServiceAccountToken": _NO_ACCOUNTS,
    "PodSpec.resourceClaims": _NO_DEVICES,
    "PodSpec.readinessGates": "one host has nobody who would set these conditions",
    "PodSpec.os": "images say for themselves what they run on",
    "PodSpec.hostUsers": "root in a pod is root of the host, but for an engine that runs with userns-remap",
    "PodSecurityContext.seLinuxChangePolicy": "volumes keep the labels that they have",
    "PodSecurityContext.supplementalGroupsPolicy": "the engine adds the groups that the image gives its user (Merge)",
    "Container.resizePolicy": "a container whose resources change is replaced",
    "Container.volumeDevices": "claims are directories of this host, never raw blocks: mount a device by hostPath",
    "PodSecurityContext.windowsOptions": _WINDOWS,
    "SecurityContext.windowsOptions": _WINDOWS,
    "ResourceRequirements.claims": _NO_DEVICES,
    "VolumeProjection.serviceAccountToken": _NO_ACCOUNTS,
    "VolumeProjection.clusterTrustBundle": f"one host has no trust bundles, {_AWAITED} unless it is optional",
    "VolumeProjection.podCertificate": f"one host has no certificate signers, {_AWAITED}",
    "ServiceSpec.loadBalancerClass": "one host has one kind of load balancer, its own addresses",
    "ServiceSpec.ipFamilies": _IPV4,
    "ServiceSpec.ipFamilyPolicy": _IPV4,
    "ServiceSpec.loadBalancerIP": "one host has one kind of load balancer, its own addresses",
    "ServiceSpec.trafficDistribution": _ONE_HOST,
    "ServiceSpec.healthCheckNodePort": _ONE_HOST,
    "Endpoint.deprecatedTopology": _ONE_HOST,
    "Endpoint.hints": _ONE_HOST,
    "Endpoint.zone": _ONE_HOST,
    **{f"Volume.{name}": f"{_NO_CLUSTER}, {_AWAITED}" for name in ("gitRepo", *_CLUSTER_STORAGE)},
    **{f"PersistentVolumeSpec.{name}": _NO_CLUSTER for name in _CLUSTER_STORAGE},
    "PersistentVolumeClaimSpec.dataSource": _NO_SOURCES,
    "PersistentVolumeClaimSpec.dataSourceRef": _NO_SOURCES,
    "PersistentVolumeClaimSpec.volumeAttributesClassName": _NO_CLUSTER,
    "PersistentVolumeSpec.mountOptions": "a directory of this host is mounted as it is",
    "PersistentVolumeSpec.volumeAttributesClassName": _NO_CLUSTER,
    "RuntimeClass.scheduling": _ONE_HOST,
    "StorageClass.allowVolumeExpansion": "a claim may grow, and its directory has no size",
    "StorageClass.allowedTopologies": _ONE_HOST,
    "StorageClass.mountOptions": "a directory of this host is mounted as it is",
    "StorageClass.parameters": "every class makes directories of this host",
}  # fmt: skip

NOT_ENFORCED: frozenset[str] = frozenset(
    {
        "EnvVarSource.fileKeyRef",
        "ObjectMeta.finalizers",
        "ObjectMeta.ownerReferences",
        "PodSpec.hostnameOverride",
        "PodSpec.resources",
        "Volume.image",
    }
)

REFUSED: dict[str, str] = {
    "PodSpec.ephemeralContainers": "they are added to a running pod, not written in a file",
}
"""Fields that are an error whatever they say."""

HARMLESS: dict[str, tuple[Any, ...]] = {
    "StorageClass.allowVolumeExpansion": (True,),
    "PodSpec.automountServiceAccountToken": (False,),
    "PodSpec.hostUsers": (True,),
    "PodSpec.os": ({"name": "linux"},),
    "PodSpec.priority": (0,),
    "PodSpec.schedulerName": ("default-scheduler",),
    "PodSpec.serviceAccount": ("default",),
    "PodSpec.serviceAccountName": ("default",),
    "PodSecurityContext.supplementalGroupsPolicy": ("Merge",),
    "ServiceSpec.ipFamilies": (["IPv4"],),
    "ServiceSpec.ipFamilyPolicy": ("SingleStack", "PreferDualStack"),
}


def why_no_effect(struct: str, field: str, value: Any) -> str | None:
    """Say why a field that a document sets has no effect, or None when it has one (or asks for nothing)."""
    key = f"{struct}.{field}"
    if key not in IGNORED and key not in NOT_ENFORCED:
        return None
    if value in ({}, [], "") or any(value is item or value == item for item in HARMLESS.get(key, ())):
        return None
    if key in IGNORED:
        return f"{field} has no effect here: {IGNORED[key]}"
    return f"{field} is not enforced yet"
