"""From a spec to what the engine is asked to make: sandbox and containers (E05, V05, N06, R02, R04)."""

from dataclasses import replace

import pytest

from orchestrator.planning.container import Joined, container_config, sandbox_config
from orchestrator.planning.errors import ConfigError
from orchestrator.planning.runtime_config import ContainerConfig, Mount, PortBinding
from orchestrator.planning.surroundings import Surroundings
from tests.unit.planning.builders import ADDRESS, AROUND, UID, pod, simple


def made(fields: str = "", spec: str = "") -> ContainerConfig:
    """The container "web" with these fields, in a pod with this much more of a spec."""
    container = simple(fields).spec.containers[0]
    of = pod(f'{spec}\ncontainers: [{{name: web, image: "web:1"}}]')
    return container_config(of, container, 3, AROUND, Joined("sandbox-id", ADDRESS), "container")


def sandbox(spec: str = "", fields: str = "") -> ContainerConfig:
    lines = "".join(f"  {line}\n" for line in fields.splitlines())
    return sandbox_config(pod(f"{spec}\ncontainers:\n- name: web\n  image: web:1\n{lines}"), 0, AROUND)


def test_every_container_bears_our_labels_and_a_name_that_says_the_same() -> None:
    config = made()
    assert config.name == "orchestrator_default_web_web_1a2b3c4d_3"
    labels = {name.removeprefix("orchestrator.dev/"): value for name, value in config.labels.items()}
    assert {name: labels[name] for name in ("instance", "namespace", "pod", "uid", "container", "attempt", "role")} == {
        "instance": "default",
        "namespace": "default",
        "pod": "web",
        "uid": UID,
        "container": "web",
        "attempt": "3",
        "role": "container",
    }


@pytest.mark.parametrize(
    ("spec", "network", "ipc", "pid"),
    [
        ("", "container:sandbox-id", "container:sandbox-id", ""),
        ("shareProcessNamespace: true", "container:sandbox-id", "container:sandbox-id", "container:sandbox-id"),
        ("hostNetwork: true", "container:sandbox-id", "container:sandbox-id", ""),
        ("hostIPC: true", "container:sandbox-id", "host", ""),
        ("hostPID: true", "container:sandbox-id", "container:sandbox-id", "host"),
    ],
)
def test_N06_a_container_joins_what_its_pod_shares(spec: str, network: str, ipc: str, pid: str) -> None:
    config = made(spec=spec)
    assert (config.network, config.ipc_mode, config.pid_mode) == (network, ipc, pid)


@pytest.mark.parametrize(
    ("fields", "facts"),
    [
        ("", {"entrypoint": None, "command": None, "memory_bytes": 0, "cpu_quota": 0, "cpu_shares": 2, "user": ""}),
        ("command: [a, b]\nargs: [c]", {"entrypoint": ("a", "b"), "command": ("c",)}),
        ("workingDir: /srv\ntty: true\nstdin: true", {"working_dir": "/srv", "tty": True, "stdin_open": True}),
        (
            "resources: {limits: {cpu: 500m, memory: 64Mi}}",
            {"cpu_quota": 50_000, "memory_bytes": 64 << 20, "cpu_shares": 512},
        ),
        ("resources: {requests: {cpu: 250m}}", {"cpu_quota": 0, "cpu_shares": 256}),
        ("resources: {requests: {cpu: 1m}}", {"cpu_shares": 2}),
        ("resources: {limits: {cpu: 1m}, requests: {cpu: 0}}", {"cpu_quota": 1000, "cpu_shares": 2}),
        ("resources: {limits: {nvidia.com/gpu: 2}}", {"gpus": 2}),
        ("securityContext: {runAsUser: 1000}", {"user": "1000"}),
        ("securityContext: {runAsUser: 1000, runAsGroup: 50}", {"user": "1000:50"}),
        (
            "securityContext: {capabilities: {add: [NET_ADMIN], drop: [ALL]}, readOnlyRootFilesystem: true}",
            {"cap_add": ("NET_ADMIN",), "cap_drop": ("ALL",), "read_only_root": True},
        ),
        ("securityContext: {allowPrivilegeEscalation: false}", {"security_opt": ("no-new-privileges",)}),
        ("securityContext: {privileged: true}", {"privileged": True}),
    ],
)
def test_a_containers_own_fields(fields: str, facts: dict[str, object]) -> None:
    config = made(fields)
    assert {name: getattr(config, name) for name in facts} == facts


def test_R04_a_container_wins_over_its_pod() -> None:
    spec = "securityContext: {runAsUser: 5, runAsGroup: 6, supplementalGroups: [7, 8]}"
    assert (made(spec=spec).user, made(spec=spec).groups) == ("5:6", ("7", "8"))
    assert made("securityContext: {runAsUser: 9}", spec).user == "9:6"


VOLUMES = """
volumes:
- {name: scratch, emptyDir: {}}
- {name: settings, configMap: {name: settings}}
- {name: keys, secret: {secretName: keys}}
- {name: host, hostPath: {path: /srv}}
"""


def mounts(fields: str, spec: str = VOLUMES, around: Surroundings = AROUND) -> list[Mount]:
    of = pod(f"{spec}\ncontainers: [{{name: web, image: 'web:1', {fields}}}]")
    config = container_config(of, of.spec.containers[0], 0, around, Joined("sandbox-id", ADDRESS), "container")
    wanted = {mount.mount_path for mount in of.spec.containers[0].volume_mounts}
    return [mount for mount in config.mounts if mount.target in wanted]


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        ("name: scratch", Mount("/x", "/v/1a2b3c4d/scratch")),
        ("name: scratch, readOnly: true", Mount("/x", "/v/1a2b3c4d/scratch", read_only=True)),
        ("name: scratch, subPath: a/b", Mount("/x", "/v/1a2b3c4d/scratch/a/b")),
        ("name: settings", Mount("/x", "/v/1a2b3c4d/settings", read_only=True)),
        ("name: keys", Mount("/x", "/m/1a2b3c4d/keys", read_only=True)),
        ("name: host, mountPropagation: HostToContainer", Mount("/x", "/srv", propagation="rslave")),
    ],
)
def test_V05_mounts(mount: str, expected: Mount) -> None:
    assert mounts(f"volumeMounts: [{{mountPath: /x, {mount}}}]") == [expected]


@pytest.mark.parametrize(
    ("asked", "old", "new"),
    [
        ("readOnly: true", None, False),
        ("readOnly: true, recursiveReadOnly: Disabled", None, False),
        ("readOnly: true, recursiveReadOnly: IfPossible", None, True),
        ("readOnly: false", None, None),
    ],
)
def test_V05_recursive_read_only_is_what_the_engine_can_do(asked: str, old: bool | None, new: bool | None) -> None:
    able = replace(AROUND, node=replace(AROUND.node, recursive_read_only=True))
    fields = f"volumeMounts: [{{mountPath: /x, name: scratch, {asked}}}]"
    assert [mounts(fields, around=around)[0].read_only_below for around in (AROUND, able)] == [old, new]
    must = fields.replace("IfPossible", "Enabled")
    if must != fields:
        with pytest.raises(ConfigError, match='volume "scratch" requested recursive read-only mode, but it is not'):
            mounts(must)
        assert mounts(must, around=able)[0].read_only_below


def test_V05_a_subPath_is_mounted_from_where_it_is_bound() -> None:
    around = replace(AROUND, binds_sub_paths=True)
    both = "volumeMounts: [{name: scratch, mountPath: /x}, {name: scratch, mountPath: /y, subPath: a/b}]"
    assert [mount.source for mount in mounts(both, around=around)] == [
        "/v/1a2b3c4d/scratch",
        "/m/1a2b3c4d/.subpaths/web/1",
    ]


def test_V05_a_subPathExpr_is_expanded_from_the_environment() -> None:
    env = "env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]"
    found = mounts(f'{env}, volumeMounts: [{{name: scratch, mountPath: /x, subPathExpr: "logs/$(NAME)"}}]')
    assert found == [Mount("/x", "/v/1a2b3c4d/scratch/logs/web")]


@pytest.mark.parametrize(
    ("fields", "spec", "there"),
    [
        ("", "", True),
        ("", "hostNetwork: true", False),
        ("volumeMounts: [{name: own, mountPath: /etc/hosts}]", "volumes: [{name: own}]", False),
    ],
)
def test_the_hosts_file_is_mounted_unless_the_pod_has_another(fields: str, spec: str, there: bool) -> None:
    of = pod(f"{spec}\ncontainers: [{{name: web, image: 'web:1', {fields}}}]")
    config = container_config(of, of.spec.containers[0], 0, AROUND, Joined("sandbox-id", ADDRESS), "container")
    assert (Mount("/etc/hosts", "/h/1a2b3c4d") in config.mounts) == there


# --- the sandbox ---


def test_the_sandbox_owns_address_and_name() -> None:
    config = sandbox()
    assert (config.network, config.hostname, config.ipc_mode, config.init) == (
        "orchestrator_default",
        "web",
        "shareable",
        True,
    )


@pytest.mark.parametrize(
    ("spec", "hostname"),
    [
        ("hostname: other", "other"),
        ("hostname: other\nsubdomain: sub", "other"),
        ("subdomain: sub\nsetHostnameAsFQDN: true", "web.sub.default.svc.cluster.local"),
        ("setHostnameAsFQDN: true", "web"),
        ("hostNetwork: true", ""),
    ],
)
def test_E05_host_names(spec: str, hostname: str) -> None:
    assert sandbox(spec).hostname == hostname


def test_E05_a_long_name_is_cut_as_the_kernel_wants_it() -> None:
    of = pod('containers: [{name: web, image: "web:1"}]', name=f"{'a' * 62}-b")
    assert sandbox_config(of, 0, AROUND).hostname == "a" * 62


def test_N06_host_ports_are_the_sandboxs() -> None:
    fields = "ports:\n- {containerPort: 80, hostPort: 8080}\n- {containerPort: 53, hostPort: 53, protocol: UDP}"
    assert sandbox("", f"{fields}\n- {{containerPort: 90}}").ports == (
        PortBinding(80, 8080, "tcp"),
        PortBinding(53, 53, "udp"),
    )
    assert sandbox("hostNetwork: true", "ports: [{containerPort: 80}]").ports == ()


def test_no_value_of_the_environment_is_shown() -> None:
    assert "hunter2" not in repr(made("env: [{name: PASSWORD, value: hunter2}]"))
