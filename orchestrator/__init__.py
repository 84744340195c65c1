"""Orchestrator: a folder of Kubernetes-style YAML becomes running pods on one Docker host.

`docs/design.md` draws the house; every package's docstring says what the room is for and what it must not import.
"""

__version__ = "0.1.0"
