import json

from orchestrator.services import nft
from orchestrator.services.nft_affinity import clients

WEB = nft.Address("10.201.2.40", "tcp", 80)
DNS = nft.Address("10.201.2.41", "udp", 53)
HOME = nft.Network("orc-1", "10.201.2.0/23", "10.201.0.0/23")
TRANSLATE = "meta l4proto { tcp, udp, sctp } dnat ip addr . port to ip daddr . meta l4proto . th dport map"
EMPTY = nft.Ruleset(frozenset(), {})


def rules(**changes: object) -> nft.Ruleset:
    fields: dict[str, object] = {
        "networks": frozenset({HOME}),
        "targets": {WEB.ip: nft.Targets({WEB: nft.Target((("10.201.0.2", 8080), ("10.201.0.3", 8080)))})},
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
	map externals { type ipv4_addr . inet_proto . inet_service : verdict; }
	map doors { type inet_proto . inet_service : verdict; }
	set unserved { type ipv4_addr . inet_proto . inet_service; }
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
		ip daddr . meta l4proto . th dport vmap @externals
		fib daddr type local meta l4proto . th dport vmap @doors
	}
	chain host-ports-out {
		type nat hook output priority -105; policy accept;
		ip daddr . meta l4proto . th dport vmap @externals
		fib daddr type local meta l4proto . th dport vmap @doors
	}
	chain input {
		type filter hook input priority -10; policy accept;
		ct state new ip daddr @vips meta l4proto tcp reject with tcp reset
		ct state new ip daddr @vips meta l4proto { udp, sctp } reject with icmp port-unreachable
	}
	chain unserved-input {
		type filter hook input priority -10; policy accept;
		ct state new ip daddr . meta l4proto . th dport @unserved meta l4proto tcp reject with tcp reset
		ct state new ip daddr . meta l4proto . th dport @unserved reject with icmp port-unreachable
	}
	chain unserved-forward {
		type filter hook forward priority -10; policy accept;
		ct state new ip daddr . meta l4proto . th dport @unserved meta l4proto tcp reject with tcp reset
		ct state new ip daddr . meta l4proto . th dport @unserved reject with icmp port-unreachable
	}
	chain unserved-output {
		type filter hook output priority -10; policy accept;
		ct state new ip daddr . meta l4proto . th dport @unserved meta l4proto tcp reject with tcp reset
		ct state new ip daddr . meta l4proto . th dport @unserved reject with icmp port-unreachable
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
add map ip orchestrator-x endpoint-0 {{ type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }}
add chain ip orchestrator-x to-0
add rule ip orchestrator-x to-0 {TRANSLATE} @endpoint-0
add map ip orchestrator-x endpoint-1 {{ type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }}
add chain ip orchestrator-x to-1
add rule ip orchestrator-x to-1 {TRANSLATE} @endpoint-1
add chain ip orchestrator-x random-2
add rule ip orchestrator-x random-2 numgen random mod 2 vmap {{ 0 : goto to-0, 1 : goto to-1 }}
add element ip orchestrator-x endpoint-0 {{ 10.201.2.40 . tcp . 80 : 10.201.0.2 . 8080 }}
add element ip orchestrator-x endpoint-1 {{ 10.201.2.40 . tcp . 80 : 10.201.0.3 . 8080 }}
add element ip orchestrator-x services {{ 10.201.2.40 . tcp . 80 : goto random-2 }}
add element ip orchestrator-x vips {{ 10.201.2.0/23 }}
add element ip orchestrator-x home {{ "orc-1" . 10.201.2.0/23 }}
add element ip orchestrator-x bridges {{ "orc-1" }}
add element ip orchestrator-x pods {{ 10.201.0.0/23 }}
add element ip orchestrator-x selves {{ 10.201.2.40 . 10.201.0.2 . 10.201.0.2, 10.201.2.40 . 10.201.0.3 . 10.201.0.3 }}
"""
    )


def test_nothing_changed_is_no_script() -> None:
    assert nft.change("t", rules(), rules()) == ""


def leads_to(*pods: str, affinity: nft.Affinity | None = None) -> nft.Target:
    return nft.Target(tuple((f"10.201.0.{pod}", 8080) for pod in pods), affinity)


def test_a_pod_that_comes_is_a_few_elements_of_its_service() -> None:
    others = {WEB.ip: nft.Targets({WEB: leads_to("2", "3")})}
    before = rules(targets={**others, DNS.ip: nft.Targets({DNS: leads_to("9")})})
    after = rules(targets={**others, DNS.ip: nft.Targets({DNS: leads_to("7", "9")})})
    assert nft.change("t", before, after).splitlines() == [
        "delete element ip t services { 10.201.2.41 . udp . 53 }",
        "delete element ip t endpoint-0 { 10.201.2.41 . udp . 53 }",
        "add element ip t endpoint-0 { 10.201.2.41 . udp . 53 : 10.201.0.7 . 8080 }",
        "add element ip t endpoint-1 { 10.201.2.41 . udp . 53 : 10.201.0.9 . 8080 }",
        "add element ip t services { 10.201.2.41 . udp . 53 : goto random-2 }",
        "add element ip t selves { 10.201.2.41 . 10.201.0.7 . 10.201.0.7 }",
    ]


def test_an_external_address_leads_to_the_endpoints_or_is_refused() -> None:
    port, door = nft.HostPort("tcp", 80, "192.0.2.7"), nft.Door(WEB)
    served = rules(targets={WEB.ip: nft.Targets({WEB: leads_to("2")})}, doors={port: door})
    waiting = rules(targets={WEB.ip: nft.Targets({})}, doors={}, unserved=frozenset({port}))
    lines = nft.change("t", waiting, served).splitlines()
    assert "add element ip t external-endpoint-0 { 192.0.2.7 . tcp . 80 : 10.201.0.2 . 8080 }" in lines
    assert "add element ip t externals { 192.0.2.7 . tcp . 80 : goto external-to-0 }" in lines
    assert "delete element ip t unserved { 192.0.2.7 . tcp . 80 }" in lines
    assert not any("doors" in line for line in lines)
    lines = nft.change("t", served, waiting).splitlines()
    assert "delete element ip t externals { 192.0.2.7 . tcp . 80 }" in lines
    assert "add element ip t unserved { 192.0.2.7 . tcp . 80 }" in lines


def test_what_all_share_is_made_for_the_first_and_goes_with_the_last() -> None:
    two = rules(targets={WEB.ip: nft.Targets({WEB: leads_to("2", "3")})})
    three = rules(targets={WEB.ip: nft.Targets({WEB: leads_to("2", "3", "4")})})
    assert nft.change("t", two, three).splitlines() == [
        "delete element ip t services { 10.201.2.40 . tcp . 80 }",
        "delete chain ip t random-2",
        "add map ip t endpoint-2 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }",
        "add chain ip t to-2",
        f"add rule ip t to-2 {TRANSLATE} @endpoint-2",
        "add chain ip t random-3",
        "add rule ip t random-3 numgen random mod 3 vmap { 0 : goto to-0, 1 : goto to-1, 2 : goto to-2 }",
        "add element ip t endpoint-2 { 10.201.2.40 . tcp . 80 : 10.201.0.4 . 8080 }",
        "add element ip t services { 10.201.2.40 . tcp . 80 : goto random-3 }",
        "add element ip t selves { 10.201.2.40 . 10.201.0.4 . 10.201.0.4 }",
    ]
    assert [
        line for line in nft.change("t", three, two).splitlines() if line.startswith(("delete chain", "delete map"))
    ] == [
        "delete chain ip t random-3",
        "delete chain ip t to-2",
        "delete map ip t endpoint-2",
    ]


def test_the_last_pod_that_goes_takes_the_port_out_of_the_map_before_what_it_led_to() -> None:
    assert nft.change("t", rules(), rules(targets={})).splitlines() == [
        "delete element ip t services { 10.201.2.40 . tcp . 80 }",
        "delete element ip t endpoint-0 { 10.201.2.40 . tcp . 80 }",
        "delete element ip t endpoint-1 { 10.201.2.40 . tcp . 80 }",
        "delete chain ip t random-2",
        "delete chain ip t to-1",
        "delete map ip t endpoint-1",
        "delete chain ip t to-0",
        "delete map ip t endpoint-0",
        "delete element ip t selves { 10.201.2.40 . 10.201.0.2 . 10.201.0.2, 10.201.2.40 . 10.201.0.3 . 10.201.0.3 }",
    ]


def test_a_port_of_the_host_leads_to_the_endpoints_of_its_service() -> None:
    doors = {nft.HostPort("tcp", 30080): nft.Door(WEB)}
    one = {WEB.ip: nft.Targets({WEB: leads_to("2")})}
    assert nft.change("t", rules(targets=one), rules(targets=one, doors=doors)).splitlines() == [
        "add map ip t door-endpoint-0 { type inet_proto . inet_service : ipv4_addr . inet_service; }",
        "add chain ip t door-to-0",
        "add rule ip t door-to-0 meta l4proto { tcp, udp, sctp } dnat ip addr . port to meta l4proto . th dport "
        "map @door-endpoint-0",
        "add element ip t door-endpoint-0 { tcp . 30080 : 10.201.0.2 . 8080 }",
        "add element ip t doors { tcp . 30080 : goto door-to-0 }",
    ]
    # They follow the Service's pods.
    moved = nft.change(
        "t", rules(targets=one, doors=doors), rules(targets={WEB.ip: nft.Targets({WEB: leads_to("3")})}, doors=doors)
    )
    assert moved.splitlines()[:5] == [
        "delete element ip t door-endpoint-0 { tcp . 30080 }",
        "delete element ip t endpoint-0 { 10.201.2.40 . tcp . 80 }",
        "add element ip t endpoint-0 { 10.201.2.40 . tcp . 80 : 10.201.0.3 . 8080 }",
        "add element ip t door-endpoint-0 { tcp . 30080 : 10.201.0.3 . 8080 }",
        "delete element ip t selves { 10.201.2.40 . 10.201.0.2 . 10.201.0.2 }",
    ]


def test_clients_that_may_not_come_in_do_not_get_to_the_endpoints() -> None:
    some, others = (nft.Door(WEB, sources) for sources in (("192.0.2.0/24", "198.51.100.7/32"), ("203.0.113.0/24",)))
    port = nft.HostPort("tcp", 80)
    opened = nft.change("t", rules(), rules(doors={port: some})).splitlines()
    (chain,) = [line.split()[4] for line in opened if line.startswith("add chain ip t src-")]
    assert opened[opened.index(f"add chain ip t {chain}") :] == [
        f"add chain ip t {chain}",
        f"add rule ip t {chain} ip saddr {{ 192.0.2.0/24, 198.51.100.7/32 }} goto door-random-2",
        "add element ip t door-endpoint-0 { tcp . 80 : 10.201.0.2 . 8080 }",
        "add element ip t door-endpoint-1 { tcp . 80 : 10.201.0.3 . 8080 }",
        f"add element ip t doors {{ tcp . 80 : goto {chain} }}",
    ]
    changed = nft.change("t", rules(doors={port: some}), rules(doors={port: others})).splitlines()
    assert changed[:2] == ["delete element ip t doors { tcp . 80 }", f"delete chain ip t {chain}"]
    assert "ip saddr { 203.0.113.0/24 } goto door-random-2" in changed[3]
    assert len(changed) == 5


STAYING = nft.Affinity(DNS.element, 60)
EIGHT, NINE = (f"10.201.2.41-udp-53-60s-10.201.0.{pod}-8080" for pod in (8, 9))


def sticky(*pods: str, affinity: nft.Affinity = STAYING, **changes: object) -> nft.Ruleset:
    return rules(targets={DNS.ip: nft.Targets({DNS: leads_to(*pods, affinity=affinity)})}, **changes)


def chain_of_clients(lines: list[str]) -> str:
    (chain,) = {line.split()[4] for line in lines if line.startswith("add chain ip t clients-")}
    return chain


def test_a_client_of_a_sticky_service_stays_with_its_endpoint() -> None:
    lines = nft.change("t", rules(targets={}), sticky("8", "9")).splitlines()
    chain = chain_of_clients(lines)
    stays = [
        line
        for name, pod in ((EIGHT, 8), (NINE, 9))
        for line in (
            f"add set ip t affinity-{name} {{ type ipv4_addr; flags dynamic,timeout; timeout 60s; }}",
            f"add chain ip t stay-{name}",
            f"add rule ip t stay-{name} update @affinity-{name} {{ ip saddr }}",
            f"add rule ip t stay-{name} meta l4proto {{ tcp, udp, sctp }} dnat to 10.201.0.{pod}:8080",
        )
    ]
    assert lines == [
        *stays,
        f"add chain ip t {chain}",
        f"add rule ip t {chain} ip saddr @affinity-{EIGHT} goto stay-{EIGHT}",
        f"add rule ip t {chain} ip saddr @affinity-{NINE} goto stay-{NINE}",
        f"add rule ip t {chain} numgen random mod 2 vmap {{ 0 : goto stay-{EIGHT}, 1 : goto stay-{NINE} }}",
        f"add element ip t services {{ 10.201.2.41 . udp . 53 : goto {chain} }}",
        "add element ip t selves { 10.201.2.41 . 10.201.0.8 . 10.201.0.8, 10.201.2.41 . 10.201.0.9 . 10.201.0.9 }",
    ]


def test_clients_of_endpoints_that_stay_are_left_alone() -> None:
    one, two = sticky("8"), sticky("8", "9")
    assert not [line for line in nft.change("t", one, two).splitlines() if line.split()[4].endswith(EIGHT)]
    back = nft.change("t", two, one).splitlines()
    removed = [line.split()[-1] for line in back if line.startswith(("delete chain", "delete set"))]
    assert [name for name in removed if not name.startswith("clients-")] == [f"stay-{NINE}", f"affinity-{NINE}"]
    # Who asked for another time asked for another set.
    longer = nft.change("t", one, sticky("8", affinity=nft.Affinity(DNS.element, 90))).splitlines()
    assert f"delete set ip t affinity-{EIGHT}" in longer


def test_a_client_of_a_sticky_service_is_the_same_by_a_port_of_the_host() -> None:
    doors = {nft.HostPort("udp", 30053): nft.Door(DNS), nft.HostPort("udp", 53): nft.Door(DNS, ("192.0.2.0/24",))}
    lines = nft.change("t", rules(targets={}), sticky("8", "9", doors=doors)).splitlines()
    chain = chain_of_clients(lines)
    (limited,) = [line for line in lines if line.startswith("add rule ip t src-")]
    assert limited.endswith(f"ip saddr {{ 192.0.2.0/24 }} goto {chain}")
    assert any(line.startswith("add element ip t doors") and f"udp . 30053 : goto {chain}" in line for line in lines)
    assert not any("endpoint" in line for line in lines)


def test_clients_stay_where_they_were_when_the_whole_table_is_loaded() -> None:
    listing = {
        "nftables": [
            {"metainfo": {"version": "1.0.6"}},
            {"set": {"name": "vips", "elem": ["10.201.2.0"]}},
            {
                "set": {
                    "name": f"affinity-{EIGHT}",
                    "timeout": 60,
                    "elem": [
                        {"elem": {"val": "10.201.0.5", "expires": 59}},
                        {"elem": {"val": "10.201.0.6", "expires": 0}},
                        {"elem": {"val": "10.201.0.4", "expires": 7}},
                    ],
                }
            },
            {"set": {"name": f"affinity-{NINE}", "timeout": 60}},
            {"set": {"name": "affinity-gone", "elem": [{"elem": {"val": "10.201.0.5", "expires": 59}}]}},
        ]
    }
    known = clients(json.dumps(listing))
    script = nft.change("t", sticky("8", "9"), sticky("8", "9", bridged_seen=False), known)
    assert script.startswith("table ip t\ndelete table ip t\n")
    assert [line for line in script.splitlines() if "expires" in line] == [
        f"add element ip t affinity-{EIGHT} {{ 10.201.0.4 expires 7s, 10.201.0.5 expires 59s, 10.201.0.6 expires 1s }}"
    ]
    assert nft.change("t", None, sticky("9"), known) == nft.load("t", sticky("9"))


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
