"""What Kubernetes' conformance tests say of hooks that reach another pod (docs/conformance.md)."""

from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.pods import FOR_EVER, container, pod, text
from tests.e2e.web import Site, certificate, serving

pytestmark = pytest.mark.races

LISTENING = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}


def listening_pod(daemon: Daemon, name: str) -> str:
    """A pod whose server logs what it is asked for; gives its address."""
    main = container("exec httpd -f -vv -p 8080 -h /tmp", readinessProbe=LISTENING)
    daemon.write(text(pod(name, main)), f"{name}.yaml")
    return str(daemon.wait_ready(name)["status"]["podIP"])


def lifecycle(name: str, ip: str, secure: Site) -> Document:
    """Hooks of one kind ("exec", "http" or "https"): postStart asks for /poststart-NAME, preStop for /prestop-NAME."""

    def handler(path: str) -> Document:
        if name == "https":
            return {"httpGet": {"scheme": "HTTPS", "host": "127.0.0.1", "port": secure.port, "path": path}}
        if name == "http":
            return {"httpGet": {"host": ip, "port": 8080, "path": path}}
        # The server has no such file: the command's failure is not the hook's.
        return {"exec": {"command": ["sh", "-c", f"timeout 10 wget -qO- http://{ip}:8080{path}; true"]}}

    return {"postStart": handler(f"/poststart-{name}"), "preStop": handler(f"/prestop-{name}")}


@pytest.mark.parametrize("kind", ["app", "sidecar"])
def test_H01_H03_hooks_of_every_kind_reach_another_pod(daemon: Daemon, tmp_path: Path, kind: str) -> None:
    """After the start, and before the pod is gone; a certificate is not looked at."""
    handler, name = f"c-hooked-{kind}", f"c-hooks-{kind}"
    ip = listening_pod(daemon, handler)
    secure = Site({"/poststart-https": (200, {}), "/prestop-https": (200, {})})
    kinds = ("exec", "http", "https")
    with serving(secure, certificate(tmp_path)):
        hooked = [container(FOR_EVER, one, lifecycle=lifecycle(one, ip, secure)) for one in kinds]
        if kind == "sidecar":
            sidecars = [{**one, "restartPolicy": "Always"} for one in hooked]
            document = pod(name, FOR_EVER, initContainers=sidecars)
        else:
            document = pod(name, *hooked)
        document["spec"]["terminationGracePeriodSeconds"] = 30
        daemon.write(text(document))
        daemon.wait_ready(name)
        for one in kinds[:2]:
            daemon.wait_log(handler, f"url:/poststart-{one}")
        assert "prestop" not in daemon.logs(handler)
        assert [path for path, _ in secure.asked] == ["/poststart-https"]
        daemon.remove()
        daemon.wait_gone(name)
        said = daemon.logs(handler)
        assert [said.count(f"url:/{when}-{one}") for when in ("poststart", "prestop") for one in kinds[:2]] == [1] * 4
        assert [path for path, _ in secure.asked] == ["/poststart-https", "/prestop-https"]
