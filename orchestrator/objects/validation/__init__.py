"""The rules that types cannot say (names, ports, references), in the words of Kubernetes' API server.

One file a concern, one function a kind.  Each gives all that is wrong with an object that has its defaults; nothing is
raised and nothing is changed.  Where Kubernetes only warns, so do these.
"""

from orchestrator.objects.claims import PersistentVolumeClaim
from orchestrator.objects.config import ConfigMap, Namespace, Secret
from orchestrator.objects.endpoint_slice import EndpointSlice
from orchestrator.objects.limit_range import LimitRange
from orchestrator.objects.meta import Object
from orchestrator.objects.pod import Pod
from orchestrator.objects.policy import NetworkPolicy
from orchestrator.objects.problem import Problem
from orchestrator.objects.runtime_class import RuntimeClass
from orchestrator.objects.service import Endpoints, Service
from orchestrator.objects.storage import PersistentVolume, StorageClass
from orchestrator.objects.validation.annotations import validate_annotations
from orchestrator.objects.validation.claims import validate_claim
from orchestrator.objects.validation.config import validate_config_map, validate_secret
from orchestrator.objects.validation.endpoints import validate_endpoint_slice, validate_endpoints
from orchestrator.objects.validation.limit_range import validate_limit_range
from orchestrator.objects.validation.meta import validate_meta
from orchestrator.objects.validation.namespace import validate_namespace
from orchestrator.objects.validation.pod import validate_pod_spec
from orchestrator.objects.validation.policy import validate_network_policy
from orchestrator.objects.validation.runtime_class import validate_runtime_class
from orchestrator.objects.validation.service import validate_service
from orchestrator.objects.validation.storage import validate_persistent_volume, validate_storage_class


def validate(obj: Object, *, namespaced: bool) -> list[Problem]:
    """Give everything that is wrong with an object."""
    problems = validate_meta(obj, namespaced=namespaced)
    own = isinstance(obj, Pod)
    problems += validate_annotations(obj.metadata.annotations, ("metadata", "annotations"), of_pod=own)
    match obj:
        case Pod():
            return problems + validate_pod_spec(obj.spec, ("spec",))
        case Service():
            return problems + validate_service(obj.spec, ("spec",))
        case NetworkPolicy():
            return problems + validate_network_policy(obj.spec, ("spec",))
        case Endpoints():
            return problems + validate_endpoints(obj)
        case EndpointSlice():
            return problems + validate_endpoint_slice(obj)
        case Namespace():
            return problems + validate_namespace(obj)
        case ConfigMap():
            return problems + validate_config_map(obj)
        case Secret():
            return problems + validate_secret(obj)
        case PersistentVolumeClaim():
            return problems + validate_claim(obj)
        case PersistentVolume():
            return problems + validate_persistent_volume(obj)
        case LimitRange():
            return problems + validate_limit_range(obj)
        case RuntimeClass():
            return problems + validate_runtime_class(obj)
        case StorageClass():
            return problems + validate_storage_class(obj)
        case _:
            return problems
