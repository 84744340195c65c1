"""The Pod Security Standards of Kubernetes 1.34: each published rule with a pod that keeps it and one that does not."""

from typing import Any

import pytest

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_security import at_level, sentence, violations
from orchestrator.objects.pod_security.baseline import BASELINE
from orchestrator.objects.pod_security.restricted import RESTRICTED
from orchestrator.objects.problem import path_text
from orchestrator.objects.security_levels import LEVELS, Level, stricter
from tests.unit.planning.builders import pod

HARD = "allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}"
SAFE = "{runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}"


def made(own: str = "", spec: str = "", context: str = "{}", container: str = "", **metadata: Any) -> Pod:
    """A pod of two containers; `own` is the security context of the second, whose name is "b"."""
    return pod(
        f"securityContext: {context}\n{spec}\ncontainers:\n- {{name: a, image: i, securityContext: {{{HARD}}}}}\n"
        f"- {{name: b, image: i, securityContext: {{{own}}}, {container}}}",
        **metadata,
    )


ARMOR = "container.apparmor.security.beta.kubernetes.io/b"
SYSCTLS = "{sysctls: [{name: kernel.shm_rmid_forced, value: '1'}, {name: net.ipv4.tcp_wmem, value: '1'}%s]}"
VOLUMES = "volumes: [{name: c, configMap: {name: c}}, {name: e, emptyDir: {}}, {name: s, csi: {driver: d}}%s]"

# rule, a pod that keeps it, a pod that breaks it, what is said, and where
BASELINE_RULES: list[tuple[str, Pod, Pod, str, str]] = [
    (
        "hostProcess",
        made("windowsOptions: {hostProcess: false}"),
        made("windowsOptions: {hostProcess: true}", context="{windowsOptions: {hostProcess: true}}"),
        'hostProcess (pod and container "b" must not set securityContext.windowsOptions.hostProcess=true)',
        "spec.securityContext.windowsOptions.hostProcess",
    ),
    (
        "host namespaces",
        made(spec="hostNetwork: false\nhostPID: false"),
        made(spec="hostNetwork: true\nhostPID: true\nhostIPC: true"),
        "host namespaces (hostIPC=true, hostNetwork=true, hostPID=true)",
        "spec.hostIPC",
    ),
    (
        "privileged",
        made("privileged: false"),
        made("privileged: true"),
        'privileged (container "b" must not set securityContext.privileged=true)',
        "spec.containers[1].securityContext.privileged",
    ),
    (
        "capabilities",
        made("capabilities: {add: [NET_BIND_SERVICE, CHOWN]}"),
        made("capabilities: {add: [SYS_TIME, CHOWN, NET_RAW]}"),
        'non-default capabilities (container "b" must not include "NET_RAW", "SYS_TIME" in '
        "securityContext.capabilities.add)",
        "spec.containers[1].securityContext.capabilities.add",
    ),
    (
        "hostPath volumes",
        made(spec=VOLUMES % ""),
        made(spec=VOLUMES % ", {name: h, hostPath: {path: /}}, {name: g, hostPath: {path: /}}"),
        'hostPath volumes (volumes "h", "g")',
        "spec.volumes[3].hostPath",
    ),
    (
        "host ports",
        made(container="ports: [{containerPort: 80}]"),
        made(
            container="ports: [{containerPort: 8}, {containerPort: 8, hostPort: 8081}, {containerPort: 8, hostPort: 9}]"
        ),
        'hostPort (container "b" uses hostPorts 8081, 9)',
        "spec.containers[1].ports[1].hostPort",
    ),
    (
        "probe hosts",
        made(container="livenessProbe: {httpGet: {port: 80}}"),
        made(
            container="readinessProbe: {tcpSocket: {port: 80, host: h}}, "
            "lifecycle: {preStop: {httpGet: {port: 1, host: g}}}"
        ),
        'probe or lifecycle host (container "b" uses probe or lifecycle hosts "g", "h")',
        "spec.containers[1].readinessProbe.tcpSocket.host",
    ),
    (
        "AppArmor",
        made("appArmorProfile: {type: Localhost, localhostProfile: p}", annotations={ARMOR: "localhost/p"}),
        made("appArmorProfile: {type: Unconfined}"),
        'forbidden AppArmor profile (container "b" must not set AppArmor profile type to "Unconfined")',
        "spec.containers[1].securityContext.appArmorProfile.type",
    ),
    (
        "AppArmor by its old annotation",
        made(annotations={ARMOR: "runtime/default"}),
        made(annotations={ARMOR: "unconfined"}),
        f'forbidden AppArmor profile (annotation must not set AppArmor profile type to "{ARMOR}="unconfined"")',
        f"metadata.annotations[{ARMOR}]",
    ),
    (
        "SELinux",
        made("seLinuxOptions: {type: container_t, level: s0}"),
        made("seLinuxOptions: {type: spc_t}", context="{seLinuxOptions: {user: u, role: r}}"),
        'seLinuxOptions (pod and container "b" set forbidden securityContext.seLinuxOptions: type "spc_t"; '
        "user may not be set; role may not be set)",
        "spec.securityContext.seLinuxOptions.user",
    ),
    (
        "/proc",
        made("procMount: Default"),
        made("procMount: Unmasked", spec="hostUsers: false"),
        'procMount (container "b" must not set securityContext.procMount to "Unmasked")',
        "spec.containers[1].securityContext.procMount",
    ),
    (
        "seccomp",
        made("seccompProfile: {type: Localhost, localhostProfile: p}"),
        made("seccompProfile: {type: Unconfined}", context="{seccompProfile: {type: Unconfined}}"),
        'seccompProfile (pod and container "b" must not set securityContext.seccompProfile.type to "Unconfined")',
        "spec.securityContext.seccompProfile.type",
    ),
    (
        "sysctls",
        made(context=SYSCTLS % ""),
        made(context=SYSCTLS % ", {name: kernel.msgmax, value: '1'}"),
        "forbidden sysctls (kernel.msgmax)",
        "spec.securityContext.sysctls[2].name",
    ),
]
RESTRICTED_RULES: list[tuple[str, Pod, Pod, str, str]] = [
    (
        "volume types",
        made(HARD, VOLUMES % "", SAFE),
        made(HARD, VOLUMES % ", {name: h, hostPath: {path: /}}, {name: n, nfs: {path: /, server: s}}", SAFE),
        'restricted volume types (volumes "h", "n" use restricted volume types "hostPath", "nfs")',
        "spec.volumes[3].hostPath",
    ),
    (
        "privilege escalation",
        made(HARD, context=SAFE),
        made("capabilities: {drop: [ALL]}", context=SAFE),
        'allowPrivilegeEscalation != false (container "b" must set securityContext.allowPrivilegeEscalation=false)',
        "spec.containers[1].securityContext.allowPrivilegeEscalation",
    ),
    (
        "running as non-root",
        made(f"{HARD}, runAsNonRoot: true", context=SAFE),
        made(f"{HARD}, runAsNonRoot: false", context=SAFE),
        'runAsNonRoot != true (container "b" must not set securityContext.runAsNonRoot=false)',
        "spec.containers[1].securityContext.runAsNonRoot",
    ),
    (
        "running as non-root, left open",
        made(HARD, context=SAFE),
        made(f"{HARD}, runAsNonRoot: true", context="{seccompProfile: {type: RuntimeDefault}}"),
        'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
        "spec.securityContext.runAsNonRoot",
    ),
    (
        "root's number",
        made(f"{HARD}, runAsUser: 1", context=SAFE),
        made(f"{HARD}, runAsUser: 0", context=SAFE),
        'runAsUser=0 (container "b" must not set runAsUser=0)',
        "spec.containers[1].securityContext.runAsUser",
    ),
    (
        "seccomp, left open",
        made(HARD, context=SAFE),
        made(f"{HARD}, seccompProfile: {{type: RuntimeDefault}}", context="{runAsNonRoot: true}"),
        'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
        '"Localhost")',
        "spec.securityContext.seccompProfile",
    ),
    (
        "seccomp, switched off",
        made(HARD, context=SAFE),
        made(f"{HARD}, seccompProfile: {{type: Unconfined}}", context=SAFE),
        'seccompProfile (container "b" must not set securityContext.seccompProfile.type to "Unconfined")',
        "spec.containers[1].securityContext.seccompProfile.type",
    ),
    (
        "capabilities",
        made("allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}", context=SAFE),
        made("allowPrivilegeEscalation: false, capabilities: {drop: [NET_RAW], add: [CHOWN]}", context=SAFE),
        'unrestricted capabilities (container "b" must set securityContext.capabilities.drop=["ALL"]; container "b" '
        'must not include "CHOWN" in securityContext.capabilities.add)',
        "spec.containers[1].securityContext.capabilities.drop",
    ),
]


@pytest.mark.parametrize(
    ("level", "row"),
    [("baseline", row) for row in BASELINE_RULES] + [("restricted", row) for row in RESTRICTED_RULES],
    ids=lambda x: x if isinstance(x, str) else x[0],
)
def test_R04_each_published_rule(level: Level, row: tuple[str, Pod, Pod, str, str]) -> None:
    _, keeps, breaks, said, place = row
    assert at_level(violations(keeps), level) == ()
    (found,) = at_level(violations(breaks), level)
    assert found.text == said
    assert path_text(found.path) == place
    assert at_level(violations(breaks), "privileged") == ()


def test_R04_every_rule_is_shown() -> None:
    broken = {found.rule for row in (*BASELINE_RULES, *RESTRICTED_RULES) for found in violations(row[2])}
    assert broken == {rule.id for rule in (*BASELINE, *RESTRICTED)}
    rows = {found.rule: found.level for row in (*BASELINE_RULES, *RESTRICTED_RULES) for found in violations(row[2])}
    assert set(rows.values()) == {"baseline", "restricted"}


def test_R04_init_containers_are_containers() -> None:
    of = pod(
        "containers: [{name: a, image: i}]\ninitContainers: [{name: z, image: i, securityContext: {privileged: true}}]"
    )
    (found,) = at_level(violations(of), "baseline")
    assert found.detail == 'container "z" must not set securityContext.privileged=true'
    assert path_text(found.path) == "spec.initContainers[0].securityContext.privileged"


def test_R04_restricted_is_baseline_and_more_in_the_api_server_s_order() -> None:
    of = made("privileged: true", "hostNetwork: true\nvolumes: [{name: h, hostPath: {path: /}}]")
    found = at_level(violations(of), "restricted")
    assert [each.reason for each in found] == [
        "host namespaces",
        "privileged",
        "allowPrivilegeEscalation != false",
        "unrestricted capabilities",
        "restricted volume types",
        "runAsNonRoot != true",
        "seccompProfile",
    ]
    assert sentence(found[:2], "restricted") == (
        'violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true), '
        'privileged (container "b" must not set securityContext.privileged=true)'
    )


@pytest.mark.parametrize(
    "spec",
    ["os: {name: windows}", "hostUsers: false"],
)
def test_R04_what_has_no_effect_here_excuses_nothing(spec: str) -> None:
    assert at_level(violations(made(HARD, spec)), "restricted")


def test_the_stricter_of_two_levels() -> None:
    assert [stricter("baseline", level) for level in LEVELS] == ["baseline", "baseline", "restricted"]
