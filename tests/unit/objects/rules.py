"""What is said of a document, and the longest of the words."""

from typing import Any

from orchestrator.objects import registry

LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


def rules(document: dict[str, Any]) -> list[str]:
    """Everything but what is said of support."""
    _, problems = registry.decode(document)
    return [str(p) for p in problems if "enforced yet" not in str(p) and "has no effect here" not in str(p)]
