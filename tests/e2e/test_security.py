"""What a container may do, and what a host refuses to run (R04, R05)."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.e2e.daemon import Daemon, Document
from tests.e2e.host import docker
from tests.e2e.pod_status import is_ready, waiting_reason
from tests.e2e.pods import FOR_EVER, container, pod, text

NO_MKDIR = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}],
}
SHOWN = """exec 2>&1
for f in Seccomp NoNewPrivs; do grep ^$f: /proc/self/status | cut -f 2; done; mkdir /tmp/made && echo made
"""


def once(name: str, *containers: Document, **spec: object) -> Document:
    return pod(name, *containers, restartPolicy="Never", **spec)


def said(daemon: Daemon, name: str, which: str = "main") -> list[str]:
    """The lines that a container of a finished pod has printed."""
    daemon.wait_pod(name, lambda p: p["status"]["phase"] in ("Succeeded", "Failed"))
    return daemon.logs(name, "-c", which).splitlines()


def localhost(profile: str) -> Document:
    return {"seccompProfile": {"type": "Localhost", "localhostProfile": profile}}


def test_R04_system_calls_are_filtered_as_the_profile_says(daemon: Daemon) -> None:
    profiles = daemon.home / "state" / "seccomp" / "own"
    profiles.mkdir(parents=True, exist_ok=True)
    (profiles / "no-mkdir.json").write_text(json.dumps(NO_MKDIR))
    contexts: dict[str, Document] = {
        "pods": {},
        "none": {"seccompProfile": {"type": "Unconfined"}},
        "own": localhost("own/no-mkdir.json"),
        "strict": {"allowPrivilegeEscalation": False},
    }
    made = [container(SHOWN, name, securityContext=context) for name, context in contexts.items()]
    late = container("echo started", securityContext=localhost("own/late.json"))
    default = {"seccompProfile": {"type": "RuntimeDefault"}}
    daemon.write(text(once("r04-seccomp", *made, securityContext=default), once("r04-late", late)))
    found = {name: said(daemon, "r04-seccomp", name) for name in contexts}
    refused = "mkdir: can't create directory '/tmp/made': Operation not permitted"
    assert found == {
        "pods": ["2", "0", "made"],
        "none": ["0", "0", "made"],
        "own": ["2", "0", refused],
        "strict": ["2", "1", "made"],
    }
    daemon.wait_pod("r04-late", lambda p: waiting_reason(p) == "CreateContainerError")
    file = profiles / "late.json"
    daemon.wait_event("r04-late", "Failed", text=f'cannot load seccomp profile "{file}": no such file or directory')
    file.write_text(json.dumps(NO_MKDIR))
    assert said(daemon, "r04-late") == ["started"]


def test_R04_rights_end_where_the_context_says(daemon: Daemon) -> None:
    """A setuid program gains nothing without privilege escalation; who may mount, write and see, and who may not."""
    copied = container("cp /bin/busybox /tools/su && chmod 4755 /tools/su", "copy")
    asks = "/tools/su root -c true </dev/null 2>&1 | grep -c 'must be suid'; true"
    mount = "mount -t tmpfs none /tmp 2>/dev/null && echo mounted; touch /here 2>/dev/null && echo wrote; id -u"
    masked = "grep -c ' /proc/.* ro,\\| /proc/kcore ' /proc/self/mounts"
    tools: Document = {"volumeMounts": [{"name": "tools", "mountPath": "/tools"}]}
    copied |= tools
    contexts: dict[str, tuple[str, Document]] = {
        "gains": (asks, {"runAsUser": 1000}),
        "stays": (asks, {"runAsUser": 1000, "allowPrivilegeEscalation": False}),
        "usual": (mount, {}),
        "privileged": (mount, {"privileged": True}),
        "unprivileged": (mount, {"privileged": False, "readOnlyRootFilesystem": True}),
        "writable": (mount, {"readOnlyRootFilesystem": False}),
        "nobody": (mount, {"runAsUser": 65534}),
        "masked": (masked, {}),
        "unmasked": (masked, {"procMount": "Unmasked"}),
    }
    made = [container(script, name, securityContext=own, **tools) for name, (script, own) in contexts.items()]
    volumes = [{"name": "tools", "emptyDir": {}}]
    daemon.write(text(once("r04-rights", *made, initContainers=[copied], volumes=volumes, hostUsers=False)))
    found = {name: said(daemon, "r04-rights", name) for name in contexts}
    assert found.pop("masked") != ["0"]
    assert found.pop("unmasked") == ["0"]
    assert found == {
        "gains": ["0"],
        "stays": ["1"],
        "usual": ["wrote", "0"],
        "privileged": ["mounted", "wrote", "0"],
        "unprivileged": ["0"],
        "writable": ["wrote", "0"],
        "nobody": ["65534"],
    }


def wanting(name: str, sysctls: Mapping[str, str], **fields: object) -> Document:
    listed = [{"name": key, "value": value} for key, value in sysctls.items()]
    return pod(name, FOR_EVER, securityContext={"sysctls": listed}, **fields)


def test_R04_every_sysctl_of_a_pod_s_own_is_set_and_none_of_the_host_s(daemon: Daemon) -> None:
    """As docker and podman have it; what a cluster would refuse is told, and what would change the host is left."""
    own = {"net/core/somaxconn": "321", "kernel.msgmax": "9000", "fs.mqueue.msg_max": "12"}
    somaxconn = Path("/proc/sys/net/core/somaxconn").read_text()
    shared = {"net.core.somaxconn": "321", "kernel.msgmax": "9000"}
    host = {"vm.swappiness": "1", "kernel.msgmax": "9000"}
    daemon.write(
        text(wanting("r04-own", own), wanting("r04-shared", shared, hostNetwork=True), wanting("r04-host", host))
    )
    files = ("/proc/sys/net/core/somaxconn", "/proc/sys/kernel/msgmax", "/proc/sys/fs/mqueue/msg_max")
    daemon.wait_ready("r04-own")
    assert daemon.exec("r04-own", "cat", *files).split() == ["321", "9000", "12"]
    daemon.wait_problem('"kernel.msgmax" is set here, but a cluster\'s kubelet refuses the pod unless its')
    daemon.wait_ready("r04-shared")
    assert daemon.exec("r04-shared", "cat", *files[:2]).split() == [somaxconn.strip(), "9000"]
    assert Path("/proc/sys/net/core/somaxconn").read_text() == somaxconn
    said = "net.core.somaxconn is not set: the pod shares the host's network, whose own value holds"
    daemon.wait_event("r04-shared", "SysctlNotSet", text=said)
    daemon.wait_problem("may not be specified when 'hostNetwork' is true: it is not set, the host's own value holds")
    daemon.wait_event("r04-host", "SysctlForbidden", text='forbidden sysctl: "vm.swappiness" not allowlisted')
    assert daemon.containers("r04-host") == []


def test_R04_a_sysctl_that_is_not_safe_is_refused_where_it_is_not_allowed(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon().start("--allowed-unsafe-sysctls", "net.core.*,kernel.msgmax")
    some = {"net.core.somaxconn": "321", "kernel.msgmax": "9000", "kernel.shm_rmid_forced": "1"}
    refused = wanting("r04-refused", {"kernel.shm_rmid_forced": "1", "kernel.msgmnb": "9000"})
    host = wanting("r04-network", {"net.core.somaxconn": "321"}, hostNetwork=True)
    daemon.write(text(wanting("r04-allowed", some), refused, host))
    daemon.wait_ready("r04-allowed")
    shown = daemon.exec("r04-allowed", "cat", "/proc/sys/net/core/somaxconn", "/proc/sys/kernel/msgmax")
    assert shown.split() == ["321", "9000"]
    status = daemon.wait_pod("r04-refused", lambda p: p["status"]["phase"] == "Failed")["status"]
    assert status["reason"] == "SysctlForbidden"
    assert status["message"] == 'Pod was rejected: forbidden sysctl: "kernel.msgmnb" not allowlisted'
    daemon.wait_event("r04-refused", "SysctlForbidden", text='forbidden sysctl: "kernel.msgmnb" not allowlisted')
    assert daemon.containers("r04-refused") == []
    shared = 'forbidden sysctl: "net.core.somaxconn" not allowed with host Net enabled'
    daemon.wait_event("r04-network", "SysctlForbidden", text=shared)
    # What runs is not harmed when its sysctls are allowed no longer; what is new is refused.
    before = daemon.life("r04-allowed")
    daemon.stop()
    daemon.start("--allowed-unsafe-sysctls", "none")
    daemon.write(text(wanting("r04-later", {"net.core.somaxconn": "321"})), "later.yaml")
    daemon.wait_pod("r04-later", lambda p: p["status"].get("reason") == "SysctlForbidden")
    assert daemon.life("r04-allowed") == before
    assert daemon.pod("r04-refused")["status"]["reason"] == "SysctlForbidden"


def test_R04_a_policy_harms_nothing_that_runs_and_lets_in_what_keeps_it(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon().start()
    host = [{"name": "host", "hostPath": {"path": "/tmp"}}]
    daemon.write(text(pod("r04-old", FOR_EVER, volumes=host)), "old.yaml")
    uid = daemon.wait_ready("r04-old")["metadata"]["uid"]
    before = daemon.life("r04-old")
    daemon.stop()
    daemon.start("--policy", "baseline")
    daemon.wait_problem('would violate PodSecurity "baseline:latest": hostPath volumes (volume "host")')
    # Its next edit is refused, and the version before stays; so does another pod that breaks a rule stay away.
    edited = daemon.write(text(pod("r04-old", "exec sleep 1000", volumes=host)), "old.yaml")
    refused = daemon.wait_problem('violates PodSecurity "baseline:latest": hostPath volumes')
    assert any(each["place"].startswith(f"{edited}:1:") for each in refused["problems"])
    daemon.wait_event("r04-old", "NotApplied", text='pods "r04-old" is forbidden: violates PodSecurity')
    tight = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "tight"}}
    tight["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": "restricted"}
    new = pod("r04-new", container(FOR_EVER, securityContext={"privileged": True}))
    usual = pod("r04-usual", FOR_EVER)
    usual["metadata"]["namespace"] = "tight"
    hard = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsUser": 1000}
    context = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    hardened = pod("r04-hard", container(FOR_EVER, securityContext=hard), securityContext=context)
    hardened["metadata"]["namespace"] = "tight"
    daemon.write(text(tight, new, usual, hardened), "more.yaml")
    daemon.wait_ready("r04-hard", namespace="tight")
    daemon.wait_problem('violates PodSecurity "restricted:latest": unrestricted capabilities')
    daemon.wait_problem('violates PodSecurity "baseline:latest": privileged (container "main" must not set')
    assert {each["metadata"]["name"] for each in daemon.client.get("/api/v1/pods")["items"]} == {"r04-old", "r04-hard"}
    daemon.kill()
    daemon.start("--policy", "baseline")
    assert daemon.life("r04-old") == before, "a refused edit, and a new daemon, leave it alone"
    daemon.write(text(pod("r04-old", "exec sleep 1000")), "old.yaml")
    daemon.wait_pod("r04-old", lambda p: is_ready(p) and p["metadata"]["uid"] != uid)


def test_R04_app_armor_is_enforced_or_the_pod_is_refused(daemon: Daemon) -> None:
    context = {"appArmorProfile": {"type": "RuntimeDefault"}}
    daemon.write(text(once("r04-armor", container("cat /proc/self/attr/current", securityContext=context))))
    if "name=apparmor" in docker("info", "--format", "{{.SecurityOptions}}"):
        assert "docker-default" in said(daemon, "r04-armor")[0]
        return
    daemon.wait_pod("r04-armor", lambda p: p["status"].get("reason") == "AppArmor")
    daemon.wait_event("r04-armor", "AppArmor", text="AppArmor is not enabled on the host")


def test_R05_terminal_input_memory_and_devices(daemon: Daemon) -> None:
    """What the rest of Container promises: a tty, an open or a closed input, /dev/shm of a size, a device."""
    size = "df -m /dev/shm | awk 'END { print $2 }'"
    device = "head -c 4 /dev/own >/dev/null 2>&1 && echo read"
    shared = {"name": "shm", "mountPath": "/dev/shm"}
    own = {"name": "device", "mountPath": "/dev/own"}
    made = [
        container("test -t 0 && test -t 1 && echo terminal; exec sleep 1000", "tty", tty=True, stdin=True),
        container("test -t 0 || echo none; read line || echo closed", "plain"),
        container("read line; echo got $line; exec sleep 1000", "once", stdin=True, stdinOnce=True),
        container(f"{size}; echo word >/dev/shm/word", "writes", volumeMounts=[shared]),
        container("until cat /dev/shm/word; do sleep 0.1; done", "reads", volumeMounts=[shared]),
        container("pwd", "dir", workingDir="/made/for/it"),
        container(f"{device} || echo refused", "denied", volumeMounts=[own]),
        container(device, "device", volumeMounts=[own], securityContext={"privileged": True}),
    ]
    volumes = [
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        {"name": "device", "hostPath": {"path": "/dev/kmsg", "type": "CharDevice"}},
    ]
    daemon.write(text(once("r05-all", *made, volumes=volumes)))
    for which, line in (("tty", "terminal"), ("plain", "closed"), ("reads", "word"), ("dir", "/made/for/it")):
        daemon.wait_log("r05-all", line, which)
    daemon.wait_log("r05-all", "read", "device")
    daemon.wait_log("r05-all", "refused", "denied")
    assert daemon.wait_log("r05-all", "16", "writes").splitlines() == ["16"]
    configs = [one["Config"] for one in daemon.containers("r05-all")]
    inspected = {config["Labels"]["orchestrator.dev/container"]: config for config in configs}
    names = ("Tty", "OpenStdin", "StdinOnce")
    assert {name: [inspected[name][each] for each in names] for name in ("tty", "plain", "once")} == {
        "tty": [True, True, False],
        "plain": [False, False, False],
        "once": [False, True, True],
    }
