"""`plan` says what this daemon would say: its settings, its LimitRanges, its books; and nothing of that is written."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from orchestrator.admission import store_admission
from orchestrator.node.limit_ranger import LimitRanger
from orchestrator.objects import registry
from orchestrator.objects.meta import Object
from orchestrator.planning.identity import object_identity
from orchestrator.planning.preview import Verdicts, preview
from orchestrator.planning.surroundings import Surroundings
from orchestrator.rehearsal import Rehearsal
from orchestrator.services.addresses import AddressBook
from orchestrator.services.node_ports import NodePortBook
from orchestrator.sources.rules import Rules
from orchestrator.state.journal import Journal
from orchestrator.state.store import SPECS, Desired, Store
from tests.unit.planning.builders import AROUND, T0

POD = "{{apiVersion: v1, kind: Pod, metadata: {{name: {}}}, spec: {{containers: [{{name: a, image: i{}}}]{}}}}}\n---\n"
SERVICE = "{{apiVersion: v1, kind: Service, metadata: {{name: {}}}, spec: {{type: NodePort, ports: [{}]}}}}\n---\n"
RANGE = """
apiVersion: v1
kind: LimitRange
metadata: {name: r}
spec: {limits: [{type: Container, default: {memory: 40Mi}, max: {memory: 64Mi}}]}
---
"""


def pod(name: str, own: str = "", spec: str = "") -> str:
    return POD.format(name, own and f", {own}", spec and f", {spec}")


def asking(memory: str) -> str:
    return f"resources: {{limits: {{memory: {memory}}}}}"


def loaded(text: str) -> list[Object]:
    found = [registry.decode(document, lenient=True) for document in yaml.safe_load_all(text) if document]
    assert all(obj is not None for obj, _ in found), found
    return [obj for obj, _ in found if obj is not None]


@dataclass
class Scene:
    """A daemon's store with its admission; `says` asks what would become of other specs."""

    store: Store
    journal: Journal
    addresses: AddressBook
    node_ports: NodePortBook

    def has(self, text: str) -> None:
        assert self.store.sync(SPECS, [Desired(obj, {}) for obj in loaded(text)]) == ()

    def says(self, text: str, rules: Rules | None = None, around: Surroundings = AROUND) -> Verdicts:
        rooms = self.store, self.journal, self.addresses, self.node_ports
        return Rehearsal(*rooms, "node", rules or Rules(), lambda _: around).begin()(loaded(text))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    journal = Journal(tmp_path / "journal.db")
    addresses = AddressBook(journal, "10.9.0.0/16", busy=tuple)
    node_ports = NodePortBook(journal, then=addresses.admit, free=lambda *_: True, ports=range(30000, 30003))
    ranges: Callable[[str], list[Object]] = lambda namespace: store.list("LimitRange", namespace)  # noqa: E731
    admission = store_admission(node_ports, LimitRanger(journal, ranges), "node")
    store = Store(journal, lambda: T0, admission=admission, identity=object_identity)
    store.on_drop(node_ports.release, addresses.release)
    yield Scene(store, journal, addresses, node_ports)
    journal.close()


def test_what_a_setting_or_a_limit_range_refuses_is_told_in_its_words(scene: Scene) -> None:
    scene.has(pod("stays", "", "hostNetwork: true"))
    text = pod("stays", "", "hostNetwork: true") + pod("new", "", "hostNetwork: true") + RANGE
    text += pod("much", asking("65Mi")) + SERVICE.format("out", "{port: 80, nodePort: 30003}")
    refused = scene.says(text, Rules("baseline")).refused
    assert refused[("Pod", "default", "new")].startswith(
        'pods "new" is forbidden: violates PodSecurity "baseline:latest"'
    )
    assert refused[("Pod", "default", "much")].endswith("maximum memory usage per Container is 64Mi, but limit is 65Mi")
    assert "The range of valid ports is 30000-30002" in refused[("Service", "default", "out")]
    assert len(refused) == 3, "what runs already is harmed by no level"
    assert ("Pod", "default", "new") not in scene.says(text).refused


def test_a_rehearsal_writes_nothing(scene: Scene) -> None:
    scene.has(RANGE + SERVICE.format("web", "{port: 80}") + pod("a"))
    written = {bucket: list(scene.journal.items(bucket)) for bucket in ("nodeports", "addresses", "limits", "objects")}
    version, chosen = scene.store.version, scene.store.list("Service")[0].spec.ports[0].node_port
    taken = SERVICE.format("other", f"{{port: 80, nodePort: {chosen}}}")
    assert scene.says(taken + pod("b")).refused == {}, "who has it would go"
    refused = scene.says(SERVICE.format("web", "{port: 80}") + taken).refused
    assert "provided port is already allocated, to Service default/web" in refused[("Service", "default", "other")]
    assert {bucket: list(scene.journal.items(bucket)) for bucket in written} == written
    assert (scene.store.version, scene.store.list("Pod")[0].metadata.name) == (version, "a")
    # The books themselves know of none of it either.
    scene.has(RANGE + SERVICE.format("web", "{port: 80}") + pod("a") + SERVICE.format("more", "{port: 80}"))
    assert scene.store.list("Service")[1].spec.ports[0].node_port == chosen


def test_a_rehearsal_leaves_nothing_for_the_collector(scene: Scene) -> None:
    """A draft of thousands of objects must not wait for a look that comes once an hour."""

    def stores() -> int:
        return sum(type(each) is Store for each in gc.get_objects())

    gc.collect()
    before = stores()
    gc.disable()
    try:
        scene.says(RANGE + pod("a") + SERVICE.format("web", "{port: 80}"))
        assert stores() == before
    finally:
        gc.enable()


def test_a_pod_that_would_not_run_is_told_with_why(scene: Scene) -> None:
    tuned = "securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}"
    text = pod("tuned", "", tuned) + pod("large", "resources: {requests: {memory: 100Gi}}") + pod("well")
    text += pod("kept", "", "runtimeClassName: absent")
    around = replace(AROUND, node=replace(AROUND.node, allocatable={"memory": 8 << 30}))
    held = {name[2]: problem for name, problem in scene.says(text, around=around).held.items()}
    assert held == {
        "large": "it would stay Pending: 0/1 nodes are available: 1 Insufficient memory. "
        "memory: 100Gi requested, 0 of 8Gi in use.",
        "kept": 'it would stay Pending: runtimeclass.node.k8s.io "absent" not found',
    }
    strict = scene.says(text, around=replace(around, allowed_unsafe_sysctls=()))
    told = 'it would be Failed: SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted'
    assert strict.held[("Pod", "default", "tuned")] == told


def test_steps_of_what_is_refused_or_held(scene: Scene) -> None:
    now = {(o.kind, o.metadata.namespace, o.metadata.name): o for o in loaded(pod("web") + pod("gone"))}
    then = {(o.kind, o.metadata.namespace, o.metadata.name): o for o in loaded(pod("web", "tty: true") + pod("new"))}
    web, new = ("Pod", "default", "web"), ("Pod", "default", "new")
    steps = preview(now, then, Verdicts({web: "no tty"}, {new: "it would be Failed: for a reason"}))
    assert [str(step) for step in steps] == [
        "Pod default/web: refused: no tty; the version before stays",
        "Pod default/new: create: it is not there yet; it would be Failed: for a reason",
        "Pod default/gone: delete: the specs do not have it",
    ]
    assert str(preview({}, then, Verdicts({web: "no tty"}))[0]).endswith("refused: no tty; it is not made")
