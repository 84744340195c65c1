"""The kernel's rules after any history of changes are those of a table that was loaded at once."""

import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.services import nft, nft_affinity

TABLE = "orchestrator-history"
NETWORKS = [nft.Network(f"orc-{n}", f"10.9.{4 * n + 2}.0/23", f"10.9.{4 * n}.0/23") for n in range(3)]
PORTS: list[tuple[nft.Protocol, int]] = [("tcp", 80), ("udp", 53)]
STEPS = 60


def staying(address: nft.Address, chance: random.Random) -> nft.Affinity | None:
    return nft.Affinity(address.element, chance.choice((60, 3600))) if chance.random() < 0.4 else None


def some_rules(chance: random.Random, before: nft.Ruleset) -> nft.Ruleset:
    """Like the one before, but for a few Services, ports of the host, and now and then a network."""
    targets = dict(before.targets)
    for number in chance.sample(range(6), chance.randrange(1, 4)):
        ip = f"10.9.2.{number}"
        targets[ip] = nft.Targets(
            {
                nft.Address(ip, protocol, port): nft.Target(
                    tuple(
                        (f"10.9.0.{pod}", 8080) for pod in sorted(chance.sample(range(2, 9), chance.randrange(1, 6)))
                    ),
                    staying(nft.Address(ip, protocol, port), chance),
                )
                for protocol, port in PORTS
                if chance.random() < 0.7
            }
        )
    addresses = [key for each in targets.values() for key in each]
    doors = {
        nft.HostPort(key.protocol, 30000 + index): nft.Door(key, chance.choice([(), (), ("192.0.2.0/24",)]))
        for index, key in enumerate(chance.sample(addresses, min(len(addresses), chance.randrange(4))))
    }
    return nft.Ruleset(frozenset(chance.sample(NETWORKS, chance.randrange(1, 4))), targets, doors=doors)


def histories(chance: random.Random) -> Iterator[tuple[str, nft.Ruleset]]:
    rules = nft.Ruleset(frozenset(), {})
    for step in range(STEPS):
        after = some_rules(chance, rules)
        yield (nft.change(TABLE, rules, after) if step else nft.load(TABLE, after)), after
        rules = after


def plain(listing: str) -> list[str]:
    """A listing without handles and order, which tell of the history."""

    def bare(found: Any) -> Any:
        if isinstance(found, dict):
            return {key: bare(value) for key, value in found.items() if key not in ("handle", "index")}
        if isinstance(found, list):
            return sorted((bare(each) for each in found), key=json.dumps)
        return found

    return sorted(json.dumps(bare(each)) for each in json.loads(listing)["nftables"])


@pytest.mark.skipif(shutil.which("nft") is None or shutil.which("unshare") is None, reason="needs nft and unshare")
def test_changes_lead_to_the_same_rules_as_a_load(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    scripts, last = [], nft.Ruleset(frozenset(), {})
    for number, (script, after) in enumerate(histories(random.Random(seed))):
        scripts.append(tmp_path / f"{number}.nft")
        scripts[-1].write_text(script)
        last = after
    whole = tmp_path / "whole.nft"
    whole.write_text(nft.load(TABLE, last))

    def loaded(*files: Path) -> list[str]:
        """What a kernel without any rules has after these scripts."""
        loads = " && ".join(f"nft -f {file}" for file in files)
        words = ["unshare", "--net", "sh", "-c", f"{loads} && nft -j list ruleset"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (seed, done.stderr)
        return plain(done.stdout)

    assert loaded(*scripts) == loaded(whole), seed


@pytest.mark.skipif(shutil.which("nft") is None or shutil.which("unshare") is None, reason="needs nft and unshare")
def test_clients_stay_through_changes_and_loads(tmp_path: Path) -> None:
    """Those of endpoints that stay, for the rest of their time."""
    key = nft.Address("10.9.2.1", "tcp", 80)

    def ruleset(*pods: int) -> nft.Ruleset:
        places = tuple((f"10.9.0.{pod}", 8080) for pod in pods)
        targets = nft.Targets({key: nft.Target(places, nft.Affinity(key.element, 3600))})
        return nft.Ruleset(frozenset(NETWORKS[:1]), {key.ip: targets})

    def in_kernel(*scripts: str) -> nft_affinity.Clients:
        words = ["unshare", "--net", "sh", "-c"]
        for number, script in enumerate(scripts):
            (tmp_path / f"{number}.nft").write_text(script)
        loads = " && ".join(f"nft -f {tmp_path}/{number}.nft" for number in range(len(scripts)))
        done = subprocess.run(
            [*words, f"{loads} && nft -j list sets table ip {TABLE}"], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return nft_affinity.clients(done.stdout)

    two, three, one = ruleset(3, 4), ruleset(3, 4, 5), ruleset(3)
    names = [piece.name for piece in two.pieces if piece.kind == "set"]
    come = "".join(
        f"add element ip {TABLE} {name} {{ 10.9.0.{number} expires 1000s }}\n" for number, name in enumerate(names, 7)
    )
    after = in_kernel(nft.load(TABLE, two), come, nft.change(TABLE, two, three), nft.change(TABLE, three, one))
    ((name, there),) = after.items()
    assert name == names[0]
    assert there.keys() == {"10.9.0.7"}
    assert 900 < there["10.9.0.7"] <= 1000
    again = in_kernel(nft.load(TABLE, two), nft.change(TABLE, None, two, after))
    assert again[names[0]].keys() == {"10.9.0.7"}
    assert 800 < again[names[0]]["10.9.0.7"] <= there["10.9.0.7"]
    assert not again[names[1]]
