"""How long ago, in kubectl's words: "45s", "3m12s", "5h", "2d3h".  Imports little: the command line uses it too."""

from orchestrator.objects.times import parse_time

UNKNOWN = "<unknown>"


def human_duration(seconds: float) -> str:
    """Give a span of seconds as `kubectl get` shows it (apimachinery's duration.HumanDuration)."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 120:
        return f"{max(whole, 0)}s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 8 * 365:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def age(timestamp: str, now: float) -> str:
    """Give the time since an RFC 3339 timestamp; "<unknown>" where there is none."""
    return human_duration(now - parse_time(timestamp)) if timestamp else UNKNOWN


def _two(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big}{big_unit}{small}{small_unit}" if small else f"{big}{big_unit}"
