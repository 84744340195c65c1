"""The rules that types cannot say (names, ports, references), in the words of Kubernetes' API server.

One function a kind; each gives all that is wrong with an object that has its defaults.
"""

from orchestrator.objects.meta import Object
from orchestrator.objects.problem import Problem
from orchestrator.objects.validation_meta import validate_meta


def validate(obj: Object, *, namespaced: bool) -> list[Problem]:
    """Give everything that is wrong with an object."""
    return validate_meta(obj, namespaced=namespaced)
