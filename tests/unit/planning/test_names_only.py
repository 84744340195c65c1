"""Where names are all that works, the variables of a Service carry its name and the port that its pods listen on."""

from msgspec.structs import replace

from orchestrator.objects.endpoint_slice import SERVICE_NAME, Endpoint, EndpointSlice, SlicePort
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.service import Service
from orchestrator.planning.environment import environment
from tests.unit.planning.builders import around, pod, service, simple

SPEC = """
clusterIP: 10.1.2.7
selector: {app: web}
ports:
- {name: http, port: 80, targetPort: talk}
- {name: admin, port: 9000, targetPort: 9001}
- {name: names, port: 53, protocol: UDP}
"""
CONTAINER = "containers: [{name: web, image: 'web:1', ports: [{name: talk, containerPort: 8080}]}]"
WEB = pod(CONTAINER, labels={"app": "web"})
OTHER = pod(CONTAINER.replace("8080", "6666"), labels={"app": "other"})


def variables(made: Service, **what: object) -> dict[str, str]:
    client = simple()
    return environment(client, client.spec.containers[0], around(made, **what), "10.1.0.9")


def test_every_variable_of_the_family_leads_to_the_target_port() -> None:
    assert variables(service("my-web", SPEC), names_only=True, peers=(OTHER, WEB)) == {
        "MY_WEB_SERVICE_HOST": "my-web",
        "MY_WEB_SERVICE_PORT": "8080",
        "MY_WEB_SERVICE_PORT_HTTP": "8080",
        "MY_WEB_SERVICE_PORT_ADMIN": "9001",
        "MY_WEB_SERVICE_PORT_NAMES": "53",
        "MY_WEB_PORT": "tcp://my-web:8080",
        "MY_WEB_PORT_80_TCP": "tcp://my-web:8080",
        "MY_WEB_PORT_80_TCP_PROTO": "tcp",
        "MY_WEB_PORT_80_TCP_PORT": "8080",
        "MY_WEB_PORT_80_TCP_ADDR": "my-web",
        "MY_WEB_PORT_9000_TCP": "tcp://my-web:9001",
        "MY_WEB_PORT_9000_TCP_PROTO": "tcp",
        "MY_WEB_PORT_9000_TCP_PORT": "9001",
        "MY_WEB_PORT_9000_TCP_ADDR": "my-web",
        "MY_WEB_PORT_53_UDP": "udp://my-web:53",
        "MY_WEB_PORT_53_UDP_PROTO": "udp",
        "MY_WEB_PORT_53_UDP_PORT": "53",
        "MY_WEB_PORT_53_UDP_ADDR": "my-web",
    }


def test_a_port_name_that_no_pod_behind_the_service_knows_stays_the_services_number() -> None:
    assert variables(service("web", SPEC), names_only=True, peers=(OTHER,))["WEB_SERVICE_PORT"] == "80"


def test_without_a_selector_the_port_is_that_of_the_endpoints_by_hand() -> None:
    bare = service("web", SPEC.replace("selector: {app: web}\n", ""))
    here = SlicePort(name="http", port=9376), SlicePort(name="names", port=5353, protocol="UDP")
    mine = EndpointSlice(
        metadata=ObjectMeta(labels={SERVICE_NAME: "web"}), address_type="IPv4", endpoints=(), ports=here
    )
    others = replace(mine, metadata=ObjectMeta(labels={SERVICE_NAME: "db"}), ports=(SlicePort(name="admin", port=1),))
    found = variables(bare, names_only=True, slices=(others, mine))
    assert [found[f"WEB_SERVICE_PORT_{name}"] for name in ("HTTP", "ADMIN", "NAMES")] == ["9376", "9001", "5353"]
    # Of two numbers the one at which somebody serves.
    serving = replace(mine, ports=(SlicePort(name="http", port=9377),), endpoints=(Endpoint(addresses=("10.1.0.2",)),))
    found = variables(bare, names_only=True, slices=(mine, serving))
    assert (found["WEB_SERVICE_PORT"], found["WEB_PORT_80_TCP"]) == ("9377", "tcp://web:9377")
    # With one, slices by hand say nothing of the pods.
    assert variables(service("web", SPEC), names_only=True, peers=(WEB,), slices=(mine,))["WEB_SERVICE_PORT"] == "8080"


def test_with_an_address_the_variables_carry_the_services_own_numbers() -> None:
    found = variables(service("web", SPEC), peers=(WEB,))
    assert (found["WEB_SERVICE_HOST"], found["WEB_SERVICE_PORT"]) == ("10.1.2.7", "80")
    assert found["WEB_PORT_9000_TCP"] == "tcp://10.1.2.7:9000"


def test_a_headless_service_has_no_variables() -> None:
    assert variables(service("web", SPEC.replace("10.1.2.7", "None")), names_only=True, peers=(WEB,)) == {}
