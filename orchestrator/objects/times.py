"""Kubernetes' timestamps (RFC 3339, UTC) from and to Unix seconds.  Pure arithmetic; nobody reads a clock here."""

from datetime import UTC, datetime

_LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


def format_time(seconds: float) -> str:
    """`metav1.Time`: whole seconds, "2026-01-02T15:04:05Z"; what lies after the year 9999 is its last second."""
    return datetime.fromtimestamp(int(min(seconds, _LAST)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> float:
    """Unix seconds of either form; ValueError for anything else."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
