"""Rules of runtime classes (pkg/apis/node/validation)."""

from orchestrator.objects.problem import Problem, invalid
from orchestrator.objects.runtime_class import RuntimeClass
from orchestrator.objects.scalars import check_label
from orchestrator.objects.validation.resources import validate_amounts


def validate_runtime_class(made: RuntimeClass) -> list[Problem]:
    """Check a class."""
    problems = [invalid(("handler",), made.handler, rule) for rule in check_label(made.handler)]
    if made.overhead is not None:
        problems += validate_amounts(made.overhead.pod_fixed, ("overhead", "podFixed"))
    return problems
