"""What is asked of iptables for a chain that others use too."""

from collections.abc import Collection

from orchestrator.services.openings import ARRIVING, FORWARDED, arriving, changes, forwarded

MARK = "orchestrator-x"
JOINED = {"orc-2": "10.201.4.0/22", "orc-1": "10.201.0.0/22"}


def admissions(listing: str, mark: str, bridges: Collection[str], joined: Collection[str] = ()) -> str:
    return changes(listing, FORWARDED, mark, forwarded(bridges, joined, mark))


def raw(*rules: str) -> str:
    return "\n".join(["-P PREROUTING ACCEPT", *(f"-A PREROUTING {rule}" for rule in rules), ""])


def ours(bridge: str, mark: str = MARK) -> list[str]:
    """The rules of a bridge as iptables prints them, without the chain."""
    return [
        f"-o {bridge} -m conntrack --ctstate DNAT --ctdir ORIGINAL -m comment --comment {mark} -j ACCEPT",
        f"-i {bridge} -m conntrack --ctstate DNAT --ctdir REPLY -m comment --comment {mark} -j ACCEPT",
    ]


def listing(*rules: str) -> str:
    return "\n".join(["-N DOCKER-USER", *(f"-A DOCKER-USER {rule}" for rule in rules), ""])


def script(*lines: str) -> str:
    return "\n".join(["*filter", *lines, "COMMIT", ""])


def test_ours_come_after_others_and_before_the_last() -> None:
    blocked = "-s 192.0.2.66/32 -j DROP"
    expected = [f"-I DOCKER-USER {place} {rule}" for place, rule in enumerate(ours("orc-1"), 2)]
    assert admissions(listing(blocked, "-j RETURN"), MARK, ["orc-1"]) == script(*expected)
    assert admissions(listing(blocked), MARK, ["orc-1"]) == script(*expected)


def test_what_stands_is_left_whoever_came_before_or_after() -> None:
    for mark, bridge in ((MARK, "orc-1"), ("orchestrator-y", "orc-2")):
        both = listing(*ours("orc-1"), *ours("orc-2", "orchestrator-y"), "-j RETURN")
        assert admissions(both, mark, [bridge]) == ""


def test_what_lies_where_nothing_comes_to_is_moved() -> None:
    gone = [f"-D DOCKER-USER {rule}" for rule in ours("orc-1")]
    come = [f"-I DOCKER-USER {place} {rule}" for place, rule in enumerate(ours("orc-1"), 1)]
    assert admissions(listing("-j RETURN", *ours("orc-1")), MARK, ["orc-1"]) == script(*gone, *come)


def test_namespaces_that_may_reach_each_other_are_let_through_in_both_directions() -> None:
    between = [
        f"-i {one} -o {other} -m comment --comment {MARK} -j ACCEPT"
        for one, other in (("orc-1", "orc-2"), ("orc-2", "orc-1"))
    ]
    added = [f"-I DOCKER-USER {place} {rule}" for place, rule in enumerate(between, 1)]
    assert admissions(listing("-j RETURN"), MARK, [], ["orc-2", "orc-1"]) == script(*added)
    assert admissions(listing(*between, "-j RETURN"), MARK, [], ["orc-1", "orc-2"]) == ""
    gone = [f"-D DOCKER-USER {rule}" for rule in between]
    assert admissions(listing(*between, "-j RETURN"), MARK, [], ["orc-1"]) == script(*gone)


def test_only_ours_are_taken_away() -> None:
    others = ['-s 192.0.2.1/32 -m comment --comment "orchestrator-x y" -j DROP', *ours("orc-2", "orchestrator-xy")]
    gone = [f"-D DOCKER-USER {rule}" for rule in ours("orc-1")]
    assert admissions(listing(*others, *ours("orc-1"), "-j RETURN"), MARK, []) == script(*gone)
    assert admissions(listing(*others, "-j RETURN"), MARK, []) == ""


def test_a_mark_that_iptables_prints_in_quotes_is_the_same() -> None:
    printed = listing(
        *(rule.replace("orchestrator-a.b", '"orchestrator-a.b"') for rule in ours("orc-1", "orchestrator-a.b"))
    )
    assert admissions(printed, "orchestrator-a.b", ["orc-1"]) == ""


def test_what_goes_between_namespaces_is_let_through_before_the_engine_drops_it_as_coming_by_another_bridge() -> None:
    administrator, engine = "-s 192.0.2.66/32 -j DROP", "-d 10.201.0.2/32 ! -i orc-1 -j DROP"
    ours = [
        f"-d {JOINED[other]} -i {one} -m comment --comment {MARK} -j ACCEPT"
        for one, other in (("orc-1", "orc-2"), ("orc-2", "orc-1"))
    ]
    wanted = arriving(JOINED, MARK)
    added = [f"-I PREROUTING {place} {rule}" for place, rule in enumerate(ours, 2)]
    expected = "\n".join(["*raw", *added, "COMMIT", ""])
    assert changes(raw(administrator, engine), ARRIVING, MARK, wanted) == expected
    assert changes(raw(administrator, *ours, engine), ARRIVING, MARK, wanted) == ""
    # An engine that is restarted may have put its own before ours.
    moved = changes(raw(engine, *ours), ARRIVING, MARK, wanted)
    assert moved.splitlines()[1:] == [
        *(f"-D PREROUTING {rule}" for rule in ours),
        *(f"-I PREROUTING {place} {rule}" for place, rule in enumerate(ours, 1)),
        "COMMIT",
    ]
    gone = ["*raw", *(f"-D PREROUTING {rule}" for rule in ours), "COMMIT", ""]
    assert changes(raw(*ours, engine), ARRIVING, MARK, arriving({}, MARK)) == "\n".join(gone)
