"""What an httpGet probe asks for, and what it takes for an answer (P02)."""

from pathlib import Path
from typing import Any

from orchestrator import __version__
from tests.e2e.daemon import Daemon, Document
from tests.e2e.pod_status import is_ready, status_of
from tests.e2e.pods import container, pod, text
from tests.e2e.web import Site, certificate, serving


def ready_by(path: str, port: int | str, **more: Any) -> Document:
    """The field of a container whose readiness is a GET, once a second; of 127.0.0.1 unless `more` says otherwise."""
    get = {"path": path, "port": port, "host": "127.0.0.1", **more}
    return {"readinessProbe": {"httpGet": get, "periodSeconds": 1, "timeoutSeconds": 5}}


def asking(name: str, *probes: Document) -> str:
    """A pod with a container, c0, c1, ..., for each probe."""
    return text(pod(name, *(container("exec sleep 1000", f"c{n}", **probe) for n, probe in enumerate(probes))))


def test_P02_200_to_399_is_success(daemon: Daemon) -> None:
    good, bad = (200, 204, 304, 399), (400, 404, 500, 503)
    site = Site({f"/{status}": (status, {}) for status in (*good, *bad)})
    with serving(site):
        daemon.write(asking("p02-status", *(ready_by(f"/{status}", site.port) for status in (*good, *bad))))
        ready = {f"c{n}" for n in range(len(good))}
        seen = daemon.wait_pod("p02-status", lambda pod: all(status_of(pod, name).get("ready") for name in ready))
        warned = daemon.wait_event("p02-status", "ProbeWarning")["message"]
        assert warned == "Readiness probe warning: Probe terminated redirects, Response body: "
        for status in bad:
            words = f"Readiness probe failed: HTTP probe failed with statuscode: {status}"
            assert daemon.wait_event("p02-status", "Unhealthy", text=str(status))["message"] == words
        seen = daemon.pod("p02-status")
        assert {one["name"] for one in seen["status"]["containerStatuses"] if one["ready"]} == ready


def test_P02_the_pod_s_own_address_and_a_port_s_name(daemon: Daemon) -> None:
    """No `host`: the pod's address.  Busybox's server logs what it is asked for."""
    main = container(
        "mkdir -p /tmp/www; echo well >/tmp/www/healthz; exec httpd -f -vv -p 8080 -h /tmp/www",
        ports=[{"name": "web", "containerPort": 8080}],
        readinessProbe={"httpGet": {"path": "/healthz", "port": "web"}, "periodSeconds": 1},
    )
    daemon.write(text(pod("p02-port", main)))
    daemon.wait_ready("p02-port")
    daemon.wait_log("p02-port", "url:/healthz")


def test_P02_headers_host_and_user_agent(daemon: Daemon) -> None:
    site = Site({"/plain": (200, {}), "/own": (200, {}), "/agent?deep=1": (200, {})})
    headers = [{"name": "Host", "value": "shop.example"}, {"name": "X-Probe", "value": "yes"}]
    agent = [{"name": "User-Agent", "value": "my-own/1"}]
    with serving(site):
        plain, own = ready_by("/plain", site.port), ready_by("/own", site.port, httpHeaders=headers)
        daemon.write(asking("p02-headers", plain, own, ready_by("/agent?deep=1", site.port, httpHeaders=agent)))
        daemon.wait_ready("p02-headers")
    assert site.headers("/plain")["user-agent"] == f"kube-probe/{__version__}"
    assert site.headers("/plain")["host"] == f"127.0.0.1:{site.port}"
    assert site.headers("/own")["host"] == "shop.example"
    assert site.headers("/own")["x-probe"] == "yes"
    assert site.headers("/agent?deep=1")["user-agent"] == "my-own/1"


def test_P02_https_without_a_look_at_the_certificate(daemon: Daemon, tmp_path: Path) -> None:
    site = Site({"/": (200, {})})
    with serving(site, certificate(tmp_path)):
        daemon.write(asking("p02-https", ready_by("/", site.port, scheme="HTTPS")))
        daemon.wait_ready("p02-https")
    assert site.count("/") >= 1


def test_P02_redirects_on_the_same_host_are_followed(daemon: Daemon) -> None:
    """Relative or absolute; what counts is where they end."""
    site = Site({"/start": (302, {"Location": "/middle"}), "/end": (200, {}), "/bad": (301, {"Location": "/broken"})})
    with serving(site):
        site.pages["/middle"] = (307, {"Location": f"http://127.0.0.1:{site.port}/end"})
        site.pages["/broken"] = (500, {})
        daemon.write(asking("p02-redirect", ready_by("/start", site.port), ready_by("/bad", site.port)))
        seen = daemon.wait_pod("p02-redirect", lambda pod: bool(status_of(pod, "c0").get("ready")))
        daemon.wait_event("p02-redirect", "Unhealthy", text="HTTP probe failed with statuscode: 500")
    assert site.count("/end") >= 1
    assert not is_ready(seen)


def test_P02_a_redirect_to_another_host_is_a_success_with_a_warning(daemon: Daemon) -> None:
    elsewhere = Site({"/": (500, {})})
    with serving(elsewhere), serving(Site()) as site:
        link = f"http://localhost:{elsewhere.port}/"
        site.pages["/away"] = (302, {"Location": link})
        site.bodies["/away"] = f'<a href="{link}">Found</a>.'.encode()
        daemon.write(asking("p02-away", ready_by("/away", site.port)))
        daemon.wait_ready("p02-away")
        event = daemon.wait_event("p02-away", "ProbeWarning")
    words = f'Probe terminated redirects, Response body: <a href="{link}">Found</a>.'
    assert event["message"] == f"Readiness probe warning: {words}"
    assert event["type"] == "Warning"
    assert elsewhere.asked == []


def test_P02_a_body_without_end_is_not_read(daemon: Daemon) -> None:
    """The probe succeeds, and hangs up long before the end."""
    site = Site({"/endless": (200, {})}, endless="/endless")
    with serving(site):
        daemon.write(asking("p02-endless", ready_by("/endless", site.port)))
        daemon.wait_ready("p02-endless")
        assert site.hung_up.wait(30)


def test_P02_a_server_that_says_nothing_is_a_failure_after_the_time_limit(daemon: Daemon) -> None:
    """It takes the connection and is silent; the containers beside it are probed all the same (P07)."""
    silent = container(
        "exec nc -ll -p 7000 -e sleep 1000",
        "silent",
        readinessProbe={"httpGet": {"path": "/x", "port": 7000}, "periodSeconds": 1, "timeoutSeconds": 1},
    )
    quick = container(
        "mkdir /tmp/www; exec httpd -f -p 8080 -h /tmp/www",
        "quick",
        readinessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    )
    daemon.write(text(pod("p02-silent", silent, quick)))
    seen = daemon.wait_pod("p02-silent", lambda pod: bool(status_of(pod, "quick").get("ready")))
    url = f"http://{seen['status']['podIP']}:7000/x"
    event = daemon.wait_event("p02-silent", "Unhealthy", text="Client.Timeout")
    assert event["message"].startswith(f'Readiness probe failed: Get "{url}": context deadline exceeded')
