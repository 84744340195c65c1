"""What `doctor` is told of this room: the daemon says it of itself, and without one it is tried out."""

from orchestrator.findings import Finding, ok, warning
from orchestrator.services.dataplane import Mode

SERVICES, OUTSIDE = "services", "node ports"
_MENDS = (
    ("not found", "sudo apt install nftables iproute2"),
    ("only root", "sudo systemctl start orchestrator  # as root, not as yourself"),
    ("another machine", ""),
)


def mode_finding(mode: Mode, why: str) -> Finding:
    """How Services are carried, and why no better (the words of `choose_mode`)."""
    if mode is Mode.KERNEL:
        return ok(SERVICES, "the kernel carries them (nftables)")
    if why.startswith("--service-mode"):
        return ok(SERVICES, f"they are served by name alone: {why}")
    mend = next((mend for words, mend in _MENDS if words in why), "sudo nft list ruleset")
    return warning(SERVICES, f"they are served by name alone, without addresses or node ports: {why}", mend)


def openings_finding(trouble: str) -> Finding | None:
    """Whether other machines reach node ports, where a Service has some."""
    return (
        warning(OUTSIDE, f"other machines cannot reach them: {trouble}", "sudo systemctl restart docker")
        if trouble
        else None
    )
