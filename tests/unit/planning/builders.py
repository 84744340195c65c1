"""Pods, containers and surroundings in a line each, for the tests of planning.

A pod is written as the YAML of its spec and goes through `registry.decode`, so it has every default that a user's has.
Engine ids are "<container>-<attempt>": golden texts and assertions can name them.
"""

from dataclasses import replace
from typing import Any

import msgspec
import yaml

from orchestrator.objects import registry
from orchestrator.objects.config import ConfigMap, Secret
from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.objects.service import Service
from orchestrator.objects.times import format_time
from orchestrator.planning.identity import container_digest, pod_identity
from orchestrator.planning.labels import SANDBOX_NAME
from orchestrator.planning.observed import ImageState, Observed, SeenContainer
from orchestrator.planning.ops import Plan
from orchestrator.planning.pod_plan import plan
from orchestrator.planning.surroundings import NodeFacts, PodPaths, Surroundings

T0 = 1_800_000_000.0
"""When the pod's sandbox was made, in most tests."""
UID = "1a2b3c4d-0000-4000-8000-000000000001"
ADDRESS = "10.1.0.2"
NETWORK = "orchestrator_default"

AROUND = Surroundings(
    instance="default",
    node=NodeFacts(name="host", ip="192.0.2.1", nano_cpus=4 * 10**9, memory_bytes=8 << 30),
    paths=lambda uid: PodPaths(volumes=f"/v/{uid[:8]}", memory=f"/m/{uid[:8]}", hosts=f"/h/{uid[:8]}"),
    sandbox_image="sandbox:1",
    network=NETWORK,
)


def decoded(document: dict[str, Any]) -> Any:
    """The object of a document; fails the test when it has an error."""
    obj, problems = registry.decode(document)
    assert obj is not None, "\n".join(map(str, problems))
    return obj


def pod(spec: str, *, uid: str = UID, grace: int | None = None, **metadata: Any) -> Pod:
    """A pod from the YAML of its spec; `grace` (seconds) makes it one that is being deleted."""
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", **metadata}}
    made: Pod = decoded({**document, "spec": yaml.safe_load(spec)})
    meta = msgspec.structs.replace(made.metadata, uid=uid, generation=1, creation_timestamp=format_time(T0))
    made = msgspec.structs.replace(made, metadata=meta)
    return made if grace is None else deleted(made, grace)


def deleted(which: Pod, grace: int) -> Pod:
    """The pod with a deletion that gives it `grace` seconds."""
    meta = msgspec.structs.replace(
        which.metadata, deletion_timestamp=format_time(T0 + grace), deletion_grace_period_seconds=grace
    )
    return msgspec.structs.replace(which, metadata=meta)


def simple(fields: str = "", **options: Any) -> Pod:
    """A pod with one container "web"; `fields` is more YAML of the container."""
    return pod(f"containers:\n- name: web\n  image: web:1\n{_indented(fields)}", **options)


def config_map(name: str, **data: str) -> ConfigMap:
    made: ConfigMap = decoded({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
    return made


def secret(name: str, **data: str) -> Secret:
    made: Secret = decoded({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})
    return made


def service(name: str, spec: str) -> Service:
    document = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": yaml.safe_load(spec)}
    made: Service = decoded(document)
    return made


def around(*objects: ConfigMap | Secret | Service, **changes: Any) -> Surroundings:
    """The usual surroundings with these objects in the namespace."""
    return replace(
        AROUND,
        config_maps={o.metadata.name: o for o in objects if isinstance(o, ConfigMap)},
        secrets={o.metadata.name: o for o in objects if isinstance(o, Secret)},
        services=tuple(o for o in objects if isinstance(o, Service)),
        **changes,
    )


def seen_sandbox(of: Pod, **facts: Any) -> SeenContainer:
    """The pod's sandbox, running since T0."""
    usual = {"id": "sandbox", "name": SANDBOX_NAME, "uid": of.metadata.uid, "attempt": 0, "digest": pod_identity(of)}
    usual |= {"image": "sandbox:1", "image_id": "sha256:0", "phase": "running", "ip": ADDRESS}
    return SeenContainer(**usual | {"created_at": T0, "started_at": T0} | facts)


def seen(of: Pod, name: str = "web", attempt: int = 0, **facts: Any) -> SeenContainer:
    """A container of the pod, running since a second after its sandbox."""
    spec = spec_of(of, name)
    usual = {"id": f"{name}-{attempt}", "name": name, "uid": of.metadata.uid, "attempt": attempt}
    usual |= {"digest": container_digest(spec) if spec else "?", "image": spec.image if spec else "?"}
    usual |= {
        "image_id": "sha256:1",
        "phase": "running",
        "created_at": T0 + 1,
        "started_at": T0 + 1,
        "joined": "sandbox",
    }
    return SeenContainer(**usual | facts)


def ended(of: Pod, name: str = "web", attempt: int = 0, code: int = 1, at: float = T0 + 60, **facts: Any) -> Any:
    """A container of the pod that has ended."""
    return seen(of, name, attempt, phase="exited", exit_code=code, finished_at=at, **facts)


def spec_of(of: Pod, name: str) -> Container | None:
    return next((c for c in (*of.spec.init_containers, *of.spec.containers) if c.name == name), None)


def observed(of: Pod, *containers: SeenContainer, **facts: Any) -> Observed:
    """The pod with its network, images and hosts file in place, its sandbox up, and these containers."""
    every = (*of.spec.init_containers, *of.spec.containers)
    usual = {
        "network": NETWORK,
        "hosts_ip": ADDRESS,
        "isolated_ip": ADDRESS,
        "images": {c.image: ImageState(present=True) for c in every},
    }
    sandbox = () if any(c.is_sandbox for c in containers) else (seen_sandbox(of),)
    return Observed(containers=(*sandbox, *containers), **usual | facts)


def planned(of: Pod | None, what: Observed, now: float = T0 + 100, **options: Any) -> Plan:
    """The plan, in the usual surroundings unless `around` says others; `former` are earlier pods."""
    return plan(of, options.get("former", {}), what, options.get("around", AROUND), now)


def told(plan_: Plan) -> list[str]:
    """The Events of a plan: "Reason: message"."""
    return [f"{op.event.reason}: {op.event.message}" for op in plan_.ops if op.event is not None]


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.strip("\n").splitlines())
