"""What `doctor` is told of this room: the daemon says it of itself, and without one it is tried out."""

from collections.abc import Iterator

from orchestrator.findings import Finding, ok, setting, warning
from orchestrator.services.dataplane import Mode
from orchestrator.services.dns_responder import HOSTS_FILES_ALONE

SERVICES, OUTSIDE, NAMES, POLICIES = "services", "node ports", "names", "network policies"
LOAD_BR_NETFILTER = (
    "sudo modprobe br_netfilter && echo br_netfilter | sudo tee /etc/modules-load.d/orchestrator.conf && "
    + setting("net.bridge.bridge-nf-call-iptables", 1)
)
_MENDS = (
    ("not found", "sudo apt install nftables iproute2"),
    ("only root", "sudo systemctl start orchestrator  # as root, not as yourself"),
    ("another machine", "orchestrator run --service-mode names SPECS  # says that it is meant"),
)


def mode_finding(mode: Mode, why: str) -> Finding:
    """How Services are carried, and why no better (the words of `choose_mode`)."""
    if mode is Mode.KERNEL:
        return ok(SERVICES, "the kernel carries them (nftables)")
    if why.startswith("--service-mode"):
        return ok(SERVICES, f"they are served by name alone: {why}")
    mend = next((mend for words, mend in _MENDS if words in why), "sudo nft list ruleset")
    return warning(SERVICES, f"they are served by name alone, without addresses or node ports: {why}", mend)


def troubles(outside: str, dns: str, policies: str) -> Iterator[Finding]:
    """What does not work of the rest, each told in words, "" for all that is well.

    `outside`: why other machines cannot reach node ports; `dns`: why names are in hosts files alone; `policies`: why
    network policies do not hold.
    """
    if outside:
        yield warning(OUTSIDE, f"other machines cannot reach them: {outside}", "sudo systemctl restart docker")
    if dns:
        yield warning(NAMES, f"{HOSTS_FILES_ALONE}: {dns}", "sudo ss -lnup 'sport = :53'")
    if policies:
        mend = LOAD_BR_NETFILTER if "br_netfilter" in policies else "sudo systemctl start orchestrator"
        yield warning(POLICIES, f"they do not hold, or not everywhere: {policies}", mend)
