import asyncio
import json
import re

import pytest
import yaml

from orchestrator.api.status import Problem
from orchestrator.cli.client import Client
from orchestrator.cli.picture import changes, take
from orchestrator.engine.base import ExecResult
from orchestrator.engine.simulated import Program
from tests.component.api.house import PATIENCE, POD, SECRET, House

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}], clusterIP: 10.0.0.1}
"""


async def test_get_prints_kubectls_table(house: House) -> None:
    house.apply(POD)
    house.apply(POD.replace("name: web", "name: a-longer-name"))
    ended = await house.cli("get", "po")
    header, *rows = ended.out.splitlines()
    assert header.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert [row.split()[:4] for row in rows] == [
        ["a-longer-name", "0/2", "Pending", "0"],
        ["web", "0/2", "Pending", "0"],
    ]
    assert rows[1].index("0/2") == header.index("READY") == len("a-longer-name") + 3
    assert ended.err == ""


async def test_get_of_several_kinds_names_and_forms(house: House) -> None:
    house.apply(POD)
    house.apply(SERVICE)
    out = (await house.cli("get", "all", "--show-labels")).out
    assert re.search(r"^pod/web .* app=web$", out, re.M)
    assert re.search(r"^service/web +ClusterIP +10\.0\.0\.1 +<none> +80/TCP ", out, re.M)
    assert (await house.cli("get", "pod/web", "svc/web", "-o", "name")).out == "pod/web\nservice/web\n"
    assert (await house.cli("get", "pods", "-A", "--no-headers")).out.split()[:2] == ["default", "web"]
    assert "10.0.0.1" in (await house.cli("get", "svc", "web", "-o", "wide")).out


async def test_get_prints_documents(house: House) -> None:
    house.apply(POD)
    one = json.loads((await house.cli("get", "pod", "web", "-o", "json")).out)
    assert (one["kind"], one["metadata"]["name"]) == ("Pod", "web")
    many = yaml.safe_load((await house.cli("get", "pods", "-o", "yaml")).out)
    assert (many["kind"], [item["metadata"]["name"] for item in many["items"]]) == ("List", ["web"])


async def test_nothing_found_and_nothing_there(house: House) -> None:
    ended = await house.cli("get", "pods", "-n", "empty")
    assert (ended.out, ended.err) == ("", "No resources found in empty namespace.\n")
    ended = await house.cli("get", "pod", "web", code=1)
    assert ended.err == 'Error from server (NotFound): pods "web" not found\n'
    ended = await house.cli("get", "gadgets", code=2)
    assert "no resource is called 'gadgets'" in ended.err
    ended = await house.cli("get", "pods", "-l", "a=(", code=1)
    assert ended.err.startswith("Error from server (BadRequest): unable to parse requirement")


async def test_problems_of_the_specs_are_shown_by_get(house: House) -> None:
    house.problems = (Problem("specs/web.yaml:3:7", 'spec.imag: unknown field "imag"'),)
    house.apply(POD)
    ended = await house.cli("get", "pods")
    assert "web" in ended.out
    assert 'specs/web.yaml:3:7: spec.imag: unknown field "imag"' in ended.err


async def test_secrets_stay_hidden_unless_asked_for(house: House) -> None:
    house.apply(SECRET)
    ended = await house.cli("get", "secret", "keys", "-o", "yaml")
    assert "c2VzYW1l" not in ended.out
    assert "--show-secrets" in ended.err
    assert "c2VzYW1l" in (await house.cli("get", "secret", "keys", "-o", "yaml", "--show-secrets")).out
    described = (await house.cli("describe", "secret", "keys")).out
    assert re.search(r"^token: +6 bytes$", described, re.M)
    assert "sesame" not in described


async def test_get_watch_prints_each_change(house: House) -> None:
    house.apply(POD)
    process = await asyncio.create_subprocess_exec(
        *house.command("get", "pods", "-w"), stdout=asyncio.subprocess.PIPE, env={"PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        assert (await process.stdout.readline()).startswith(b"NAME")
        assert (await process.stdout.readline()).split()[2] == b"Pending"
        house.set_status("web", phase="Running")
        assert (await process.stdout.readline()).split()[2] == b"Running"
        await house.api.stop()
        assert await process.wait() == 1


async def test_describe_says_why_a_pod_is_not_well(house: House) -> None:
    pod = house.apply(POD)
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container=app"}}
    ended = {"terminated": {"exitCode": 3, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}}
    status = {"name": "app", "ready": False, "restartCount": 4, "image": "app:1", "imageID": "sha256:1"}
    house.set_status("web", phase="Running", containerStatuses=[{**status, "state": waiting, "lastState": ended}])
    house.recorder.record(pod, "Warning", "BackOff", "Back-off restarting failed container app")
    house.recorder.record(pod, "Warning", "BackOff", "Back-off restarting failed container app")
    out = (await house.cli("describe", "pod", "web")).out
    top = "\n".join(out.splitlines()[:12])
    assert "app: CrashLoopBackOff: starts again now (back-off 40s)" in top
    assert re.search(r"its last run ended \w+ ago with exit code 3 \(Error\); its output: orchestrator logs web", top)
    assert re.search(r"^    State: +Waiting\n      Reason: +CrashLoopBackOff\n", out, re.M)
    assert re.search(r"^    Last State: +Terminated\n      Reason: +Error\n      Exit Code: +3\n", out, re.M)
    assert "<set to the key 'token' in secret 'keys'>" in out
    assert re.search(r"^  Warning +BackOff +\d+s \(x2 over \d+s\) +orchestrator +Back-off", out, re.M)


async def test_describe_of_what_was_refused_says_who_is_in_its_way(house: House) -> None:
    house.problems = (Problem("specs/late.yaml:1", "Service/default/late: is held by Service default/web"),)
    ended = await house.cli("describe", "svc", "late", code=1)
    assert "is held by Service default/web" in ended.err
    assert ended.err.endswith('Error from server (NotFound): services "late" not found\n')


async def test_describe_of_a_service(house: House) -> None:
    house.apply(SERVICE)
    out = (await house.cli("describe", "svc/web")).out
    assert re.search(r"^Port: +<unset>  80/TCP\nTargetPort: +8080/TCP\nEndpoints: +<none>$", out, re.M)


async def test_events_oldest_first_and_of_one_object(house: House) -> None:
    pod = house.apply(POD)
    house.recorder.record(pod, "Normal", "Started", "Container started")
    house.recorder.record(house.apply(SERVICE), "Warning", "Odd", "two\nlines")
    header, *rows = (await house.cli("events")).out.splitlines()
    assert re.split(r"\s{2,}", header) == ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert len(rows) == 2
    (row,) = (await house.cli("events", "--for", "pod/web", "--no-headers")).out.splitlines()
    assert row.split()[1:] == ["Normal", "Started", "Pod/web", "Container", "started"]
    assert "two lines" in (await house.cli("events", "--types", "Warning")).out
    assert (await house.cli("events", "-n", "none")).err == "No events found in none namespace.\n"


async def test_wide_events_have_the_classic_columns(house: House) -> None:
    pod = house.apply(POD)
    for _ in range(3):
        house.recorder.record(pod, "Warning", "Unhealthy", "sick", field_path="spec.containers{app}")
    classic = ["FIRSTSEEN", "LASTSEEN", "COUNT", "FROM", "SUBOBJECTPATH", "TYPE", "REASON", "MESSAGE"]
    header, row = (await house.cli("events", "--wide", "--for", "pod/web")).out.splitlines()
    assert header.split() == classic
    cells = re.split(r"\s{2,}", row)
    assert [re.fullmatch(r"\d+s", cell) is not None for cell in cells[:2]] == [True, True]
    assert cells[2:] == ["3", "orchestrator, node", "spec.containers{app}", "Warning", "Unhealthy", "sick"]
    header, row = (await house.cli("events", "-A", "--wide")).out.splitlines()
    assert header.split() == ["NAMESPACE", "OBJECT", *classic]
    assert row.split()[:2] == ["default", "Pod/web"]


async def test_logs(house: House) -> None:
    pod = house.apply(POD)
    await house.run_container(pod, "app", 0, Program(output=((1, b"one\n"), (2, b"two"))))
    await house.run_container(pod, "side", 0, Program(output=((1, b"three\n"),)))
    assert (await house.cli("logs", "web")).out == "one\ntwo"
    assert (await house.cli("logs", "pod/web", "-c", "side")).out == "three\n"
    both = (await house.cli("logs", "web", "--all-containers", "--prefix")).out
    assert both == "[pod/web/app] one\n[pod/web/app] two[pod/web/side] three\n"
    ended = await house.cli("logs", "web", "-p", code=1)
    assert ended.err == ('Error from server (BadRequest): previous terminated container "app" in pod "web" not found\n')


async def test_exec_has_the_commands_output_and_code(house: House) -> None:
    program = Program(exec=lambda argv: ExecResult(7, "|".join(argv).encode()))
    await house.run_container(house.apply(POD), "app", 0, program)
    ended = await house.cli("exec", "web", "-c", "app", "--", "ls", "-l", "a b", code=7)
    assert ended.out == "ls|-l|a b"
    ended = await house.cli("exec", "web", "-c", "side", "--", "ls", code=1)
    assert 'container "side" in pod "web" is not running' in ended.err


async def test_version_with_and_without_a_daemon(house: House) -> None:
    out = (await house.cli("version")).out
    assert re.search(r"^client +\S+\ndaemon +\S+ \(pid \d+, instance t\)\nengine +Simulated Engine 1\.0", out)
    await house.api.stop()
    ended = await house.cli("version")
    assert ended.out.startswith("client")
    assert "no daemon answers at" in ended.err


@pytest.mark.parametrize("verb", [("get", "pods"), ("describe", "pod", "x"), ("logs", "x"), ("exec", "x", "--", "y")])
async def test_without_a_daemon_one_sentence_says_what_to_do(house: House, verb: tuple[str, ...]) -> None:
    await house.api.stop()
    ended = await house.cli(*verb, code=1)
    assert ended.err == (
        f"error: no daemon answers at {house.socket}; start one with `orchestrator run SPECS`, "
        "or name another with --socket or ORCHESTRATOR_SOCKET\n"
    )


async def test_validate_needs_no_daemon(house: House) -> None:
    await house.api.stop()
    ended = await house.cli("validate", "-", stdin=POD.encode())
    assert (ended.out, ended.err) == ("", "1 object, 0 errors, 0 warnings\n")
    broken = POD.replace("image: app:1", "imag: app:1", 1)
    ended = await house.cli("validate", "-", stdin=broken.encode(), code=1)
    assert re.search(r"^<stdin>:8:5: spec\.containers\[0\]\.imag: unknown field .* \(did you mean", ended.out, re.M)
    found = json.loads((await house.cli("validate", "-", "-o", "json", stdin=broken.encode(), code=1)).out)
    assert found["valid"] is False
    assert {problem["line"] for problem in found["problems"]} >= {8}


async def test_a_reader_that_leaves_is_no_error(house: House) -> None:
    pod = house.apply(POD)
    await house.run_container(pod, "app", 0, Program(output=((1, b"line\n" * 200_000),)))
    command = " ".join(house.command("logs", "web"))
    process = await asyncio.create_subprocess_shell(
        f"{command} | head -1", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert (out, err) == (b"line\n", b"")


async def test_what_a_container_says_steers_no_terminal(house: House) -> None:
    pod = house.apply(POD)
    steers = "\x1b[2Jgone\r\x9b31m"
    state = {"waiting": {"reason": "Crash\x1b[2J", "message": f"back-off: {steers}"}}
    house.set_status(
        "web",
        phase="Pending",
        message=steers,
        containerStatuses=[
            {"name": "app", "image": "app:1", "imageID": "", "state": state, "ready": False, "restartCount": 0}
        ],
    )
    house.recorder.record(pod, "Warning", "Unhealthy", f"Liveness probe failed: {steers}")
    shown = "^[[2Jgone"
    for words in (["get", "pods"], ["get", "events"], ["describe", "pod", "web"], ["events"], ["events", "--wide"]):
        out = (await house.cli(*words)).out
        assert out.replace("\n", "").isprintable(), words
        assert "Crash^[[2J" in out if words[1:] == ["pods"] else shown in out, (words, out)
    picture = await asyncio.to_thread(take, Client(house.socket), "2026-01-01T00:00:00Z")
    assert all(line.isprintable() for line in changes(None, picture))
    assert shown in picture.warnings[0].text
    house.problems = (Problem("a.yaml:1:1", steers),)
    assert shown in (await house.cli("get", "pods")).err
