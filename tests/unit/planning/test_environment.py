"""The environment of a container (E01, E02, E04), and the downward API's values."""

from dataclasses import replace
from textwrap import dedent

import pytest
import yaml

from orchestrator.objects.meta import Object
from orchestrator.planning.environment import environment, expand
from orchestrator.planning.errors import ConfigError
from tests.unit.planning.builders import (
    ADDRESS,
    AROUND,
    around,
    config_map,
    decoded,
    observed,
    planned,
    pod,
    secret,
    service,
    simple,
    spec_of,
)


def variables(fields: str, *objects: Object, **options: object) -> dict[str, str]:
    of = simple(fields, **options)
    web = spec_of(of, "web")
    assert web is not None
    return environment(of, web, around(*objects), ADDRESS)  # type: ignore[arg-type]


def text_of(found: dict[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in found.items())


# --- E01 ---


@pytest.mark.parametrize(
    ("written", "expanded"),
    [
        ("$(A)", "a"),
        ("x$(A)y$(B)z", "xaybz"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$a"),
        ("$$", "$"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$A ${A}", "$A ${A}"),
        ("$(A", "$(A"),
        ("$()", "$()"),
        ("price: 5$", "price: 5$"),
        ("$(A$(B))", "$(A$(B))"),
    ],
)
def test_E01_references(written: str, expanded: str) -> None:
    assert expand(written, {"A": "a", "B": "b"}) == expanded


def test_E01_later_entries_see_earlier_ones_only() -> None:
    found = variables('env: [{name: A, value: "1"}, {name: B, value: "$(A)$(C)"}, {name: C, value: "3"}]')
    assert found == {"A": "1", "B": "1$(C)", "C": "3"}


def test_E01_a_value_that_was_expanded_is_not_expanded_again() -> None:
    assert variables('env: [{name: A, value: "$$(B)"}, {name: B, value: "$(A)"}]')["B"] == "$(B)"


def test_E01_a_value_from_a_source_is_taken_as_it_is() -> None:
    fields = "env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: a}}}]"
    assert variables(fields, config_map("settings", a="$(HOME)$$"))["A"] == "$(HOME)$$"


def test_E01_command_and_args_see_the_whole_environment() -> None:
    of = simple(
        'command: ["/bin/$(A)", "$$(A)"]\nargs: ["$(B)", "$(C)"]\nenv: [{name: A, value: a}, {name: B, value: b}]'
    )
    config = next(op.config for op in planned(of, observed(of)).ops if hasattr(op, "config"))
    assert config.entrypoint == ("/bin/a", "$(A)")
    assert config.command == ("b", "$(C)")


def test_E05_the_host_name_is_there_unless_the_spec_says_another() -> None:
    def made(fields: str) -> tuple[str, ...]:
        of = simple(fields)
        return next(op.config.env for op in planned(of, observed(of)).ops if hasattr(op, "config"))

    assert made("") == ("HOSTNAME=web",)
    assert made("env: [{name: HOSTNAME, value: mine}]") == ("HOSTNAME=mine",)


@pytest.mark.parametrize(
    ("spec", "hostname"),
    [
        ("hostname: fox", "fox"),
        ("{hostname: fox, subdomain: den}", "fox"),
        ("{hostname: fox, subdomain: den, setHostnameAsFQDN: true}", "fox.den.default.svc.cluster.local"),
        ("{hostname: fox, setHostnameAsFQDN: true}", "fox"),
        ("{hostname: fox, hostNetwork: true}", AROUND.node.name),
    ],
)
def test_E05_HOSTNAME_is_what_the_kernel_says(spec: str, hostname: str) -> None:
    fields = yaml.safe_load(spec) | {"containers": [{"name": "web", "image": "web:1"}]}
    of = pod(yaml.safe_dump(fields))
    config = next(op.config for op in planned(of, observed(of)).ops if hasattr(op, "config"))
    assert config.env == (f"HOSTNAME={hostname}",)


# --- E02 ---


def test_E02_env_wins_over_envFrom_and_a_later_source_over_an_earlier() -> None:
    fields = """
    envFrom:
    - configMapRef: {name: one}
    - configMapRef: {name: two}
    - {prefix: S_, secretRef: {name: three}}
    env:
    - {name: C, value: "env, $(B), $(S_D)"}
    """
    found = variables(
        dedent(fields), config_map("one", A="1", B="1"), config_map("two", B="2", C="2"), secret("three", D="3")
    )
    assert found == {"A": "1", "B": "2", "C": "env, 2, 3", "S_D": "3"}


def test_E02_binary_data_is_not_for_the_environment() -> None:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mixed"}}
    mixed = decoded({**document, "data": {"A": "1"}, "binaryData": {"B": "AAEC"}})
    assert variables("envFrom: [{configMapRef: {name: mixed}}]", mixed) == {"A": "1"}
    with pytest.raises(ConfigError, match="couldn't find key B in ConfigMap default/mixed"):
        variables("env: [{name: B, valueFrom: {configMapKeyRef: {name: mixed, key: B}}}]", mixed)


@pytest.mark.parametrize("kind", ["configMap", "secret"])
def test_E02_optional_sources_may_be_absent(kind: str) -> None:
    fields = f"""
    envFrom: [{{{kind}Ref: {{name: nothing, optional: true}}}}]
    env:
    - {{name: A, valueFrom: {{{kind}KeyRef: {{name: nothing, key: a, optional: true}}}}}}
    - {{name: B, valueFrom: {{{kind}KeyRef: {{name: there, key: nothing, optional: true}}}}}}
    """
    assert variables(dedent(fields), config_map("there", a="1"), secret("there", a="1")) == {}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("envFrom: [{configMapRef: {name: nothing}}]", 'configmap "nothing" not found'),
        ("envFrom: [{secretRef: {name: nothing}}]", 'secret "nothing" not found'),
        ("env: [{name: A, valueFrom: {configMapKeyRef: {name: nothing, key: a}}}]", 'configmap "nothing" not found'),
        ("env: [{name: A, valueFrom: {secretKeyRef: {name: nothing, key: a}}}]", 'secret "nothing" not found'),
        (
            "env: [{name: A, valueFrom: {secretKeyRef: {name: there, key: b}}}]",
            "couldn't find key b in Secret default/there",
        ),
    ],
)
def test_E03_what_is_missing_is_named(fields: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        variables(fields, secret("there", a="1"))
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web"),
        ("metadata.namespace", "default"),
        ("metadata.uid", "1a2b3c4d-0000-4000-8000-000000000001"),
        ("metadata.labels['app.kubernetes.io/name']", "shop"),
        ("metadata.annotations['note']", "two\nlines"),
        ("metadata.annotations['absent']", ""),
        ("spec.nodeName", "host"),
        ("spec.serviceAccountName", "default"),
        ("status.hostIP", "192.0.2.1"),
        ("status.podIP", ADDRESS),
        ("status.podIPs", ADDRESS),
    ],
)
def test_E02_fields_of_the_pod(path: str, value: str) -> None:
    fields = f'env: [{{name: A, valueFrom: {{fieldRef: {{fieldPath: "{path}"}}}}}}]'
    options = {"labels": {"app.kubernetes.io/name": "shop"}, "annotations": {"note": "two\nlines"}}
    assert variables(fields, **options) == {"A": value}


@pytest.mark.parametrize(
    ("resources", "resource", "divisor", "value"),
    [
        # Rounded up, never down.
        ("limits: {cpu: 100m}", "limits.cpu", "0", "1"),
        ("limits: {cpu: 1500m}", "limits.cpu", "1", "2"),
        ("limits: {cpu: 1500m}", "limits.cpu", "1m", "1500"),
        ("limits: {memory: 100Mi}", "limits.memory", "1", "104857600"),
        ("limits: {memory: 100Mi}", "limits.memory", "1Mi", "100"),
        ("limits: {memory: 100Mi}", "limits.memory", "1Gi", "1"),
        ("requests: {cpu: 250m}", "requests.cpu", "1m", "250"),
        # Limits are requests where none are given; a limit that is not given is what the node has.
        ("limits: {cpu: 250m}", "requests.cpu", "1m", "250"),
        ("{}", "limits.cpu", "1", "4"),
        ("{}", "limits.memory", "1Gi", "8"),
        ("{}", "requests.cpu", "1", "0"),
    ],
)
def test_E02_resources(resources: str, resource: str, divisor: str, value: str) -> None:
    resources = resources if resources == "{}" else f"{{{resources}}}"
    reference = f"{{resource: {resource}, divisor: {divisor}}}"
    fields = f"resources: {resources}\nenv: [{{name: A, valueFrom: {{resourceFieldRef: {reference}}}}}]"
    assert variables(fields) == {"A": value}


def test_E02_a_limit_that_is_not_given_is_what_pods_may_have_of_the_node() -> None:
    part = replace(AROUND.node, allocatable={"cpu": 1500, "memory": 5 << 20})
    names = {"A": "limits.cpu", "B": "limits.memory"}
    env = ", ".join(f"{{name: {n}, valueFrom: {{resourceFieldRef: {{resource: {r}}}}}}}" for n, r in names.items())
    of = pod(f"containers: [{{name: web, image: 'web:1', env: [{env}]}}]")
    told = environment(of, of.spec.containers[0], replace(AROUND, node=part), "")
    assert told == {"A": "2", "B": str(5 << 20)}


def test_E02_resources_of_another_container() -> None:
    of = pod("""
        containers:
        - name: web
          image: web:1
          env: [{name: A, valueFrom: {resourceFieldRef: {containerName: log, resource: limits.cpu}}}]
        - {name: log, image: "log:1", resources: {limits: {cpu: "2"}}}
    """)
    assert environment(of, of.spec.containers[0], around(), "") == {"A": "2"}


# --- E04 ---


SHOP = """
clusterIP: 10.1.128.5
ports:
- {name: http, port: 80}
- {name: metrics-v2, port: 9090}
- {name: dns, port: 53, protocol: UDP}
"""


def test_E04_the_whole_family_of_a_service() -> None:
    assert text_of(variables("", service("my-shop", SHOP))) == dedent(
        """\
        MY_SHOP_SERVICE_HOST=10.1.128.5
        MY_SHOP_SERVICE_PORT=80
        MY_SHOP_SERVICE_PORT_HTTP=80
        MY_SHOP_SERVICE_PORT_METRICS_V2=9090
        MY_SHOP_SERVICE_PORT_DNS=53
        MY_SHOP_PORT=tcp://10.1.128.5:80
        MY_SHOP_PORT_80_TCP=tcp://10.1.128.5:80
        MY_SHOP_PORT_80_TCP_PROTO=tcp
        MY_SHOP_PORT_80_TCP_PORT=80
        MY_SHOP_PORT_80_TCP_ADDR=10.1.128.5
        MY_SHOP_PORT_9090_TCP=tcp://10.1.128.5:9090
        MY_SHOP_PORT_9090_TCP_PROTO=tcp
        MY_SHOP_PORT_9090_TCP_PORT=9090
        MY_SHOP_PORT_9090_TCP_ADDR=10.1.128.5
        MY_SHOP_PORT_53_UDP=udp://10.1.128.5:53
        MY_SHOP_PORT_53_UDP_PROTO=udp
        MY_SHOP_PORT_53_UDP_PORT=53
        MY_SHOP_PORT_53_UDP_ADDR=10.1.128.5"""
    )


def test_E04_a_port_without_a_name_has_no_variable_by_name() -> None:
    found = variables("", service("shop", "clusterIP: 10.1.128.5\nports: [{port: 80}]"))
    assert "SHOP_SERVICE_PORT" in found
    assert not any(name.startswith("SHOP_SERVICE_PORT_") for name in found)


@pytest.mark.parametrize("spec", ["clusterIP: None\nports: [{port: 80}]", "ports: [{port: 80}]"])
def test_E04_a_service_without_an_address_gives_nothing(spec: str) -> None:
    assert variables("", service("shop", spec)) == {}


def test_E04_links_can_be_turned_off() -> None:
    of = pod('enableServiceLinks: false\ncontainers: [{name: web, image: "web:1"}]')
    assert environment(of, of.spec.containers[0], around(service("my-shop", SHOP)), "") == {}


def test_E04_the_pods_own_variables_win_and_can_refer_to_them() -> None:
    fields = 'env: [{name: URL, value: "http://$(MY_SHOP_SERVICE_HOST)"}, {name: MY_SHOP_SERVICE_PORT, value: mine}]'
    found = variables(fields, service("my-shop", SHOP))
    assert found["URL"] == "http://10.1.128.5"
    assert found["MY_SHOP_SERVICE_PORT"] == "mine"
