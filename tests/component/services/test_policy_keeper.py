"""Which pods policies count, from their first address until nothing of them is left."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from orchestrator.objects.config import Namespace
from orchestrator.objects.container import Container
from orchestrator.objects.meta import LabelSelector, ObjectMeta
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.pod_status import PodStatus
from orchestrator.objects.policy import NetworkPolicy, NetworkPolicySpec
from orchestrator.planning.identity import object_identity
from orchestrator.services.dataplane import DataPlane, Mode
from orchestrator.services.policy_keeper import PolicyKeeper
from orchestrator.services.policy_rules import NO_POLICIES
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import Desired, Key, Store


class House:
    def __init__(self, journal: Journal, mode: Mode) -> None:
        self.store = Store(journal, lambda: 1e9, identity=object_identity)
        recorder = EventRecorder(self.store, journal, lambda: 1e9, "node")
        self.keeper = PolicyKeeper(self.store, recorder, DataPlane("t", mode), lambda: ("10.0.0.1",), ("192.0.2.53",))

    def pod(self, ip: str, name: str = "web", app: str = "web", **spec: object) -> Pod:
        wanted = PodSpec(containers=(Container(name="c", image="i"),), **spec)  # type: ignore[arg-type]
        pod = Pod(metadata=ObjectMeta(name=name, namespace="a", labels={"app": app}), spec=wanted)
        applied: Pod = self.store.apply("test", Desired(pod, {}))
        self.store.update_status(Key("Pod", "a", name), applied.metadata.uid, PodStatus(phase="Running", pod_ip=ip))
        return applied

    def policy(self) -> None:
        spec = NetworkPolicySpec(pod_selector=LabelSelector(match_labels={"app": "web"}), policy_types=("Ingress",))
        self.store.apply("test", Desired(NetworkPolicy(metadata=ObjectMeta(name="p", namespace="a"), spec=spec), {}))

    def isolated(self) -> set[str]:
        return set(self.keeper.settle().maps.get("policy-ingress", {}))

    def told(self) -> list[str]:
        return [event.message for event in self.store.list("Event") if event.reason == "NetworkPolicyNotEnforced"]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.db")
    yield journal
    journal.close()


def test_a_pod_counts_until_nothing_of_it_is_left_though_another_has_its_place(journal: Journal) -> None:
    house = House(journal, Mode.KERNEL)
    house.policy()
    old = house.pod("10.0.0.2", hostname="old")
    assert house.isolated() == {"10.0.0.2"}
    new = house.pod("", hostname="new")
    assert new.metadata.uid != old.metadata.uid
    assert house.isolated() == {"10.0.0.2"}
    house.keeper.release(old.metadata.uid)
    assert house.isolated() == set()
    house.pod("10.0.0.3", hostname="new")
    assert house.isolated() == {"10.0.0.3"}


def test_of_two_pods_with_one_address_the_living_one_counts(journal: Journal) -> None:
    house = House(journal, Mode.KERNEL)
    house.policy()
    house.pod("10.0.0.2", "z-old")
    house.store.begin_deletion(Key("Pod", "a", "z-old"))
    assert house.isolated() == {"10.0.0.2"}
    house.pod("10.0.0.2", "a-new", app="other")
    assert house.isolated() == set()


async def test_a_pod_that_is_released_before_it_leaves_the_store_leaves_no_rules(journal: Journal) -> None:
    house = House(journal, Mode.KERNEL)
    house.policy()
    pod = house.pod("10.0.0.2")
    assert house.isolated() == {"10.0.0.2"}
    house.keeper.release(pod.metadata.uid)
    assert house.isolated() == set()
    house.store.drop(Key("Pod", "a", "web"))
    assert house.keeper.settle() == NO_POLICIES


def test_rules_are_the_same_object_as_long_as_nothing_changes_them(journal: Journal) -> None:
    house = House(journal, Mode.KERNEL)
    house.policy()
    house.pod("10.0.0.2")
    before = house.keeper.settle()
    house.pod("10.0.0.2")
    house.store.apply("test", Desired(Namespace(metadata=ObjectMeta(name="b")), {}))
    assert house.keeper.settle() == before
    again = house.keeper.settle()
    assert house.keeper.settle() is again


@pytest.mark.parametrize(
    ("mode", "host_network", "text"),
    [
        (Mode.NAMES, False, "nothing here can change the kernel's rules"),
        (Mode.KERNEL, True, "pod web has no network of its own (hostNetwork), and is as open as the host"),
    ],
)
async def test_what_does_not_hold_is_told_once(journal: Journal, mode: Mode, host_network: bool, text: str) -> None:
    house = House(journal, mode)
    house.policy()
    house.pod("192.0.2.1", host_network=host_network)
    for _ in range(2):
        house.keeper.settle()
        await house.keeper.tell()
    (message,) = house.told()
    assert text in message
    assert msgspec.structs.asdict(house.store.list("Event")[0])["count"] == 1
