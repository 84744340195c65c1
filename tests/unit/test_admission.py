"""Which pods of a load are let in, and what stays of those that are not (R04)."""

from pathlib import Path

from msgspec import structs

from orchestrator.admission import Admitted, admitted, wanted_now
from orchestrator.objects import registry
from orchestrator.objects.pod import Pod
from orchestrator.objects.security_levels import Level
from orchestrator.sources.located import Load
from orchestrator.sources.pod_security import with_standards
from orchestrator.sources.rules import Rules, with_rules
from orchestrator.state.journal import Journal
from orchestrator.state.store import Desired, Key, Store, key_of
from tests.loads import load_bytes
from tests.unit.planning.builders import T0
from tests.unit.planning.builders import pod as written

POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  {fields}
  containers: [{{name: a, image: i}}]
---
"""
KEY = Key("Pod", "default", "web")


def pod(fields: str = "hostNetwork: true", name: str = "web", namespace: str = "default") -> str:
    return POD.format(fields=fields, name=name, namespace=namespace)


def namespace(name: str, **labels: str) -> str:
    listed = ", ".join(
        f"pod-security.kubernetes.io/{mode.replace('_', '-')}: {value}" for mode, value in labels.items()
    )
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{{listed}}}}}\n---\n"


def loaded(text: str) -> Load:
    return load_bytes(text.encode(), "f")


def let_in(text: str, floor: Level = "baseline", before: str = "") -> Admitted:
    old = {key_of(s.object): Desired(s.object, s.raw, "before") for s in loaded(before).objects}
    return admitted(loaded(text).objects, Rules(floor), old)


def named(result: Admitted) -> list[str]:
    return [item.object.metadata.name for item in result.wanted]


SAID = 'PodSecurity "baseline:latest": host namespaces (hostNetwork=true)'


def test_R04_a_pod_that_is_new_is_refused_at_its_place() -> None:
    result = let_in(pod() + pod("hostNetwork: false", "other"))
    assert named(result) == ["other"]
    assert [located.text for located in result.problems] == [f"f:5:16: spec.hostNetwork: violates {SAID}"]
    (refused,) = result.refused
    assert (refused.key, refused.reason) == (KEY, f'pods "web" is forbidden: violates {SAID}')


def test_R04_a_pod_that_runs_stays_as_it_is_and_is_told_of() -> None:
    result = let_in(pod(), before=pod())
    assert (named(result), result.refused) == (["web"], ())
    assert result.wanted[0].source == "f:1"
    assert [located.text for located in result.problems] == [f"f:5:16: warning: spec.hostNetwork: would violate {SAID}"]


def test_R04_of_an_edit_that_is_refused_the_version_before_stays() -> None:
    result = let_in(pod("hostNetwork: true\n  hostPID: true"), before=pod())
    (item,) = result.wanted
    assert isinstance(item.object, Pod)
    assert (item.object.spec.host_pid, item.source) == (False, "before")
    assert [refused.key for refused in result.refused] == [KEY]
    mended = let_in(pod("hostNetwork: false"), before=pod())
    assert (named(mended), mended.refused, mended.problems) == (["web"], (), ())


def test_R04_what_an_earlier_daemon_looked_after_counts_as_running(tmp_path: Path) -> None:
    store = Store(Journal(tmp_path / "journal.db"), lambda: T0)
    running = written("hostNetwork: true\ncontainers: [{name: a, image: i}]")
    running = structs.replace(running, spec=structs.replace(running.spec, node_name="host"))
    before = wanted_now(store, [running])
    assert list(before) == [KEY]
    result = admitted(loaded(pod()).objects, Rules("baseline"), before)
    assert (named(result), result.refused) == (["web"], ())
    kept = admitted(loaded(pod("hostPID: true")).objects, Rules("baseline"), before).wanted[0].object
    assert isinstance(kept, Pod)
    assert (kept.metadata.uid, kept.spec.node_name, kept.spec.host_network) == ("", "", True)
    assert registry.encode(kept)["spec"] == before[KEY].raw["spec"]
    going = structs.replace(
        running, metadata=structs.replace(running.metadata, deletion_timestamp="2026-01-01T00:00:00Z")
    )
    assert wanted_now(store, [going]) == {}


def test_R04_the_label_of_a_namespace_and_the_setting_hold_together() -> None:
    text = namespace("tight", enforce="baseline") + namespace("free", enforce="privileged")
    text += pod(namespace="tight") + pod("hostNetwork: false", "ok", "tight") + pod(namespace="free")
    assert named(let_in(text, "privileged")) == ["tight", "free", "ok", "web"]
    assert named(let_in(text, "baseline")) == ["tight", "free", "ok"], "a label does not lift the setting"
    assert named(let_in(text, "restricted")) == ["tight", "free"]


def test_R04_a_label_may_only_warn() -> None:
    text = namespace("default", enforce="baseline", warn="restricted") + pod("securityContext: {runAsNonRoot: true}")
    load = with_standards(loaded(text), "privileged")
    assert [sourced.title for sourced in load.objects] == ["Namespace default", "Pod default/web"]
    assert [problem.problem.message.partition(" (")[0] for problem in load.warnings] == [
        f'would violate PodSecurity "restricted:latest": {rule}'
        for rule in ("allowPrivilegeEscalation != false", "unrestricted capabilities", "seccompProfile")
    ]
    denied = with_standards(loaded(text.replace("{runAsNonRoot: true}", "{}\n  hostIPC: true")), "privileged")
    assert [problem.text for problem in denied.errors] == [
        'f:10:12: spec.hostIPC: violates PodSecurity "baseline:latest": host namespaces (hostIPC=true)'
    ]
    assert not any("hostIPC" in problem.text for problem in denied.warnings), "it is told once"


def test_R04_labels_that_mean_nothing_are_told() -> None:
    text = namespace("a", enforce="strict", audit="baseline", warn_version="v1.20")
    found = [str(problem.problem) for problem in loaded(text).problems]
    assert found[0] == (
        'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": '
        "must be one of privileged, baseline, restricted"
    )
    assert "nobody writes an audit log" in found[1]
    assert "the rules are those of Kubernetes 1.34" in found[2]


# --- kernel settings ---

SYSCTLS = "securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}, {name: vm.swappiness, value: '1'}]}"
UNSAFE = (
    'f:5:38: warning: spec.securityContext.sysctls[0].name: "kernel.msgmax" is set here, but a cluster\'s kubelet '
    "refuses the pod unless its --allowed-unsafe-sysctls names it (and 1 more place)"
)
HOST_S = ": it is the whole host's, so set it on the host"
FORBIDDEN = 'spec.securityContext.sysctls[{}].name: forbidden sysctl: "{}" not allowlisted'


def test_R04_sysctls_that_a_kubelet_refuses_are_told_at_their_place() -> None:
    load = loaded(pod(SYSCTLS) + pod(SYSCTLS, "other"))
    told = [problem.text for problem in with_rules(load, Rules()).problems]
    assert told == [UNSAFE, *(f"f:{line}:73: {FORBIDDEN.format(1, 'vm.swappiness')}{HOST_S}" for line in (5, 12))]
    strict = with_rules(load, Rules(unsafe_sysctls=("kernel.msg*",)))
    assert [problem.text for problem in strict.problems] == told[1:]
    none = with_rules(load, Rules(unsafe_sysctls=()))
    assert none.problems[0].text == f"f:5:38: {FORBIDDEN.format(0, 'kernel.msgmax')}"
    assert none.problems[0].severity == "error"


def test_R04_a_daemon_warns_of_sysctls_and_has_the_pod_fail_by_itself() -> None:
    result = admitted(loaded(pod(SYSCTLS)).objects, Rules(unsafe_sysctls=()), {})
    assert (named(result), result.refused) == (["web"], ())
    assert [located.severity for located in result.problems] == ["warning", "warning"]
    other = admitted(loaded(pod(SYSCTLS)).objects, Rules("baseline"), {})
    assert not any('kernel.msgmax" is set here' in located.text for located in other.problems)


# --- node ports ---

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  ports:
  - {name: a, port: 80}
  - {name: b, port: 81, nodePort: NUMBER}
"""
RANGE = "provided port is not in the valid range. The range of valid ports is"


def node_port_told(number: int, ports: range) -> tuple[list[str], list[str]]:
    """What `validate` says of a Service, and what a daemon says beside its refusal."""
    load, rules = loaded(SERVICE.replace("NUMBER", str(number))), Rules(node_ports=ports)
    told = with_rules(load, rules).problems, admitted(load.objects, rules, {}).problems
    return [problem.text for problem in told[0]], [problem.text for problem in told[1]]


def test_N01_a_node_port_is_judged_by_the_daemon_s_own_range() -> None:
    usual, own = range(30000, 32768), range(8000, 8100)
    place = "f:8:35:"
    assert node_port_told(30080, usual) == ([], [])
    refused = f"{place} spec.ports[1].nodePort: Invalid value: 8080: {RANGE} 30000-32767"
    assert node_port_told(8080, usual) == ([refused], [])
    runs = f"{place} warning: {refused.removeprefix(place + ' ')}: it runs here, but a cluster refuses it"
    assert node_port_told(8080, own) == ([runs], [runs])
    assert node_port_told(30080, own) == (
        [f"{place} spec.ports[1].nodePort: Invalid value: 30080: {RANGE} 8000-8099"],
        [],
    )


def test_N01_a_node_port_that_two_services_name_is_told_of_the_later_one() -> None:
    two = SERVICE.replace("NUMBER", "30080")
    load = loaded(two + "---\n" + two.replace("name: web", "name: other"))
    assert [problem.text for problem in with_rules(load, Rules()).problems] == [
        "f:17:35: spec.ports[1].nodePort: Invalid value: 30080: provided port is already allocated, "
        "to Service default/web at f:1"
    ]
    outside = with_rules(load, Rules(node_ports=range(8000, 8100))).problems
    assert [RANGE in problem.text for problem in outside] == [True, True]
    udp = two.replace("name: web", "name: other").replace("port: 81,", "port: 81, protocol: UDP,")
    assert with_rules(loaded(two + "---\n" + udp), Rules()).problems == ()
