"""The host's resolv.conf, and what stands behind systemd-resolved's stub."""

from pathlib import Path

from orchestrator.node.host import Resolver, resolver_settings


def test_the_servers_behind_a_stub_are_those_that_pods_can_ask(tmp_path: Path) -> None:
    path, behind = tmp_path / "resolv.conf", tmp_path / "behind"
    path.write_text("nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n")
    assert resolver_settings(path, behind).nameservers == ("127.0.0.53",)
    behind.write_text("# by systemd-resolved\nnameserver 192.0.2.53\nsearch host.example\n")
    assert resolver_settings(path, behind) == Resolver(("192.0.2.53",), ("host.example",))
    path.write_text("nameserver 127.0.0.53\nnameserver 192.0.2.1\n")
    assert resolver_settings(path, behind).nameservers == ("127.0.0.53", "192.0.2.1")
    assert resolver_settings(tmp_path / "none", behind) == Resolver()
