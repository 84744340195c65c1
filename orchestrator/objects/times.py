"""Kubernetes' timestamps (RFC 3339, UTC) from and to Unix seconds.  Pure arithmetic; nobody reads a clock here."""

from datetime import UTC, datetime

_LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


def format_time(seconds: float) -> str:
    """`metav1.Time`: whole seconds, "2026-01-02T15:04:05Z"; what lies after the year 9999 is its last second."""
    return datetime.fromtimestamp(int(min(seconds, _LAST)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> float:
    """Unix seconds of either form; ValueError for anything else."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def go_duration(seconds: float) -> str:
    """A time as Go prints it, cut to milliseconds: "1.5s", "250ms", "1m0.25s", "1h0m3s"."""
    whole = int(seconds * 1000)
    if whole < 1000:
        return f"{whole}ms" if whole else "0s"
    minutes, left = divmod(whole, 60_000)
    hours, minutes_left = divmod(minutes, 60)
    parts = (f"{hours}h" if hours else "") + (f"{minutes_left}m" if minutes else "")
    return f"{parts}{left / 1000:.3f}".rstrip("0").rstrip(".") + "s"
