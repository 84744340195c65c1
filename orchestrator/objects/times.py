"""Kubernetes' timestamps (RFC 3339, UTC) from and to Unix seconds.  Pure arithmetic; nobody reads a clock here."""

from datetime import UTC, datetime


def format_time(seconds: float) -> str:
    """`metav1.Time`: whole seconds, "2026-01-02T15:04:05Z"."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro_time(seconds: float) -> str:
    """`metav1.MicroTime`: "2026-01-02T15:04:05.000006Z"."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> float:
    """Unix seconds of either form; ValueError for anything else."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
