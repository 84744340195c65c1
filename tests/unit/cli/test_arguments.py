import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from orchestrator import __version__
from orchestrator.cli.durations import seconds
from orchestrator.cli.exec_session import exit_code
from orchestrator.cli.main import VERBS, cli, run
from orchestrator.cli.options import pod_name
from orchestrator.cli.resources import Resource, Wanted, parse
from orchestrator.cli.run import daemon_arguments
from orchestrator.settings import Settings

PODS = Resource("pods", "pod", "Pod", True, ("po",), ("all",))
SERVICES = Resource("services", "service", "Service", True, ("svc",), ("all",))
SPACES = Resource("namespaces", "namespace", "Namespace", False, ("ns",), ())
KNOWN = (PODS, SERVICES, SPACES)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("po",), [Wanted(PODS)]),
        (("Pods,svc",), [Wanted(PODS), Wanted(SERVICES)]),
        (("all",), [Wanted(PODS), Wanted(SERVICES)]),
        (("pod", "a", "b"), [Wanted(PODS, ("a", "b"))]),
        (("pod/a", "svc/b"), [Wanted(PODS, ("a",)), Wanted(SERVICES, ("b",))]),
    ],
)
def test_resources_are_named_as_for_kubectl(words: tuple[str, ...], wanted: list[Wanted]) -> None:
    assert parse(KNOWN, words) == wanted


@pytest.mark.parametrize(
    "words", [(), ("gadgets",), ("pod/a", "b"), ("pods,svc", "a"), ("pod/",), ("pod/a/b",), ("all/x",)]
)
def test_other_words_are_wrong_use(words: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError):
        parse(KNOWN, words)


def test_paths() -> None:
    assert PODS.path("default", "web") == "/api/v1/namespaces/default/pods/web"
    assert PODS.path(None) == "/api/v1/pods"
    assert SPACES.path("default", "x") == "/api/v1/namespaces/x"


@pytest.mark.parametrize(
    ("text", "value"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1.5h", 5400), ("250ms", 0.25)]
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "5", "5x", "s", "5m!", "-5m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter):
        seconds(text)


def test_names_of_pods() -> None:
    assert [pod_name(text) for text in ("web", "pod/web", "po/web")] == ["web"] * 3
    for text in ("svc/web", "pod/", ""):
        with pytest.raises(click.UsageError):
            pod_name(text)


def test_the_live_daemon_gets_exactly_these_settings() -> None:
    settings = Settings(
        (Path("a"), Path("b")),
        state_dir=Path("s"),
        run_dir=Path("r"),
        down_on_exit=True,
        backoff_base=0.5,
        pool="10.9.0.0/16",
    )
    arguments = daemon_arguments(settings, "debug", "json")
    command = cli.get_command(click.Context(cli), "run")
    assert command is not None
    parsed = command.make_context("run", arguments[1:]).params
    assert arguments[0] == "run"
    assert (parsed.pop("log_level"), parsed.pop("log_format"), parsed.pop("live")) == ("debug", "json", False)
    assert Settings(**parsed) == settings


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        (("--instance", "User 2"), "'User 2' is no name"),
        (("--instance", "-a"), "'-a' is no name"),
        (("--instance", "a" * 41), "at most 40"),
        (("--instance", ""), "'' is no name"),
        (("--backoff-base", "-1"), "-1"),
        (("--allowed-unsafe-sysctls", "net.core.*,vm.swappiness"), "'vm.swappiness' is not known to be namespaced"),
    ],
)
def test_settings_that_cannot_be_are_wrong_use(
    flag: tuple[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["run", str(tmp_path), *flag]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "setting"), [("", "none"), ("none", "none"), ("any", "any"), ("net.*, kernel.sem", "net.*,kernel.sem")]
)
def test_what_unsafe_sysctls_may_be(written: str, setting: str) -> None:
    command = cli.get_command(click.Context(cli), "run")
    assert command is not None
    arguments = ["specs", "--allowed-unsafe-sysctls", written]
    assert command.make_context("run", arguments).params["allowed_unsafe_sysctls"] == setting


@pytest.mark.parametrize("words", [("web", "ls"), ("web", "sh", "-c", "echo"), ("-n", "a", "web", "ls", "-l")])
def test_a_command_without_dashes_before_it_is_wrong_use(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["exec", *words]) == 2
    assert "put -- before the command" in capsys.readouterr().err


def test_the_version_is_told_without_a_daemon(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"orchestrator {__version__}\n"


def test_every_verb_has_a_line_of_help() -> None:
    context = click.Context(cli)
    for verb in VERBS:
        command = cli.get_command(context, verb)
        assert command is not None
        assert command.short_help
        assert len(command.short_help) < 62


def test_the_exit_code_of_an_exec(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code({"status": "Success"}) == 0
    assert exit_code({"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "9"}]}}) == 9
    assert exit_code({"status": "Failure", "message": "no such thing"}) == 1
    assert capsys.readouterr().err == "error: no such thing\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["descibe", "pod", "web"], "No such command 'descibe' (did you mean \"describe\"?)"),
        (["frobnicate"], "No such command 'frobnicate'\n"),
        (["run", "--cluster-domain", "a b", "specs"], "'a b': a lowercase RFC 1123 subdomain must consist of"),
        (["run", "--node-name", "Node_1", "specs"], "'Node_1': a lowercase RFC 1123 subdomain must consist of"),
    ],
)
def test_wrong_use_is_told_with_what_is_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("url", ["docker", "ssh://ann@host", "unix:/run/docker.sock", "tcp://"])
def test_an_engine_that_cannot_be_named_so_is_one_sentence(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "specs").mkdir()
    state, runs = tmp_path / "state", tmp_path / "run"
    told = ["--engine-url", url, "--state-dir", str(state), "--run-dir", str(runs)]
    assert run(["run", *told, str(tmp_path / "specs")]) == 1
    assert capsys.readouterr().err == (
        f"orchestrator: cannot use {url!r} as an engine: write it as unix:///var/run/docker.sock or tcp://HOST:PORT "
        "(--engine-url, or DOCKER_HOST)\n"
    )


@pytest.mark.parametrize(
    ("into", "code", "said"),
    [(">/dev/full", 1, "error: cannot go on: no space left on device\n"), (">&-", 0, "")],
    ids=["full", "closed"],
)
def test_an_output_that_takes_nothing_is_one_sentence(into: str, code: int, said: str) -> None:
    ended = subprocess.run(
        ["sh", "-c", f'"$0" -m orchestrator schema {into}', sys.executable], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (code, said)


def test_every_option_of_run_has_the_variable_that_its_help_says() -> None:
    command = cli.get_command(click.Context(cli), "run")
    assert command is not None
    assert "ORCHESTRATOR_LOG_LEVEL is --log-level" in (command.help or "")
    options = {option.opts[0]: option for option in command.params if isinstance(option, click.Option)}
    without = {"--live"}
    assert {flag for flag, option in options.items() if option.envvar is None} == without
    for flag in options.keys() - without:
        assert options[flag].envvar == "ORCHESTRATOR_" + flag.removeprefix("--").upper().replace("-", "_")


@pytest.mark.parametrize(
    ("words", "offered"), [("orchestrator des", ["describe"]), ("orchestrator run --node-p", ["--node-port-range"])]
)
def test_a_shell_completes_verbs_and_options(words: str, offered: list[str]) -> None:
    asked = {"_ORCHESTRATOR_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    told = subprocess.run(
        [sys.executable, "-m", "orchestrator"], env=os.environ | asked, capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines() == [f"plain,{each}" for each in offered]
