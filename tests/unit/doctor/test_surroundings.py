"""What is said of what else is on the host: other networks, and what other instances left."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from orchestrator.doctor import addresses, leftovers
from orchestrator.doctor.leftovers import Instance
from orchestrator.engine.base import Network
from orchestrator.planning import labels

POOL = "10.201.0.0/16"


def net(cidr: str) -> IPv4Network:
    return IPv4Network(cidr)


def network(name: str, subnet: str, **own: str) -> Network:
    return Network("id", name, own, subnet, "", "", "br")


def test_networks_and_routes_are_sorted_into_ours_and_others() -> None:
    networks = [
        network("orchestrator_default", "10.201.4.0/22", **{labels.INSTANCE: "default"}),
        network("orchestrator-b_default", "10.201.8.0/22", **{labels.INSTANCE: "b"}),
        network("six", "fd00::/64"),
        network("none", ""),
    ]
    routes = [net("10.201.4.0/22"), net("10.201.6.0/23"), net("10.201.8.0/22"), net("192.0.2.0/24")]
    facts = addresses.look(POOL, "default", networks, routes)
    assert facts.own == {net("10.201.4.0/22")}
    assert facts.foreign == (
        (net("10.201.8.0/22"), "network orchestrator-b_default"),
        (net("192.0.2.0/24"), "a route of the host"),
    )


@pytest.mark.parametrize(
    ("own", "foreign", "level", "said"),
    [
        ([], [], "ok", "64 of 64 ranges of 10.201.0.0/16 are free, 0 in use"),
        (
            ["10.201.4.0/22"],
            ["10.201.0.0/22"],
            "ok",
            "62 of 64 ranges of 10.201.0.0/16 are free, 1 in use; others have 1",
        ),
        ([], ["10.0.0.0/8"], "error", "no pod gets a network: 0 of 64"),
        (
            ["10.201.4.0/22"],
            ["10.201.128.0/17", "10.201.64.0/18", "10.201.8.0/21", "10.201.16.0/20", "10.201.32.0/19"],
            "warning",
            "1 of 64",
        ),
    ],
)
def test_a_pool_is_as_good_as_what_is_free_of_it(own: list[str], foreign: list[str], level: str, said: str) -> None:
    facts = addresses.Facts(POOL, frozenset(map(net, own)), tuple((net(each), "x") for each in foreign))
    (found,) = addresses.judge(facts)
    assert (found.level, found.found.startswith(said)) == (level, True), found
    assert bool(found.mend) is (level != "ok")


def test_the_pool_that_is_proposed_is_free() -> None:
    taken = tuple((net(each), "x") for each in ("10.201.0.0/16", "10.255.0.0/16", "10.254.7.0/24"))
    (found,) = addresses.judge(addresses.Facts(POOL, frozenset(), taken))
    assert found.mend == "orchestrator run --pool 10.253.0.0/16 SPECS"
    (nothing,) = addresses.judge(addresses.Facts(POOL, frozenset(), ((net("10.0.0.0/8"), "x"),)))
    assert nothing.mend == "ip route show; docker network ls"


def test_a_pool_that_is_none_and_a_namespace_whose_range_someone_took() -> None:
    (found,) = addresses.judge(addresses.Facts("10.0.0.0/30"))
    assert (found.level, "must be a /22 or larger" in found.found) == ("error", True)
    clash = addresses.Facts(POOL, frozenset({net("10.201.4.0/22")}), ((net("10.201.4.0/24"), "a route of the host"),))
    found = next(iter(addresses.judge(clash)))
    assert (found.level, found.found) == (
        "warning",
        "the network 10.201.4.0/22 of a namespace overlaps 10.201.4.0/24 (a route of the host)",
    )


def facts(**more: object) -> leftovers.Facts:
    return leftovers.Facts("default", **{"instances": {}, **more})  # type: ignore[arg-type]


def test_what_is_ours_or_has_a_daemon_is_no_left_over() -> None:
    seen = {"default": Instance(3, 1, 1, {"u1"}), "b": Instance(1, 0, 1, {"u2"})}
    tables = ("orchestrator-default", "orchestrator-b", "orchestrator-early")
    mounts = (Path("/v/volumes/u1/cache"), Path("/v/volumes/u2/cache"))
    (found,) = leftovers.judge(facts(instances=seen, alive=frozenset({"b", "early"}), tables=tables, mounts=mounts))
    assert found.level == "ok"


def test_an_instance_without_a_daemon_is_told_with_all_that_takes_it_away() -> None:
    rule = "-t filter -A DOCKER-USER -o orc-1 -m comment --comment orchestrator-b -j ACCEPT"
    rules = (rule, "-t filter -A DOCKER-USER -j RETURN", rule.replace("orchestrator-b", "orchestrator-bb"))
    seen = {"b": Instance(2, 1, 1), "c": Instance(0, 0, 2), "odd $x": Instance(0, 1, 0)}
    told = list(leftovers.judge(facts(instances=seen, tables=("orchestrator-b",), admitted=rules)))
    assert [each.level for each in told] == ["warning"] * 3
    assert told[0].found.startswith(
        "instance b has 2 containers that run, 1 container that ended, 1 network, and no daemon"
    )
    assert told[0].mend == (
        "docker rm -fv $(docker ps -aq --filter label=orchestrator.dev/instance=b --filter name='^orchestrator-b_') ; "
        "docker network rm $(docker network ls -q --filter label=orchestrator.dev/instance=b "
        "--filter name='^orchestrator-b_') ; "
        "sudo nft delete table ip orchestrator-b ; "
        "sudo iptables -w 10 -t filter -D DOCKER-USER -o orc-1 -m comment --comment orchestrator-b -j ACCEPT"
    )
    assert told[1].mend.startswith(
        "docker network rm $(docker network ls -q --filter label=orchestrator.dev/instance=c "
    )
    assert "label='orchestrator.dev/instance=odd $x'" in told[2].mend


def test_rules_and_mounts_of_which_nothing_else_is_left(tmp_path: Path) -> None:
    gone, used, runs = tmp_path / "a/volumes", tmp_path / "b/volumes", tmp_path / "c/volumes"
    for folder in (gone, used / "u1", runs):
        folder.mkdir(parents=True)
    (tmp_path / "c/orchestrator.sock").touch()
    seen = {"default": Instance(1, uids={"u1"})}
    mounts = (gone, used, runs, tmp_path / "s/volumes/u9/cache")
    told = list(
        leftovers.judge(facts(instances=seen, tables=("orchestrator-x", "orchestrator-default"), mounts=mounts))
    )
    assert [each.mend for each in told] == [
        "sudo nft delete table ip orchestrator-x",
        f"sudo umount {gone}",
        f"sudo umount {tmp_path}/s/volumes/u9/cache",
    ]
