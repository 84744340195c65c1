from orchestrator.services import nft

WEB = nft.Address("10.201.2.40", "tcp", 80)
DNS = nft.Address("10.201.2.41", "udp", 53)
HOME = nft.Network("orc-1", "10.201.2.0/23", "10.201.0.0/23")
EMPTY = nft.Ruleset(frozenset(), {})


def rules(**changes: object) -> nft.Ruleset:
    fields: dict[str, object] = {
        "networks": frozenset({HOME}),
        "targets": {WEB.ip: {WEB: nft.Target((("10.201.0.2", 8080), ("10.201.0.3", 8080)))}},
    }
    return nft.Ruleset(**(fields | changes))  # type: ignore[arg-type]


def test_the_whole_table() -> None:
    assert (
        nft.load("orchestrator-x", rules())
        == """\
table ip orchestrator-x
delete table ip orchestrator-x
table ip orchestrator-x {
	set vips { type ipv4_addr; flags interval; }
	set home { type ifname . ipv4_addr; flags interval; }
	set bridges { type ifname; }
	set pods { type ipv4_addr; flags interval; }
	set selves { type ipv4_addr . ipv4_addr . ipv4_addr; }
	map services { type ipv4_addr . inet_proto . inet_service : verdict; }
	map doors { type inet_proto . inet_service : verdict; }
	chain guard {
		type filter hook prerouting priority -300; policy accept;
		iifname @bridges ip daddr 127.0.0.0/8 drop
		iifname @bridges ip saddr 127.0.0.0/8 drop
	}
	chain prerouting {
		type nat hook prerouting priority -110; policy accept;
		iifname . ip daddr @home ip daddr . meta l4proto . th dport vmap @services
		ip daddr @vips dnat to ip daddr
	}
	chain output {
		type nat hook output priority -110; policy accept;
		ip daddr . meta l4proto . th dport vmap @services
		ip daddr @vips dnat to ip daddr
	}
	chain host-ports-in {
		type nat hook prerouting priority -105; policy accept;
		fib daddr type local meta l4proto . th dport vmap @doors
	}
	chain host-ports-out {
		type nat hook output priority -105; policy accept;
		fib daddr type local meta l4proto . th dport vmap @doors
	}
	chain input {
		type filter hook input priority -10; policy accept;
		ct state new ip daddr @vips meta l4proto tcp reject with tcp reset
		ct state new ip daddr @vips meta l4proto { udp, sctp } reject with icmp port-unreachable
	}
	chain postrouting {
		type nat hook postrouting priority 90; policy accept;
		ip saddr @vips masquerade
		ct status dnat ct original ip daddr . ip saddr . ip daddr @selves masquerade
		ct status dnat ct original ip daddr != @vips ip saddr @pods masquerade
		ip saddr 127.0.0.0/8 oifname @bridges masquerade
	}
}
"""
        + f"""\
add chain ip orchestrator-x {WEB.chain}
add rule ip orchestrator-x {WEB.chain} meta l4proto tcp dnat ip addr . port to numgen random mod 2 map \
{{ 0 : 10.201.0.2 . 8080, 1 : 10.201.0.3 . 8080 }}
add element ip orchestrator-x services {{ 10.201.2.40 . tcp . 80 : goto {WEB.chain} }}
add element ip orchestrator-x vips {{ 10.201.2.0/23 }}
add element ip orchestrator-x home {{ "orc-1" . 10.201.2.0/23 }}
add element ip orchestrator-x bridges {{ "orc-1" }}
add element ip orchestrator-x pods {{ 10.201.0.0/23 }}
add element ip orchestrator-x selves {{ 10.201.2.40 . 10.201.0.2 . 10.201.0.2, 10.201.2.40 . 10.201.0.3 . 10.201.0.3 }}
"""
    )


def test_nothing_changed_is_no_script() -> None:
    assert nft.change("t", rules(), rules()) == ""


def test_a_pod_that_comes_touches_its_service_only() -> None:
    dns = {DNS: nft.Target((("10.201.0.9", 53),))}
    before = rules(targets={WEB.ip: {WEB: nft.Target((("10.201.0.2", 8080),))}, DNS.ip: dns})
    more = nft.Target((("10.201.0.2", 8080), ("10.201.0.4", 8080)))
    after = rules(targets={WEB.ip: {WEB: more}, DNS.ip: dns})
    assert (
        nft.change("t", before, after)
        == f"""\
flush chain ip t {WEB.chain}
add rule ip t {WEB.chain} meta l4proto tcp dnat ip addr . port to numgen random mod 2 map \
{{ 0 : 10.201.0.2 . 8080, 1 : 10.201.0.4 . 8080 }}
add element ip t selves {{ 10.201.2.40 . 10.201.0.4 . 10.201.0.4 }}
"""
    )


def test_the_last_pod_that_goes_takes_the_port_out_of_the_map_before_its_chain() -> None:
    assert nft.change("t", rules(), rules(targets={})).splitlines() == [
        "delete element ip t services { 10.201.2.40 . tcp . 80 }",
        f"delete chain ip t {WEB.chain}",
        "delete element ip t selves { 10.201.2.40 . 10.201.0.2 . 10.201.0.2, 10.201.2.40 . 10.201.0.3 . 10.201.0.3 }",
    ]


def test_a_port_of_the_host_leads_to_the_chain_of_its_service() -> None:
    open_to_all = {nft.HostPort("tcp", 30080): nft.Door(WEB)}
    assert nft.change("t", rules(), rules(doors=open_to_all)).splitlines() == [
        f"add element ip t doors {{ tcp . 30080 : goto {WEB.chain} }}"
    ]
    assert nft.change("t", rules(doors=open_to_all), rules(targets={})).splitlines()[:3] == [
        "delete element ip t doors { tcp . 30080 }",
        "delete element ip t services { 10.201.2.40 . tcp . 80 }",
        f"delete chain ip t {WEB.chain}",
    ]


def test_clients_that_may_not_come_in_do_not_get_to_the_chain_of_the_service() -> None:
    some, others = (nft.Door(WEB, sources) for sources in (("192.0.2.0/24", "198.51.100.7/32"), ("203.0.113.0/24",)))
    port = nft.HostPort("tcp", 80)
    assert nft.change("t", rules(), rules(doors={port: some})).splitlines() == [
        f"add chain ip t {some.chain}",
        f"add rule ip t {some.chain} ip saddr {{ 192.0.2.0/24, 198.51.100.7/32 }} goto {WEB.chain}",
        f"add element ip t doors {{ tcp . 80 : goto {some.chain} }}",
    ]
    assert nft.change("t", rules(doors={port: some}), rules(doors={port: others})).splitlines() == [
        "delete element ip t doors { tcp . 80 }",
        f"delete chain ip t {some.chain}",
        f"add chain ip t {others.chain}",
        f"add rule ip t {others.chain} ip saddr {{ 203.0.113.0/24 }} goto {WEB.chain}",
        f"add element ip t doors {{ tcp . 80 : goto {others.chain} }}",
    ]


def test_a_sticky_service_chooses_by_the_clients_address() -> None:
    script = nft.change("t", EMPTY, rules(targets={DNS.ip: {DNS: nft.Target((("10.201.0.9", 53),), sticky=True)}}))
    assert "meta l4proto udp dnat ip addr . port to jhash ip saddr mod 1 map { 0 : 10.201.0.9 . 53 }" in script


def test_where_bridged_packets_are_not_seen_everything_is_masqueraded() -> None:
    script = nft.change("t", rules(), rules(bridged_seen=False))
    assert script.startswith("table ip t\ndelete table ip t\n")
    assert "ct status dnat ct original ip daddr @vips masquerade" in script


def test_namespaces_that_are_not_kept_apart_reach_all_services_under_their_own_address() -> None:
    script = nft.change("t", rules(), rules(isolated=False))
    assert script.startswith("table ip t\ndelete table ip t\n")
    assert "\t\tiifname @bridges ip daddr . meta l4proto . th dport vmap @services\n" in script
    assert "\t\tip saddr @pods oifname @bridges snat to ip saddr\n" in script
    assert "snat" not in nft.load("t", rules())


def test_an_instance_cannot_write_rules() -> None:
    assert nft.table_name("ci; flush ruleset") == "orchestrator-ci__flush_ruleset"
