"""Documents of another shape in the journal, as another version leaves them, break neither a start nor a worker."""

from pathlib import Path

import pytest

from orchestrator.app import _Daemon
from orchestrator.engine.base import EngineInfo
from orchestrator.engine.simulated import SimulatedEngine
from orchestrator.metrics import Metrics
from orchestrator.node.inventory import known_pods, pods_left_behind
from orchestrator.node.memory import CONTAINERS, REPLACED, RESTARTS, PodMemory
from orchestrator.objects import registry
from orchestrator.planning.observed import Restarts, SeenContainer, Stop
from orchestrator.settings import Settings
from orchestrator.sources.follower import Follower
from orchestrator.sources.watcher import SpecWatcher
from orchestrator.state.journal import Journal
from orchestrator.state.store import Key

INFO = EngineInfo("Engine", "1", "1.41", "linux", "amd64", 1, 1 << 30)
SPECS = """
{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: main, image: i}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: NodePort, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: web},
 spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}
---
{apiVersion: v1, kind: LimitRange, metadata: {name: web}, spec: {limits: [{type: Container, default: {cpu: 1}}]}}
"""
PLACES = {
    "instance": ("digest key",),
    "objects": ("Pod/default/web", "Service/default/web"),
    "statuses": ("Pod/default/web", "Service/default/web"),
    "events": ("default/web.1", "no slash"),
    "pods": ("u",),
    "restarts": ("u/main",),
    "containers": ("c",),
    "replaced": ("u/digest", "no slash"),
    "images": ("i",),
    "limits": ("u",),
    "claims": ("default/web", "no slash"),
    "nodeports": ("default/web", "default/other"),
    "subnets": ("default", "other"),
    "addresses": ("default/web", "default/other"),
}
EVENT = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "web.1", "namespace": "default"},
    "involvedObject": {"kind": "Pod", "name": "web"},
}
IDENTITY = {"uid": "u", "identity": "", "created": "yesterday"}
ODD = [
    {},
    {"x": 1},
    [],
    "text",
    5,
    None,
    {"kind": []},
    {"kind": "Pod", "metadata": 3},
    {"metadata": {"name": "web"}},
    EVENT,
    EVENT | {"firstTimestamp": "x", "lastTimestamp": "y"},
    EVENT | {"kind": "ConfigMap"},
    IDENTITY,
    {"cidr": "10.0.0.0/32", "ip": "no address", "uid": "u", "ports": ["TCP/80"], "key": "no hex", "status": []},
    {"claim": [], "desired": {}, "main": {"own": {}}},
    {"claim": {}, "desired": {}, "volume": None, "orphan": False},
]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
async def test_a_daemon_starts_on_documents_of_any_shape_and_says_so_once(
    odd: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = Journal(tmp_path / "journal.db")
    for bucket, keys in PLACES.items():
        for key in keys:
            first.put(bucket, key, odd)  # type: ignore[arg-type]
    first.close()
    specs = tmp_path / "specs.yaml"
    specs.write_text(SPECS)
    settings = Settings(specs=(specs,), state_dir=tmp_path, run_dir=tmp_path)
    journal = Journal(tmp_path / "journal.db")
    daemon = _Daemon(settings, SimulatedEngine(), INFO, journal, Metrics())  # type: ignore[arg-type]
    daemon.book.check()
    daemon.folder.left_behind = pods_left_behind(journal)
    follower = Follower(SpecWatcher(settings.specs))
    daemon.folder.apply(await follower.first())
    list(known_pods(journal))
    pod = daemon.store.get(Key("Pod", "default", "web"))
    assert pod is not None
    assert daemon.store.get(Key("Service", "default", "web")).spec.cluster_ip
    assert daemon.store.get(Key("PersistentVolumeClaim", "default", "web")).status.phase == "Bound"
    assert daemon.folder.problems == ()
    journal.close()
    told = [record.getMessage() for record in caplog.records if "of another shape" in record.getMessage()]
    assert len(told) == len(set(told)) <= len(PLACES)
    assert len({line.split(" what is ")[0] for line in told}) == len(told), "one line a bucket"


def test_a_worker_takes_what_fits_of_a_pod_and_forgets_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.put(RESTARTS, "u/web", {"next_attempt": 3, "delay": 20.0, "last": None, "new_in_another_version": 1})
    journal.put(RESTARTS, "u/side", {"next_attempt": "three"})
    journal.put(CONTAINERS, "c1", {"started": True})
    journal.put(CONTAINERS, "c2", {"stop": {"reason": "of another version", "since": 1.0, "grace": 1.0}})
    journal.put(CONTAINERS, "c3", {"ready": False, "stop": {"reason": "deleted", "since": 1.0, "grace": 2.0, "x": 3}})
    journal.put(REPLACED, "u/digest", {"name": 5})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "namespace": "default", "uid": "u"},
        "spec": {"containers": [{"name": "web", "image": "b:1"}]},
    }
    memory = PodMemory(journal)
    memory.adopt(registry.convert(pod), {})
    assert memory.restarts == {"web": Restarts(3, 20.0, None)}
    seen = [
        SeenContainer(engine_id, "web", "u", number, "digest", "b:1", "", "running")
        for number, engine_id in enumerate(("c1", "c2", "c3", "c4"))
    ]
    observed = memory.observed(seen, "", 10.0)
    assert (observed.probes["c1"].started, observed.probes["c1"].ready) == (True, None)
    assert set(observed.probes) == {"c1", "c3"}
    assert set(observed.stops) == {"c3"}
    assert isinstance(observed.stops["c3"], Stop)
    assert journal.get(CONTAINERS, "c2") is None
    journal.close()
    assert caplog.text.count("of another shape") == 2
