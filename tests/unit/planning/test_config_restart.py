"""Edits of config and what runs (V02): nothing by default, and a condition; a restart where the annotation asks."""

from dataclasses import replace

import msgspec
import pytest

from orchestrator.objects.annotations import CONFIG_CURRENT, RESTART_ON_CHANGE
from orchestrator.objects.config import ConfigMap, Secret
from orchestrator.objects.pod import Pod
from orchestrator.planning.config_restart import SETTLES
from orchestrator.planning.labels import CONFIG, SANDBOX_NAME
from orchestrator.planning.observed import StopReason
from orchestrator.planning.ops import Create
from tests.unit.planning.builders import around, config_map, decoded, deleted, pod, secret
from tests.unit.planning.model import World

KEY = b"k" * 32
SPEC = """
restartPolicy: Always
volumes:
- {name: files, configMap: {name: settings, items: [{key: file, path: app.conf}, {key: page, path: page}]}}
- {name: token, secret: {secretName: keys}}
containers:
- name: env
  image: web:1
  env: [{name: LEVEL, valueFrom: {configMapKeyRef: {name: settings, key: level}}}]
- name: all
  image: web:1
  envFrom: [{secretRef: {name: keys}}, {configMapRef: {name: extra, optional: true}}]
- name: path
  image: web:1
  volumeMounts: [{name: files, mountPath: /app.conf, subPath: app.conf}]
- name: live
  image: web:1
  volumeMounts: [{name: token, mountPath: /token}, {name: files, mountPath: /files}]
- {name: none, image: "web:1"}
"""
CONTAINERS = ("env", "all", "path", "live", "none")
SETTINGS = {"level": "debug-sesame", "file": "file-sesame", "page": "page-sesame"}


def settings(**changed: str) -> ConfigMap:
    return config_map("settings", **SETTINGS | changed)


def keys(**changed: str) -> Secret:
    return secret("keys", **{"token": "token-sesame"} | changed)


def annotated(words: str = "config,secrets", spec: str = SPEC) -> Pod:
    return pod(spec, annotations={RESTART_ON_CHANGE: words} if words else {})


def living(words: str = "config,secrets", spec: str = SPEC) -> World:
    """The pod with all its containers running for a while."""
    world = World(annotated(words, spec), around=around(settings(), keys(), digest_key=KEY))
    world.advance(100)
    return world


def edit(world: World, *objects: ConfigMap | Secret, wait: float = SETTLES) -> list[str]:
    """Give the pod other surroundings for a while; gives the containers that were restarted since, with how often."""
    before = attempts(world)
    world.around = around(*objects, digest_key=KEY)
    world.advance(wait)
    return [name for name, attempt in attempts(world).items() for _ in range(attempt - before[name])]


def attempts(world: World) -> dict[str, int]:
    return {name: world.newest(name).attempt for name in CONTAINERS if any(c.name == name for c in own(world))}


def own(world: World) -> list[object]:
    return [c for c in world.containers.values() if c.name != SANDBOX_NAME]


def condition(world: World) -> str:
    assert world.pod is not None
    found = [c for c in world.pod.status.conditions if c.type == CONFIG_CURRENT]
    assert all((c.status, c.reason) == (("False", "ConfigChanged") if c.message else ("True", "")) for c in found)
    return found[0].message if found else ""


# --- who is restarted ---


@pytest.mark.parametrize(
    ("objects", "restarted"),
    [
        ((settings(level="info"), keys()), ["env"]),
        ((settings(file="x"), keys()), ["path", "live"]),
        ((settings(page="x"), keys()), ["live"]),
        ((settings(unused="x"), keys()), []),
        ((settings(), keys(token="x")), ["all", "live"]),
        ((settings(), keys(more="x")), ["all", "live"]),
        ((settings(), keys(), config_map("extra", one="1")), ["all"]),
        ((settings(), keys(), config_map("other", one="1")), []),
        ((settings(level="info", page="x"), keys(token="x")), ["env", "all", "live"]),
    ],
)
def test_V02_each_container_alone_that_reads_the_key(objects: tuple[ConfigMap, ...], restarted: list[str]) -> None:
    assert edit(living(), *objects) == restarted


@pytest.mark.parametrize(("words", "restarted"), [("config", ["env"]), ("secrets", ["all", "live"]), ("", [])])
def test_V02_the_annotation_says_which_kind(words: str, restarted: list[str]) -> None:
    assert edit(living(words), settings(level="info"), keys(token="x")) == restarted


def test_V02_the_event_names_the_key_and_never_the_value() -> None:
    world = living()
    edit(world, settings(level="new-sesame"), keys())
    assert 'Container env will be restarted: key "level" of ConfigMap "settings" changed' in world.told
    assert 'begin stop env: key "level" of ConfigMap "settings" changed' in world.lines
    edit(world, settings(level="new-sesame"), secret("keys", token="token-sesame", a="1", b="2", c="3", d="4"))
    assert (
        'Container all will be restarted: key "a" of Secret "keys" was added, key "b" of Secret "keys" was added, '
        'key "c" of Secret "keys" was added and 1 more'
    ) in world.told
    labels = " ".join(container.config for container in world.containers.values())
    assert "sesame" not in " ".join((*world.told, *world.lines, labels, condition(world)))


def test_V02_it_ends_as_for_an_edit_of_its_spec() -> None:
    hooked = SPEC.replace("- name: env\n", "- name: env\n  lifecycle: {preStop: {exec: {command: [bye]}}}\n")
    world = living(spec=hooked)
    world.lines.clear()
    edit(world, settings(level="info"), keys())
    what = 'key "level" of ConfigMap "settings" changed'
    assert [line for line in world.lines if " env" in line] == [
        f"begin stop env: {what}",
        "run hook preStop of env: before the end (config)",
        "signal stop signal to env: end (config)",
        "create env/1: its config changed",
        "keep restarts env: its config changed",
        "start env: its config changed",
    ]
    assert world.restarts["env"].delay == 0


# --- when ---


def test_V02_many_edits_are_one_restart_and_one_that_is_taken_back_is_none() -> None:
    world = living()
    for level in ("1", "2", "3"):
        assert edit(world, settings(level=level), keys(), wait=SETTLES / 2) == []
    assert edit(world, settings(level="3"), keys()) == ["env"]
    assert edit(world, settings(level="4"), keys(), wait=SETTLES / 2) == []
    assert edit(world, settings(level="3"), keys(), wait=100) == []


def test_V02_an_edit_while_it_ends_needs_no_second_restart() -> None:
    world = living()
    world.deaf = True
    edit(world, settings(level="1"), keys())
    assert world.stops[world.newest("env").id].reason is StopReason.CONFIG
    assert edit(world, settings(level="2"), keys(), wait=100) == ["env"]


def test_V02_taken_back_while_it_ends_it_starts_again_whatever_its_policy() -> None:
    world = living(spec=SPEC.replace("Always", "Never"))
    world.deaf = True
    edit(world, settings(level="1"), keys())
    assert edit(world, settings(), keys(), wait=100) == ["env"]
    assert world.pod is not None
    assert world.pod.status.phase == "Running"


def test_V02_a_pod_whose_only_container_ends_for_it_is_not_over() -> None:
    ref = "valueFrom: {configMapKeyRef: {name: settings, key: level}}"
    world = living(
        "config", f"restartPolicy: Never\ncontainers: [{{name: env, image: 'web:1', env: [{{name: A, {ref}}}]}}]"
    )
    assert edit(world, settings(level="1")) == ["env"]
    assert world.pod is not None
    assert world.pod.status.phase == "Running"


def test_V02_an_environment_has_no_binary_data() -> None:
    base = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}}
    assert edit(living(), settings(), keys(), decoded({**base, "binaryData": {"raw": "AAAA"}})) == []


def test_V02_what_has_ended_by_itself_is_not_run_again() -> None:
    world = living(spec=SPEC.replace("Always", "OnFailure"))
    world.end("env", 0)
    assert edit(world, settings(level="info"), keys(), wait=100) == []


def test_V02_in_back_off_an_edit_of_its_config_ends_the_wait() -> None:
    world = living()
    for _ in range(3):
        world.end("env")
        world.rest()
    assert world.advance(1).waiting["env"].reason == "CrashLoopBackOff"
    assert edit(world, settings(level="info"), keys(), wait=0) == ["env"]


def test_V02_an_edit_while_no_daemon_looked_is_noticed() -> None:
    world = living()
    world.consumed.clear()
    world.stops.clear()
    world.now += 1000
    assert edit(world, settings(level="info"), keys()) == ["env"]


def test_V02_an_annotation_that_comes_later_counts_from_the_container_s_start() -> None:
    world = living("")
    assert edit(world, settings(level="info"), keys(), wait=100) == []
    world.edit(lambda of: msgspec.structs.replace(of, metadata=annotated().metadata))
    assert edit(world, settings(level="info"), keys()) == ["env"]


# --- what is left alone ---


def test_V02_by_default_nothing_restarts_and_the_condition_says_what_is_old() -> None:
    world = living("")
    assert condition(world) == ""
    changed = settings(level="info", file="x", page="x"), keys(token="y", more="z")
    assert edit(world, *changed, wait=100) == []
    assert condition(world) == (
        'env was made before key "level" of ConfigMap "settings" changed (env); '
        'all was made before key "more" of Secret "keys" was added, key "token" of Secret "keys" changed (env); '
        'path was made before key "file" of ConfigMap "settings" changed (volume files)'
    )
    assert edit(world, settings(), keys()) == []
    assert condition(world) == ""


def test_V02_a_pod_that_goes_with_its_config_is_told_of_no_edit() -> None:
    world = living("")
    assert world.pod is not None
    world.pod = deleted(world.pod, 30)
    world.deaf = True
    edit(world)
    assert condition(world) == ""


def test_V02_the_condition_is_gone_with_what_it_tells_of() -> None:
    world = living("")
    edit(world, settings(level="info"), keys())
    assert condition(world)
    world.end("env")
    world.rest()
    assert condition(world) == ""


def test_V02_what_will_be_restarted_in_a_moment_is_not_told_of() -> None:
    world = living("config")
    edit(world, settings(level="info"), keys(more="x"), wait=0)
    assert condition(world) == 'all was made before key "more" of Secret "keys" was added (env)'


@pytest.mark.parametrize(
    ("objects", "obstacle", "restarted"),
    [
        (
            (config_map("settings", file="x", page="y"), keys()),
            "couldn't find key level in ConfigMap",
            ["path", "live"],
        ),
        ((keys(),), 'configmap "settings" not found', []),
        ((config_map("settings", level="x", page="y"), keys()), 'it needs key "file" of ConfigMap "settings"', ["env"]),
        ((settings(),), 'secret "keys" not found', []),
    ],
)
def test_V02_what_could_not_start_again_goes_on(
    objects: tuple[ConfigMap, ...], obstacle: str, restarted: list[str]
) -> None:
    world = living()
    running = {c.id for c in world.containers.values()}
    assert edit(world, *objects, wait=130) == restarted
    held = [message for message in world.told if "not restarted" in message]
    assert any(f"it could not start again ({obstacle}" in message for message in held)
    names = {message.split()[1] for message in held}
    assert names
    assert {c.name for c in world.containers.values() if c.alive and c.id in running} >= names
    assert world.events.count("RestartHeld") == 2 * len(names), "it is told once more every two minutes"


@pytest.mark.parametrize(
    ("fields", "volume"),
    [
        ("volumeMounts: [{name: v, mountPath: /a, subPath: level}]", "configMap: {name: settings, optional: true}"),
        (
            "env: [{name: LEVEL, valueFrom: {configMapKeyRef: {name: settings, key: level, optional: true}}}]\n"
            "  volumeMounts: [{name: v, mountPath: /a, subPathExpr: $(LEVEL)}]",
            "emptyDir: {}",
        ),
    ],
)
def test_V02_a_sub_path_that_would_lead_nowhere_holds_a_restart_though_its_source_is_optional(
    fields: str, volume: str
) -> None:
    spec = f"volumes: [{{name: v, {volume}}}]\ncontainers:\n- name: path\n  image: web:1\n  {fields}\n"
    world = living("config", spec)
    assert edit(world, config_map("settings", level="other")) == ["path"]
    assert edit(world, config_map("settings", other="x"), wait=10) == []
    assert "RestartHeld" in world.events


def test_V02_what_is_missed_of_the_other_kind_holds_it_too() -> None:
    ref = "valueFrom: {configMapKeyRef: {name: settings, key: level}}"
    mount = "volumeMounts: [{name: v, mountPath: /a, subPath: token}]"
    spec = (
        "volumes: [{name: v, secret: {secretName: keys, optional: true}}]\n"
        f"containers: [{{name: env, image: 'web:1', env: [{{name: A, {ref}}}], {mount}}}]"
    )
    world = living("config", spec)
    assert edit(world, settings(level="1")) == []
    assert edit(world, settings(level="1"), keys()) == ["env"]


def test_V02_in_back_off_what_could_not_start_again_goes_on_waiting() -> None:
    world = living()
    for _ in range(3):
        world.end("env")
        world.rest()
    world.around = around(keys(), digest_key=KEY)
    assert world.advance(1).waiting["env"].reason == "CrashLoopBackOff"


def test_V02_once_it_could_start_again_it_is_restarted() -> None:
    world = living()
    assert "env" not in edit(world, config_map("settings", file="x", page="y"), keys(), wait=10)
    assert condition(world).startswith('env was made before key "level" of ConfigMap "settings" was removed (env); it')
    assert edit(world, settings(file="x", page="y"), keys()) == []
    assert edit(world, settings(file="x", page="y", level="info"), keys()) == ["env"]


def test_V02_optional_keys_that_come_and_go_count() -> None:
    world = living()
    assert edit(world, settings(), keys(), config_map("extra", one="1")) == ["all"]
    assert edit(world, settings(), keys(), config_map("extra", two="1")) == ["all"]
    assert edit(world, settings(), keys()) == ["all"]


@pytest.mark.parametrize("label", ["", "00000000 ConfigMap/settings/level=000000000000", "nonsense"])
def test_V02_what_nothing_is_known_of_is_never_restarted(label: str) -> None:
    """Made by another version, or with the key of a state folder that was lost."""
    world = living()
    world.containers = {key: replace(c, config=label) for key, c in world.containers.items()}
    assert edit(world, settings(level="info"), keys(token="x"), wait=100) == []
    assert condition(world) == ""


def test_V02_init_containers_that_have_ended_do_not_count_and_sidecars_do() -> None:
    reads = "env: [{name: LEVEL, valueFrom: {configMapKeyRef: {name: settings, key: level}}}]"
    side = f"- {{name: side, image: 'init:1', restartPolicy: Always, {reads}}}"
    init = f"- {{name: first, image: 'init:1', {reads}}}\n{side}"
    world = World(
        annotated(spec=f"initContainers:\n{init}\ncontainers: [{{name: web, image: 'web:1'}}]"),
        around=around(settings(), digest_key=KEY),
    )
    world.rest()
    world.end("first", 0)
    world.advance(10)
    world.around = around(settings(level="info"), digest_key=KEY)
    world.advance(SETTLES)
    assert [world.newest(name).attempt for name in ("first", "side", "web")] == [0, 1, 0]


# --- the digests ---


def test_V02_a_label_gives_no_value_away() -> None:
    """Equal values look different, and so do equal keys of another instance."""
    same = config_map("settings", level="one", file="one", page="one"), secret("keys", token="one", more="one")
    found = [made(*same, digest_key=key) for key in (KEY, b"x" * 32)]
    for labels in found:
        digests = {pair.split("=")[1] for label in labels.values() for pair in label.split(" ")[1:]}
        assert len(digests) == 5
        assert all(len(digest) == 12 for digest in digests)
        assert "none" not in labels
    assert not set(" ".join(found[0].values()).split()) & set(" ".join(found[1].values()).split())
    assert found[0]["env"].split("=")[0].endswith(" ConfigMap/settings/level")


def made(*objects: ConfigMap | Secret, digest_key: bytes) -> dict[str, str]:
    """The label of each container that the pod would have."""
    world = World(annotated(), around=around(*objects, digest_key=digest_key))
    labels: dict[str, str] = {}
    while ops := world.look().ops:
        for op in ops:
            world.do(op)
            if isinstance(op, Create) and CONFIG in op.config.labels:
                labels[op.name] = op.config.labels[CONFIG]
    return labels
