"""What a container finds of its own name and of its resolver: hostname, hosts file, resolv.conf (E05)."""

import json

from orchestrator.node.host import resolver_settings as host_resolver
from orchestrator.planning.resolver import reachable
from orchestrator.settings import Settings
from tests.e2e.daemon import Daemon
from tests.e2e.environ import environ
from tests.e2e.host import docker
from tests.e2e.pods import pod, text

IDLE = "exec sleep 1000"


def resolver(daemon: Daemon, name: str) -> dict[str, list[str]]:
    """The pod's resolv.conf: the words after each keyword."""
    found: dict[str, list[str]] = {}
    for line in daemon.exec(name, "cat", "/etc/resolv.conf").splitlines():
        keyword, *words = line.split() or ["#"]
        found.setdefault(keyword, []).extend(words)
    return found


def asked_servers(daemon: Daemon, name: str) -> list[str]:
    """Whom the engine's resolver, which stands in front, asks for a pod."""
    servers: list[str] = json.loads(docker("inspect", "-f", "{{json .HostConfig.Dns}}", daemon.engine_id(name, "POD")))
    return servers


def test_E05_the_hostname_is_the_pod_s_name(daemon: Daemon) -> None:
    daemon.write(text(pod("e05-name", IDLE)))
    seen = daemon.wait_ready("e05-name")
    assert daemon.exec("e05-name", "hostname").strip() == "e05-name"
    assert environ(daemon, "e05-name")["HOSTNAME"] == "e05-name"
    hosts = daemon.exec("e05-name", "cat", "/etc/hosts").splitlines()
    assert hosts[0] == "# Kubernetes-managed hosts file."
    assert f"{seen['status']['podIP']}\te05-name" in hosts


def test_E05_hostname_and_subdomain(daemon: Daemon) -> None:
    daemon.write(text(pod("e05-sub", IDLE, hostname="fox", subdomain="den")))
    seen = daemon.wait_ready("e05-sub")
    assert daemon.exec("e05-sub", "hostname").strip() == "fox"
    assert daemon.exec("e05-sub", "hostname", "-f").strip() == "fox.den.default.svc.cluster.local"
    assert environ(daemon, "e05-sub")["HOSTNAME"] == "fox"
    own = f"{seen['status']['podIP']}\tfox.den.default.svc.cluster.local\tfox"
    assert own in daemon.exec("e05-sub", "cat", "/etc/hosts").splitlines()


def test_E05_set_hostname_as_fqdn(daemon: Daemon) -> None:
    daemon.write(text(pod("e05-fqdn", IDLE, subdomain="den", setHostnameAsFQDN=True)))
    daemon.wait_ready("e05-fqdn")
    assert daemon.exec("e05-fqdn", "hostname").strip() == "e05-fqdn.den.default.svc.cluster.local"


def test_E05_host_aliases(daemon: Daemon) -> None:
    aliases = [{"ip": "192.0.2.7", "hostnames": ["bear", "bear.example"]}, {"ip": "2001:db8::7", "hostnames": ["owl"]}]
    daemon.write(text(pod("e05-alias", IDLE, hostAliases=aliases)))
    daemon.wait_ready("e05-alias")
    hosts = daemon.exec("e05-alias", "cat", "/etc/hosts").splitlines()
    start = hosts.index("# Entries added by HostAliases.")
    assert hosts[start + 1 : start + 3] == ["192.0.2.7\tbear\tbear.example", "2001:db8::7\towl"]


def test_E05_dns_policy_none_is_dns_config_alone(daemon: Daemon) -> None:
    config = {
        "nameservers": ["192.0.2.53"],
        "searches": ["fox.example", "den.example"],
        "options": [{"name": "ndots", "value": "3"}, {"name": "edns0"}],
    }
    daemon.write(text(pod("e05-dns", IDLE, dnsPolicy="None", dnsConfig=config)))
    daemon.wait_ready("e05-dns")
    found = resolver(daemon, "e05-dns")
    assert found["search"] == ["fox.example", "den.example"]
    assert set(found["options"]) >= {"ndots:3", "edns0"}
    assert asked_servers(daemon, "e05-dns") == ["192.0.2.53"]


def test_E05_dns_config_adds_to_what_the_policy_gives(daemon: Daemon) -> None:
    daemon.write(text(pod("e05-plain", IDLE)))
    config = {"nameservers": ["192.0.2.53"], "searches": ["fox.example"]}
    daemon.write(text(pod("e05-more", IDLE, dnsConfig=config)), "more.yaml")
    daemon.wait_ready("e05-plain")
    daemon.wait_ready("e05-more")
    plain, more = resolver(daemon, "e05-plain"), resolver(daemon, "e05-more")
    assert plain["search"][:3] == ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]
    assert plain["options"] == ["ndots:5"]
    assert more["search"] == [*plain["search"], "fox.example"]
    hosts = list(reachable(host_resolver(Settings.resolv_conf).nameservers))
    own, *others = asked_servers(daemon, "e05-plain")
    assert own.endswith(".1")
    assert others == hosts[:2]
    assert asked_servers(daemon, "e05-more") == [own, *hosts[:1], "192.0.2.53"]
