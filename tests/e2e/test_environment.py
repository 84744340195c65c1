"""What a container finds in its environment (E01-E04, E06)."""

from datetime import datetime
from typing import Any

import pytest

from images.build import IMAGE as DEMO_IMAGE
from images.build import main as build_demo_image
from tests.e2e.daemon import Daemon, Document
from tests.e2e.environ import environ
from tests.e2e.host import docker
from tests.e2e.pod_status import is_ready, restarts, waiting_reason
from tests.e2e.pods import config_map, container, pod, text

IDLE = "exec sleep 1000"


def secret(name: str, **data: str) -> Document:
    """A Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def service(name: str, *ports: Document, **spec: Any) -> Document:
    """A Service that selects nobody."""
    spec = {"selector": {"app": "nobody"}, "ports": list(ports), **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def env(**values: str) -> list[Document]:
    """Plain variables, in order."""
    return [{"name": name, "value": value} for name, value in values.items()]


def from_key(kind: str, name: str, key: str, **more: Any) -> Document:
    """A `valueFrom`: a key of a ConfigMap or Secret."""
    return {f"{kind}KeyRef": {"name": name, "key": key, **more}}


# --- E01: $(VAR) ---


def test_E01_references_in_env_command_and_args(daemon: Daemon) -> None:
    variables = env(
        FIRST="one",
        SECOND="$(FIRST) and two",
        EARLY="$(LATE)",
        LATE="late",
        ESCAPED="$$(FIRST) costs $$5",
        UNKNOWN="$(NOBODY) $(FIRST",
        OWN="$(OWN)",
        HOST="$(HOSTNAME)",
    )
    main = {
        "name": "main",
        "image": "IMAGE",
        "command": ["sh", "-c", 'echo "$0"; for word; do echo "$word"; done; exec sleep 1000', "$(SECOND)"],
        "args": ["$(LATE)", "$$(LATE)", "$(NOBODY)", "a $(FIRST) b $(FIRST)"],
        "env": variables,
    }
    daemon.write(text(pod("e01", main)))
    daemon.wait_ready("e01")
    found = environ(daemon, "e01")
    expected = {
        "FIRST": "one",
        "SECOND": "one and two",
        "EARLY": "$(LATE)",
        "LATE": "late",
        "ESCAPED": "$(FIRST) costs $5",
        "UNKNOWN": "$(NOBODY) $(FIRST",
        "OWN": "$(OWN)",
        "HOST": "$(HOSTNAME)",
    }
    assert {name: found[name] for name in expected} == expected
    said = daemon.wait_log("e01", "a one b one").splitlines()
    assert said == ["one and two", "late", "$(LATE)", "$(NOBODY)", "a one b one"]


def test_E01_a_probe_s_command_sees_what_stands_in_the_spec_and_a_hook_s_is_taken_as_it_is(daemon: Daemon) -> None:
    """As the kubelet does it; a value that comes from elsewhere is empty there."""
    variables = [*env(WORD="fox"), {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    words = "$(WORD)-$(NAME)-$(NOBODY)-$$(WORD)"
    probe = {"exec": {"command": ["sh", "-c", 'echo "$0" >/tmp/probed', words]}}
    hook = {"postStart": {"exec": {"command": ["sh", "-c", 'echo "$0" >/tmp/hooked', words]}}}
    daemon.write(text(pod("e01-probe", container(IDLE, env=variables, readinessProbe=probe, lifecycle=hook))))
    daemon.wait_ready("e01-probe")
    assert daemon.exec("e01-probe", "cat", "/tmp/probed").strip() == "fox--$(NOBODY)-$(WORD)"
    assert daemon.exec("e01-probe", "cat", "/tmp/hooked").strip() == words


# --- E02: envFrom and valueFrom ---


def test_E02_env_from(daemon: Daemon) -> None:
    """In order, a later source wins, and `env` wins over all; what is optional may be absent."""
    sources = [
        {"configMapRef": {"name": "e02-first"}},
        {"secretRef": {"name": "e02-second"}},
        {"prefix": "P_", "configMapRef": {"name": "e02-first"}},
        {"configMapRef": {"name": "e02-absent", "optional": True}},
        {"secretRef": {"name": "e02-absent", "optional": True}},
    ]
    first = config_map("e02-first", A="first", B="first", C="first", **{"bad-key.x": "reaches it"})
    # Not by way of the shell, which would not hand on a name such as bad-key.x.
    main = container(IDLE, envFrom=sources, env=env(C="env", D="$(A)")) | {"command": ["sleep", "1000"]}
    daemon.write(text(first, secret("e02-second", B="second"), pod("e02-from", main)))
    daemon.wait_ready("e02-from")
    found = environ(daemon, "e02-from")
    names = ("A", "B", "C", "D", "P_A", "P_B", "bad-key.x")
    assert [found[name] for name in names] == ["first", "second", "env", "first", "first", "first", "reaches it"]


def test_E02_value_from_keys(daemon: Daemon) -> None:
    variables = [
        {"name": "CONFIG", "valueFrom": from_key("configMap", "e02-config", "colour")},
        {"name": "SECRET", "valueFrom": from_key("secret", "e02-secret", "word")},
        {"name": "NO_KEY", "valueFrom": from_key("configMap", "e02-config", "taste", optional=True)},
        {"name": "NO_OBJECT", "valueFrom": from_key("secret", "e02-absent", "word", optional=True)},
        *env(BOTH="$(CONFIG) $(SECRET)"),
    ]
    objects = config_map("e02-config", colour="gr$(e)en\nand more"), secret("e02-secret", word="hush = hush, a=b,c")
    daemon.write(text(*objects, pod("e02-keys", container(IDLE, env=variables))))
    daemon.wait_ready("e02-keys")
    found = environ(daemon, "e02-keys")
    assert found["CONFIG"] == "gr$(e)en\nand more"
    assert found["SECRET"] == "hush = hush, a=b,c"
    assert found["BOTH"] == "gr$(e)en\nand more hush = hush, a=b,c"
    assert not {"NO_KEY", "NO_OBJECT"} & found.keys()


def test_E02_fields_of_the_pod(daemon: Daemon) -> None:
    fields = {
        "NAME": "metadata.name",
        "NAMESPACE": "metadata.namespace",
        "POD_UID": "metadata.uid",
        "LABEL": "metadata.labels['app.kubernetes.io/name']",
        "NOTE": "metadata.annotations['note']",
        "NO_LABEL": "metadata.labels['absent']",
        "NODE": "spec.nodeName",
        "ACCOUNT": "spec.serviceAccountName",
        "POD_IP": "status.podIP",
        "POD_IPS": "status.podIPs",
        "HOST_IP": "status.hostIP",
        "HOST_IPS": "status.hostIPs",
    }
    variables = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]
    written = pod("e02-fields", container(IDLE, env=[*variables, *env(URL="http://$(POD_IP)/")]))
    written["metadata"] |= {"labels": {"app.kubernetes.io/name": "shop"}, "annotations": {"note": "it's $(mine)"}}
    daemon.write(text(written))
    seen = daemon.wait_ready("e02-fields")
    found = environ(daemon, "e02-fields")
    ip, host_ip = seen["status"]["podIP"], seen["status"]["hostIP"]
    expected = {
        "NAME": "e02-fields",
        "NAMESPACE": "default",
        "POD_UID": seen["metadata"]["uid"],
        "LABEL": "shop",
        "NOTE": "it's $(mine)",
        "NO_LABEL": "",
        "NODE": seen["spec"]["nodeName"],
        "ACCOUNT": "default",
        "POD_IP": ip,
        "POD_IPS": ip,
        "HOST_IP": host_ip,
        "HOST_IPS": host_ip,
        "URL": f"http://{ip}/",
    }
    assert {name: found[name] for name in expected} == expected
    assert ip in daemon.exec("e02-fields", "hostname", "-i")


def test_E02_resources_with_divisors(daemon: Daemon) -> None:
    """Rounded up; of another container too; without a limit it is what the host has."""

    def of(resource: str, divisor: str = "", name: str = "") -> Document:
        ref = {"resource": resource} | ({"divisor": divisor} if divisor else {})
        return {"resourceFieldRef": ref | ({"containerName": name} if name else {})}

    sources = {
        "CPU": of("limits.cpu"),
        "CPU_MILLI": of("limits.cpu", "1m"),
        "CPU_ASKED": of("requests.cpu", "1m"),
        "MEMORY": of("limits.memory"),
        "MEMORY_MEBI": of("limits.memory", "1Mi"),
        "MEMORY_GIBI": of("limits.memory", "1Gi"),
        "OTHER": of("requests.memory", "1Ki", "other"),
        "HOST_CPUS": of("limits.cpu", "1", "other"),
    }
    variables = [{"name": name, "valueFrom": source} for name, source in sources.items()]
    limits = {"limits": {"cpu": "150m", "memory": "48Mi"}, "requests": {"cpu": "20m"}}
    other = container(IDLE, "other", resources={"requests": {"memory": "8Mi"}})
    daemon.write(text(pod("e02-resources", container(IDLE, env=variables, resources=limits), other)))
    daemon.wait_ready("e02-resources")
    found = environ(daemon, "e02-resources", "main")
    expected = {
        "CPU": "1",
        "CPU_MILLI": "150",
        "CPU_ASKED": "20",
        "MEMORY": str(48 << 20),
        "MEMORY_MEBI": "48",
        "MEMORY_GIBI": "1",
        "OTHER": str(8 << 10),
        "HOST_CPUS": docker("info", "--format", "{{.NCPU}}"),
    }
    assert {name: found[name] for name in expected} == expected


# --- E03: what is missing ---


@pytest.mark.parametrize(
    ("case", "fields", "words", "cure"),
    [
        (
            "config",
            {"envFrom": [{"configMapRef": {"name": "e03-config"}}]},
            'configmap "e03-config" not found',
            config_map("e03-config", A="x"),
        ),
        (
            "secret",
            {"env": [{"name": "A", "valueFrom": from_key("secret", "e03-secret", "a")}]},
            'secret "e03-secret" not found',
            secret("e03-secret", a="x"),
        ),
        (
            "key",
            {"env": [{"name": "A", "valueFrom": from_key("configMap", "kept", "a")}]},
            "couldn't find key a in ConfigMap default/kept",
            config_map("kept", a="x"),
        ),
    ],
)
def test_E03_a_missing_reference_is_named_and_awaited(
    daemon: Daemon, case: str, fields: Document, words: str, cure: Document
) -> None:
    """The container beside it runs; this one starts by itself when the object, or the key, appears."""
    name = f"e03-{case}"
    daemon.write(text(config_map("kept", other="x")), "kept.yaml")
    daemon.write(text(pod(name, container(IDLE, **fields), container(IDLE, "beside"))))
    seen = daemon.wait_pod(name, lambda pod: waiting_reason(pod, "main") == "CreateContainerConfigError")
    main, _ = seen["status"]["containerStatuses"]
    assert main["state"]["waiting"]["message"] == words
    assert seen["status"]["phase"] == "Pending"
    assert daemon.wait_event(name, "Failed")["message"] == f"Error: {words}"
    assert "CreateContainerConfigError" in daemon.cli("get", "pod", name)
    daemon.wait_pod(name, lambda pod: "running" in pod["status"]["containerStatuses"][1]["state"])
    daemon.write(text(cure), "kept.yaml")
    seen = daemon.wait_ready(name)
    assert environ(daemon, name, "main")["A"] == "x"
    assert restarts(seen, "main") == 0


# --- E04: Services ---

PORTS = {"name": "web", "port": 80}, {"name": "dns-udp", "port": 5353, "protocol": "UDP"}


def test_E04_the_variables_of_every_service_of_the_namespace(daemon: Daemon) -> None:
    """Whatever the order of the files; a headless one has no address, and so gives none."""
    services = service("red-fox", *PORTS)
    headless = service("headless", {"port": 1}, clusterIP="None")
    daemon.write(text(services, headless, service("plain", {"port": 8080})), "z-services.yaml")
    daemon.write(text(pod("e04", container(IDLE, env=env(URL="http://$(PLAIN_SERVICE_HOST):$(PLAIN_SERVICE_PORT)/")))))
    daemon.wait_ready("e04")
    ip = daemon.get("services", "red-fox")["spec"]["clusterIP"]
    plain = daemon.get("services", "plain")["spec"]["clusterIP"]
    expected = {
        "RED_FOX_SERVICE_HOST": ip,
        "RED_FOX_SERVICE_PORT": "80",
        "RED_FOX_SERVICE_PORT_WEB": "80",
        "RED_FOX_SERVICE_PORT_DNS_UDP": "5353",
        "RED_FOX_PORT": f"tcp://{ip}:80",
        "RED_FOX_PORT_80_TCP": f"tcp://{ip}:80",
        "RED_FOX_PORT_80_TCP_PROTO": "tcp",
        "RED_FOX_PORT_80_TCP_PORT": "80",
        "RED_FOX_PORT_80_TCP_ADDR": ip,
        "RED_FOX_PORT_5353_UDP": f"udp://{ip}:5353",
        "RED_FOX_PORT_5353_UDP_PROTO": "udp",
        "RED_FOX_PORT_5353_UDP_PORT": "5353",
        "RED_FOX_PORT_5353_UDP_ADDR": ip,
    }
    found = environ(daemon, "e04")
    assert {name: value for name, value in found.items() if name.startswith("RED_FOX")} == expected
    assert found["URL"] == f"http://{plain}:8080/"
    assert not [name for name in found if name.startswith("HEADLESS")]


def test_E04_enable_service_links_turns_them_off(daemon: Daemon) -> None:
    main = container(IDLE, env=env(URL="$(FOX_SERVICE_HOST)"))
    daemon.write(text(service("fox", {"port": 80}), pod("e04-off", main, enableServiceLinks=False)))
    daemon.wait_ready("e04-off")
    found = environ(daemon, "e04-off")
    assert not [name for name in found if name.startswith("FOX")]
    assert found["URL"] == "$(FOX_SERVICE_HOST)"


def test_E04_a_service_of_another_namespace_gives_none(daemon: Daemon) -> None:
    """And one that comes later is not forced on a container that runs."""
    elsewhere = service("far", {"port": 80})
    elsewhere["metadata"]["namespace"] = "elsewhere"
    daemon.write(text(elsewhere, pod("e04-ns", IDLE)))
    daemon.wait_ready("e04-ns")
    daemon.write(text(service("late", {"port": 80})), "late.yaml")
    daemon.wait_for("services", "late", lambda service: bool(service["spec"].get("clusterIP")))
    assert not [name for name in environ(daemon, "e04-ns") if name.startswith(("FAR", "LATE"))]
    assert restarts(daemon.pod("e04-ns")) == 0


# --- E06: the program it began with ---


def moments(daemon: Daemon, name: str) -> list[tuple[str, float]]:
    """The lines of a pod's log with their times, in seconds."""
    lines = [line.split(" ", 1) for line in docker("logs", "-t", daemon.engine_id(name, "main")).splitlines()]
    return [(said, datetime.fromisoformat(moment[:26] + "+00:00").timestamp()) for moment, said in lines]


@pytest.mark.parametrize(("interval", "least"), [(None, 3.0), ("0.2", 0.2)])
def test_E06_my_daemon_counts_with_and_without_INTERVAL(daemon: Daemon, interval: str | None, least: float) -> None:
    build_demo_image()
    name = "e06-set" if interval else "e06-unset"
    variables = env(INTERVAL=interval) if interval else []
    main = {"name": "main", "image": DEMO_IMAGE, "command": ["python3", "/app/my_daemon.py"], "env": variables}
    daemon.write(text(pod(name, main)))
    daemon.wait_pod(name, is_ready)
    assert daemon.wait_log(name, "my_daemon: 2").splitlines()[:2] == ["my_daemon: 1", "my_daemon: 2"]
    (_, first), (_, second), *_ = moments(daemon, name)
    assert least - 0.1 <= second - first
    assert interval is None or second - first < 3
