"""Case D03 with dockerd itself: stopped, killed or frozen, and there again, with live-restore and without.

Where containers died with it, each is restarted once, in a new sandbox of the same pod; where they did not, nobody
notices.  What is edited meanwhile is applied after.  In every run of the tests it is away for seconds; `make
soak-engine` lets it be away for a minute, and frozen for twenty seconds.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.daemon import SECONDS, Daemon, Document
from tests.e2e.notes import STAYS, noted, noting, noting_pod, sh
from tests.e2e.own_engine import DaemonThere, OwnEngine, own_engine
from tests.e2e.pod_status import is_ready, restarts
from tests.e2e.pods import text
from tests.e2e.traffic import address_of, service

pytestmark = pytest.mark.races

LONG = os.environ.get("SOAK_ENGINE") == "1"
SOON = 5.0 if LONG else 40.0
"""Seconds (D03); in the short form tests share their machine, and this engine shares it with another."""

LINGERS = "trap 'sleep 5; exit 7' TERM; echo NAME begin >>/out/log; while :; do sleep 0.1; done"
"""Needs five seconds to end: so long an engine that is being stopped goes on serving who is inside."""
SERVES = f"httpd -p 8080 -h /out; {STAYS}"
PROBED = "#!/bin/sh\necho probed >>/out/probes\nprintf 'Content-Type: text/plain\\r\\n\\r\\nwell'\n"
ASKED = {**sh("true"), "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 3}
"""A command that the engine has to run: nobody can be asked while it is away."""
PATIENT = {"periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 10}

ASK = "import sys, urllib.request as r; sys.stdout.write(r.urlopen(sys.argv[1], timeout=3).read().decode())"
SHORT_NOTICE = "echo NAME begin >>/out/log"
STAYING = {"same": ("same",), "web": ("web",), "lingers": ("lingers",), "init": ("first", "side", "main")}
"""Pods that are there all the time, and their containers."""


@dataclass(frozen=True)
class Trouble:
    """What becomes of dockerd, how it comes back (gives the moment of its first answer), and how long it is away."""

    begin: Callable[[OwnEngine], None]
    end: Callable[[OwnEngine], float]
    seconds: float
    live_restore: bool = False
    keeps_containerd: bool = False

    @property
    def deadly(self) -> bool:
        """Whether all containers end with it."""
        return self.begin is not OwnEngine.pause and not self.live_restore


AWAY, FROZEN = (60.0, 20.0) if LONG else (2.0, 8.0)
TROUBLES = {
    "stopped": Trouble(OwnEngine.stop, OwnEngine.start, AWAY, keeps_containerd=True),
    "stopped with live-restore": Trouble(OwnEngine.stop, OwnEngine.start, AWAY, live_restore=True),
    "killed with its containerd": Trouble(OwnEngine.kill, OwnEngine.start, AWAY),
    "killed with live-restore": Trouble(OwnEngine.kill, OwnEngine.start, AWAY, live_restore=True),
    "frozen": Trouble(OwnEngine.pause, OwnEngine.resume, FROZEN),
}

if LONG:
    # What still runs then, dockerd ends at its start, one after another: it takes half a minute to answer.
    TROUBLES["killed alone"] = Trouble(OwnEngine.kill, OwnEngine.start, AWAY, keeps_containerd=True)


class House:
    """Pods of all kinds under a daemon, and what they write down."""

    def __init__(self, daemon: Daemon, out: Path) -> None:
        self.daemon = daemon
        self.out = out
        script = out / "cgi-bin" / "probed"
        script.parent.mkdir(parents=True)
        script.write_text(PROBED)
        script.chmod(0o755)

    def fill(self) -> None:
        """Write all pods, and wait until they are as they stay."""
        http = {"httpGet": {"path": "/cgi-bin/probed", "port": 8080}, **PATIENT}
        tcp = {"tcpSocket": {"port": 8080}, **PATIENT}
        web = self.pod("web", self.container("web", SERVES, readinessProbe=http, livenessProbe=tcp))
        web["metadata"]["labels"] = {"app": "web"}
        first = [self.container("first", SHORT_NOTICE), self.container("side", restartPolicy="Always")]
        staying = [
            self.pod("same", self.container("same", livenessProbe=ASKED, readinessProbe=ASKED)),
            web,
            service("web", "web", {"port": 80, "targetPort": 8080}),
            self.pod("lingers", self.container("lingers", LINGERS), terminationGracePeriodSeconds=20),
            self.pod("init", self.container("main"), initContainers=first),
            self.pod("never", self.container("never"), restartPolicy="Never"),
            self.pod("done", self.container("done", SHORT_NOTICE), restartPolicy="Never"),
        ]
        self.daemon.write(text(*staying), "staying.yaml")
        self.daemon.write(text(self.pod("edited", self.container("before"))), "edited.yaml")
        self.daemon.write(text(self.pod("goes", self.container("goes"))), "goes.yaml")
        for name in (*STAYING, "never", "edited", "goes"):
            self.daemon.wait_ready(name)
        self.daemon.wait_pod("done", lambda pod: pod["status"]["phase"] == "Succeeded")

    def edit(self) -> None:
        """One pod has another container, one goes, one comes."""
        self.daemon.write(text(self.pod("edited", self.container("after"))), "edited.yaml")
        self.daemon.remove("goes.yaml")
        self.daemon.write(text(self.pod("new", self.container("new"))), "new.yaml")

    def wait_right(self, count: int) -> None:
        """Wait until the edit is applied, and each container was restarted so often, and is ready."""
        self.daemon.wait_gone("goes")
        self.daemon.wait_pod("edited", lambda pod: pod["spec"]["containers"][0]["name"] == "after" and is_ready(pod))
        self.daemon.wait_ready("new")
        for name in STAYING:
            self.daemon.wait_pod(name, lambda pod: restarts(pod) >= count and is_ready(pod))

    def pod(self, name: str, *containers: Document, **spec: object) -> Document:
        return noting_pod(name, self.out, *containers, **{"terminationGracePeriodSeconds": 1, **spec})

    def container(self, name: str, script: str = STAYS, **fields: object) -> Document:
        """Its processes are found by the instance's name."""
        return noting(name, f": {self.daemon.instance}; {script}", **fields)

    def uids(self) -> dict[str, str]:
        return {name: self.daemon.pod(name)["metadata"]["uid"] for name in (*STAYING, "never", "done")}

    def lives(self) -> dict[str, tuple[str, str]]:
        """What runs of the pods that stay: id and start time."""
        return {where: life for where, life in self.daemon.life().items() if where.split("/")[0] in (*STAYING, "never")}

    def begun(self) -> Counter[str]:
        """How often each container has started."""
        return Counter(line.split()[0] for line in noted(self.out) if line.endswith(" begin"))

    def probes(self) -> int:
        """How many http probes have come so far."""
        return len((self.out / "probes").read_text().splitlines())

    def running(self) -> Counter[str]:
        """What runs, by the kernel's word: what an engine has lost sight of, too."""
        found: Counter[str] = Counter()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                script = (process / "cmdline").read_bytes().decode(errors="replace")
                if f": {self.daemon.instance}; " in script and _is_first(process):
                    found[script.partition("echo ")[2].split()[0]] += 1
        return found


def _is_first(process: Path) -> bool:
    """Whether it is a container's first process: a shell's child looks like the shell for a moment."""
    line = next(line for line in (process / "status").read_text().splitlines() if line.startswith("NSpid:"))
    return line.split()[2:] == ["1"]


@pytest.fixture
def trouble(request: pytest.FixtureRequest) -> Trouble:
    return TROUBLES[request.param]


@pytest.fixture
def engine(trouble: Trouble, image: str) -> Iterator[OwnEngine]:
    with own_engine(image, live_restore=trouble.live_restore, keeps_containerd=trouble.keeps_containerd) as made:
        yield made


@pytest.fixture
def house(engine: OwnEngine, tmp_path: Path, image: str) -> Iterator[House]:
    daemon = DaemonThere(engine, tmp_path, image)
    try:
        made = House(daemon.start(), tmp_path / "out")
        made.fill()
        yield made
    finally:
        daemon.down()


@pytest.mark.parametrize("trouble", TROUBLES, indirect=True)
def test_D03_dockerd_goes_and_comes_back(house: House, engine: OwnEngine, trouble: Trouble) -> None:
    daemon, deaths = house.daemon, int(trouble.deadly)
    lives, uids = house.lives(), house.uids()

    trouble.begin(engine)
    since, probes = time.monotonic(), house.probes()
    house.edit()
    if trouble.begin is not OwnEngine.pause or LONG:
        daemon.wait_engine_error("Docker Engine")
    if not trouble.deadly:
        # Probes that need no engine go on, and so does the Service.
        _until(lambda: house.probes() > probes + 1)
        assert ask_web(house, engine) == "well"
    # That it lasts is what is tested; there is nothing to await.
    time.sleep(max(since + trouble.seconds - time.monotonic(), 0))
    assert daemon.alive(), daemon.tail()
    assert "new" in daemon.cli("get", "pods")

    back = trouble.end(engine)
    house.wait_right(deaths)
    took = time.monotonic() - back
    print(f"\nright {took:.1f} s after dockerd's answer; it was away for {back - since:.0f} s")
    assert took < SOON, daemon.tail()
    daemon.wait_engine_error("")
    _until(lambda: ask_web(house, engine) == "well")

    assert house.uids() == uids
    assert {name: restarts(daemon.pod(name)) for name in STAYING} == dict.fromkeys(STAYING, deaths)
    once = ("never", "done", "before", "after", "goes", "new")
    often = [name for names in STAYING.values() for name in names]
    assert house.begun() == {**dict.fromkeys(once, 1), **dict.fromkeys(often, 1 + deaths)}
    phase = daemon.pod("never")["status"]["phase"]
    if trouble.deadly:
        assert phase in ("Succeeded", "Failed")
    else:
        assert phase == "Running"
        assert house.lives() == lives
        assert not [event for name in STAYING for event in daemon.events(name, "Killing")]

    # Each runs once, by the kernel's word too; of the dead one is kept for each name, for its log, and no sandbox.
    run = [name for name in (*often, "after", "new") if name != "first"] + ["never"] * (not trouble.deadly)
    assert house.running() == dict.fromkeys(run, 1)
    labels = [one["Config"]["Labels"] for one in daemon.containers() if not one["State"]["Running"]]
    dead = Counter((one["orchestrator.dev/pod"], one["orchestrator.dev/container"]) for one in labels)
    assert all(name != "POD" and count <= 1 + (name == "first") for (_, name), count in dead.items()), dead
    assert "should not happen" not in daemon.log.read_text()


def ask_web(house: House, engine: OwnEngine) -> str:
    """What the Service says, asked on the engine's host; "" when it does not."""
    url = f"http://{address_of(house.daemon, 'web')}/cgi-bin/probed"
    with suppress(subprocess.CalledProcessError):
        return engine.run(sys.executable, "-Ic", ASK, url)
    return ""


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
