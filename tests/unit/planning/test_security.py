"""What confines a container, and what a host does not run at all (R04)."""

from dataclasses import replace

import pytest
from msgspec import structs

from orchestrator.objects.pod import Pod
from orchestrator.objects.sysctls import dotted
from orchestrator.planning.container import Joined, container_config, sandbox_config
from orchestrator.planning.observed import Observed
from orchestrator.planning.rejection import rejection
from orchestrator.planning.runtime_config import ContainerConfig
from orchestrator.planning.status import pod_status
from orchestrator.planning.surroundings import Surroundings
from orchestrator.planning.sysctls import allowed_of, pattern_problem
from tests.unit.planning.builders import ADDRESS, AROUND, T0, observed, planned, pod, seen, told

ARMED = replace(AROUND, node=replace(AROUND.node, app_armor=True), seccomp_profiles="/state/seccomp")


def config(own: str, whole: str = "{}", around: Surroundings = ARMED) -> ContainerConfig:
    of = pod(f"securityContext: {whole}\ncontainers: [{{name: web, image: 'web:1', securityContext: {own}}}]")
    return container_config(of, of.spec.containers[0], 0, around, Joined("sandbox-id", ADDRESS), "container")


@pytest.mark.parametrize(
    ("own", "whole", "expected"),
    [
        ("{}", "{}", ()),
        ("{}", "{seccompProfile: {type: RuntimeDefault}}", ()),
        ("{}", "{seccompProfile: {type: Unconfined}}", ("seccomp=unconfined",)),
        ("{seccompProfile: {type: RuntimeDefault}}", "{seccompProfile: {type: Unconfined}}", ()),
        ("{privileged: true}", "{appArmorProfile: {type: Localhost, localhostProfile: mine}}", ()),
        ("{appArmorProfile: {type: Unconfined}}", "{}", ("apparmor=unconfined",)),
        ("{}", "{appArmorProfile: {type: Localhost, localhostProfile: mine}}", ("apparmor=mine",)),
        ("{appArmorProfile: {type: RuntimeDefault}}", "{appArmorProfile: {type: Unconfined}}", ()),
        ("{seLinuxOptions: {level: 's0:c1,c2', type: t}}", "{}", ("label=type:t", "label=level:s0:c1,c2")),
        ("{}", "{seLinuxOptions: {user: u, role: r}}", ("label=user:u", "label=role:r")),
        ("{allowPrivilegeEscalation: false}", "{}", ("no-new-privileges",)),
    ],
)
def test_R04_a_container_is_confined_as_it_says_or_its_pod(own: str, whole: str, expected: tuple[str, ...]) -> None:
    assert config(own, whole).security_opt == expected


def test_R04_without_app_armor_nothing_asks_the_engine_for_it() -> None:
    assert config("{appArmorProfile: {type: Unconfined}}", around=AROUND).security_opt == ()


def test_R04_a_profile_of_the_host_lies_in_the_folder_of_profiles() -> None:
    local = "{seccompProfile: {type: Localhost, localhostProfile: a/b.json}}"
    assert config("{}", local).seccomp_file == "/state/seccomp/a/b.json"
    assert config(local, "{seccompProfile: {type: Unconfined}}").security_opt == ()
    assert config("{privileged: true}", local).seccomp_file == ""


def test_R04_proc_is_unmasked_where_it_says_so() -> None:
    spec = "hostUsers: false\ncontainers: [{name: web, image: w, securityContext: {procMount: %s}}]"
    for value, expected in (("Unmasked", True), ("Default", False)):
        of = pod(spec % value)
        made = container_config(of, of.spec.containers[0], 0, AROUND, Joined("s", ADDRESS), "container")
        assert made.unmasked_proc is expected


# --- what is not run ---


def with_sysctls(*names: str) -> Pod:
    listed = ", ".join(f"{{name: {name}, value: '1'}}" for name in names)
    return pod(f"securityContext: {{sysctls: [{listed}]}}\ncontainers: [{{name: web, image: w}}]")


@pytest.mark.parametrize(
    ("names", "allowed", "problem"),
    [
        (("kernel.shm_rmid_forced", "net/ipv4/tcp_rmem"), (), ""),
        (("net.core.somaxconn",), (), '"net.core.somaxconn" not allowlisted'),
        (("net.core.somaxconn",), ("net.core.*",), ""),
        (("net/core/somaxconn",), ("net/core/*",), ""),
        (("kernel.msgmax", "kernel.msgmnb"), ("kernel.msgmax",), '"kernel.msgmnb" not allowlisted'),
        (("net/ipv4/conf/eth0.1/arp_filter",), ("net.ipv4.conf.*",), ""),
        (("kernel.semaphore",), None, '"kernel.semaphore" not allowlisted'),
        (("net.core.somaxconn", "kernel.sem", "kernel/msgmax", "fs.mqueue.msg_max"), None, ""),
        (("kernel.msgmax", "vm.swappiness"), None, '"vm.swappiness" not allowlisted'),
    ],
)
def test_R04_a_pod_with_a_sysctl_that_is_not_allowed_is_rejected(
    names: tuple[str, ...], allowed: tuple[str, ...] | None, problem: str
) -> None:
    found = rejection(with_sysctls(*names), replace(AROUND, allowed_unsafe_sysctls=allowed))
    assert (found.message if found else "") == (f"forbidden sysctl: {problem}" if problem else "")


SHARING = (
    ("host_network", ("kernel/msgmax", "net/ipv4/tcp_rmem"), "net.ipv4.tcp_rmem", "Net", "network"),
    ("host_ipc", ("net.core.somaxconn", "kernel.shm_rmid_forced"), "kernel.shm_rmid_forced", "IPC", "memory"),
)


@pytest.mark.parametrize(("field", "names", "shared", "space", "what"), SHARING)
def test_R04_what_a_pod_shares_with_the_host_is_not_set_and_told(
    field: str, names: tuple[str, ...], shared: str, space: str, what: str
) -> None:
    of = with_sysctls(*names)
    of = structs.replace(of, spec=structs.replace(of.spec, **{field: True}))
    assert rejection(of, AROUND) is None
    assert list(sandbox_config(of, 0, AROUND).sysctls) == [dotted(names[0])]
    (event,) = told(planned(of, Observed()))
    assert event.startswith(f"SysctlNotSet: {shared} is not set: the pod shares the host's {what}")
    strict = rejection(of, replace(AROUND, allowed_unsafe_sysctls=("net.*", "kernel.*")))
    assert strict is not None
    assert strict.message == f'forbidden sysctl: "{shared}" not allowed with host {space} enabled'


@pytest.mark.parametrize(
    ("setting", "allowed"), [("any", None), ("none", ()), ("", ()), ("net.*,kernel.msgmax", ("net.*", "kernel.msgmax"))]
)
def test_R04_what_the_setting_allows(setting: str, allowed: tuple[str, ...] | None) -> None:
    assert allowed_of(setting) == allowed


@pytest.mark.parametrize(
    "pattern", ["net.core.*", "kernel.msg*", "kernel.sem", "net/ipv4/conf/eth0.1/*", "fs.mqueue.*"]
)
def test_R04_patterns_of_namespaced_settings_may_be_allowed(pattern: str) -> None:
    assert pattern_problem(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [("*", "is no sysctl"), ("net..core", "is no sysctl"), ("vm.swappiness", "not known"), ("kernel.*", "not known")],
)
def test_R04_what_is_of_the_whole_host_may_not(pattern: str, problem: str) -> None:
    assert problem in pattern_problem(pattern)


@pytest.mark.parametrize(
    ("fields", "rejected"),
    [
        ("securityContext: {appArmorProfile: {type: RuntimeDefault}}", True),
        ("securityContext: {appArmorProfile: {type: Unconfined}}", False),
        ("securityContext: {privileged: true, appArmorProfile: {type: RuntimeDefault}}", False),
        ("tty: true", False),
    ],
)
def test_R04_app_armor_is_asked_for_where_there_is_none(fields: str, rejected: bool) -> None:
    of = pod(f"containers: [{{name: web, image: w}}]\ninitContainers:\n- name: first\n  image: v\n  {fields}")
    found = rejection(of, AROUND)
    assert (found is not None) is rejected
    assert found is None or found.message == "Cannot enforce AppArmor: AppArmor is not enabled on the host"
    assert rejection(of, ARMED) is None


def test_R04_a_rejected_pod_is_failed_told_once_and_nothing_of_it_is_made() -> None:
    of, nothing = with_sysctls("kernel.msgmax"), Observed()
    strict = replace(AROUND, allowed_unsafe_sysctls=())
    first = planned(of, nothing, around=strict)
    assert told(first) == ['SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted']
    status = pod_status(of, nothing, first, strict, T0)
    assert (status.phase, status.reason) == ("Failed", "SysctlForbidden")
    assert status.message == 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted'
    failed = structs.replace(of, status=status)
    allowed = replace(AROUND, allowed_unsafe_sysctls=("kernel.msgmax",))
    again = planned(failed, nothing, around=allowed)
    assert str(again) == "nothing", "it is Failed for good, as with a kubelet"
    assert pod_status(failed, nothing, again, allowed, T0) == status


def test_R04_what_runs_is_not_rejected_afterwards() -> None:
    of = with_sysctls("kernel.msgmax")
    running, strict = observed(of, seen(of)), replace(AROUND, allowed_unsafe_sysctls=())
    assert planned(of, running, around=strict).rejected is None
    dead = replace(running, containers=tuple(c for c in running.containers if not c.is_sandbox))
    assert planned(of, dead, around=strict).rejected is None
