"""What keeps a container from being made: the words are the kubelet's, and end in status and Events."""

from orchestrator.errors import OrchestratorError


class ConfigError(OrchestratorError):
    """CreateContainerConfigError: a reference that leads nowhere, a field that has no value, a user who must not be."""


class MountError(OrchestratorError):
    """FailedMount: a volume's source is not there yet."""
