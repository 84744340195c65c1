"""Golden text: what an edit would do.  No test gives a secret a value that is part of what is expected."""

import json
from typing import Any

import pytest
import yaml

from orchestrator.objects import registry
from orchestrator.planning.differences import differences
from orchestrator.planning.identity import container_digest, pod_identity
from orchestrator.planning.preview import Action, preview, summary
from tests.unit.planning.builders import decoded

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  volumes:
  - {name: page, configMap: {name: page}}
  - {name: keys, secret: {secretName: keys, items: [{key: token, path: t}]}}
  initContainers:
  - {name: prepare, image: "app:1", env: [{name: SETUP, value: sesame}]}
  containers:
  - name: app
    image: app:1
    args: [serve, --port, "80"]
    env: [{name: LEVEL, value: sesame}, {name: MODE, valueFrom: {configMapKeyRef: {name: page, key: mode}}}]
    ports: [{containerPort: 80}]
    volumeMounts: [{name: page, mountPath: /page}, {name: keys, mountPath: /keys}]
  - name: side
    image: side:1
    envFrom: [{secretRef: {name: keys}}]
    volumeMounts: [{name: page, mountPath: /one, subPath: one}]
"""
PAGE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: page}
data: {one: "1", mode: fast}
"""
KEYS = """
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: sesame, other: sesame}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""


def objects(*texts: str) -> dict[Any, Any]:
    made = [decoded(document) for text in texts for document in yaml.safe_load_all(text)]
    return {(registry.kind_of(obj), obj.metadata.namespace, obj.metadata.name): obj for obj in made}


ALL = (POD, PAGE, KEYS, SERVICE)


def planned(*wanted: str, current: tuple[str, ...] = ALL) -> str:
    """The golden text, without what stays."""
    steps = preview(objects(*current), objects(*wanted))
    return "\n".join(str(step) for step in steps if step.action is not Action.NOTHING)


def edited(text: str, old: str, new: str) -> tuple[str, ...]:
    assert old in text
    return tuple(text.replace(old, new) if each == text else each for each in ALL)


def test_nothing_changed_is_nothing_to_do() -> None:
    steps = preview(objects(*ALL), objects(*ALL))
    assert [str(step) for step in steps] == [
        "ConfigMap default/page: nothing",
        "Secret default/keys: nothing",
        "Service default/front: nothing",
        "Pod default/web: nothing",
    ]
    assert summary(steps) == "4 unchanged"
    assert summary(()) == "nothing"


def test_all_is_created_where_nothing_is_and_pods_come_last() -> None:
    assert planned(*ALL, current=()) == (
        "ConfigMap default/page: create: it is not there yet\n"
        "Secret default/keys: create: it is not there yet\n"
        "Service default/front: create: it is not there yet\n"
        "Pod default/web: create: it is not there yet"
    )


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("image: app:1\n", "image: app:2\n", "replace container app: spec.containers[0].image: app:1 -> app:2"),
        (
            'args: [serve, --port, "80"]',
            "args: [serve]",
            'replace container app: spec.containers[0].args: ["serve", "--port", "80"] -> ["serve"]',
        ),
        (
            "{name: LEVEL, value: sesame}",
            "{name: LEVEL, value: open}, {name: FRESH, value: sesame}",
            "replace container app: spec.containers[0].env: LEVEL changed, FRESH added",
        ),
        (
            "ports: [{containerPort: 80}]",
            "ports: [{containerPort: 80}, {containerPort: 81}]",
            "replace container app: spec.containers[0].ports[1]: added",
        ),
        (
            "[{name: page, mountPath: /page}, {name: keys, mountPath: /keys}]",
            "[{name: keys, mountPath: /keys}, {name: page, mountPath: /page}]",
            "replace container app: spec.containers[0].volumeMounts: another order",
        ),
        (
            "image: app:1\n",
            "image: app:1\n    livenessProbe: {httpGet: {port: 80}}\n",
            "replace container app: spec.containers[0].livenessProbe: added",
        ),
        ("  - name: side\n", "  - {name: third, image: x}\n  - name: side\n", "add container third: the pod does not"),
        ("labels: {app: web}", "labels: {app: www}", "update: metadata.labels.app: web -> www; touches nothing that"),
        (
            "spec:\n",
            "spec:\n  terminationGracePeriodSeconds: 5\n",
            "update: spec.terminationGracePeriodSeconds: 30 -> 5; touches nothing that runs",
        ),
        ("spec:\n", "spec:\n  nodeSelector: {disk: fast}\n", "update: spec.nodeSelector: added; touches nothing"),
        ("spec:\n", "spec:\n  hostname: other\n", "replace pod: spec.hostname: (none) -> other"),
        (
            "value: sesame}]}\n  containers",
            "value: open}]}\n  containers",
            "replace pod: spec.initContainers[0].env: SETUP changed",
        ),
        (
            "initContainers:\n",
            "initContainers:\n  - {name: new, image: x, env: [{name: A, value: sesame}]}\n",
            "replace pod: spec.initContainers[0]: added (new)",
        ),
        (
            "ports: [{containerPort: 80}]",
            "ports: [{containerPort: 80, hostPort: 8080}]",
            "replace pod: spec.containers[0].ports[0].hostPort: (none) -> 8080",
        ),
        (
            "- {name: page, configMap: {name: page}}",
            "- {name: page, configMap: {name: other}}",
            "replace pod: spec.volumes[0].configMap.name: page -> other",
        ),
    ],
)
def test_what_an_edit_of_a_pod_would_do(old: str, new: str, text: str) -> None:
    told = planned(*edited(POD, old, new))
    assert told.startswith(f"Pod default/web: {text}")
    assert len(told.splitlines()) == 1
    assert "sesame" not in told


def test_several_changes_of_one_pod_are_several_steps() -> None:
    wanted = POD.replace("image: app:1\n", "image: app:2\n").replace("app: web", "app: www")
    wanted = wanted[: wanted.index("  - name: side")]
    steps = preview(objects(*ALL), objects(wanted, PAGE, KEYS, SERVICE))
    assert "\n".join(map(str, steps)) == (
        "Pod default/web: replace container app: spec.containers[0].image: app:1 -> app:2\n"
        "Pod default/web: remove container side: the spec has no such container\n"
        "Pod default/web: update: metadata.labels.app: web -> www; touches nothing that runs\n"
        "ConfigMap default/page: nothing\n"
        "Secret default/keys: nothing\n"
        "Service default/front: nothing"
    )
    assert summary(steps) == "1 container to replace, 1 container to remove, 1 to update, 3 unchanged"


def test_containers_in_another_order_touch_nothing() -> None:
    swapped = yaml.safe_load(POD)
    swapped["spec"]["containers"].reverse()
    told = planned(json.dumps(swapped), *ALL[1:])
    assert told == "Pod default/web: update: spec.containers: another order; touches nothing that runs"


def test_who_sees_an_edit_of_a_config_map_and_when() -> None:
    assert planned(*edited(PAGE, 'one: "1"', 'one: "2"')) == (
        "ConfigMap default/page: update: data.one: changed; live in web/app (volume page); "
        "at the next start of web/side (volume page)"
    )
    assert planned(*edited(PAGE, "mode: fast", "mode: slow")) == (
        "ConfigMap default/page: update: data.mode: changed; at the next start of web/app (env); "
        "live in web/app (volume page)"
    )


FOLLOWING = POD.replace("labels:", "annotations: {orchestrator.dev/restart-on-change: 'config, secrets'}, labels:")


def following(*wanted: str, annotations: str = "config, secrets") -> str:
    """What becomes of a pod with the annotation when its config becomes these."""
    own = FOLLOWING.replace("config, secrets", annotations)
    return planned(own, *wanted, SERVICE, current=(own, *ALL[1:]))


def test_V02_an_annotated_pod_s_containers_restart_and_the_plan_says_which_and_why() -> None:
    assert following(PAGE.replace("mode: fast", "mode: slow, new: sesame"), KEYS) == (
        "ConfigMap default/page: update: data.mode: changed; data.new: added; restarts web/app (env); "
        "restarts web/app (volume page)\n"
        'Pod default/web: replace container app: key "mode" of ConfigMap "page" changed; '
        'key "new" of ConfigMap "page" was added'
    )
    assert following(PAGE, KEYS.replace("other: sesame", "other: open")) == (
        "Secret default/keys: update: data.other: changed; restarts web/side (env)\n"
        'Pod default/web: replace container side: key "other" of Secret "keys" changed'
    )


def test_V02_what_could_not_start_again_is_not_restarted() -> None:
    told = following(PAGE.replace(", mode: fast", "").replace('one: "1"', 'one: "2"'), KEYS)
    assert "replace container app" not in told
    assert "restarts web/app" not in told
    assert 'replace container side: key "one" of ConfigMap "page" changed' in told


def test_V02_the_annotation_names_the_kinds() -> None:
    told = following(PAGE.replace("fast", "slow"), KEYS.replace("other: sesame", "other: open"), annotations="secrets")
    assert told == (
        "ConfigMap default/page: update: data.mode: changed; at the next start of web/app (env); "
        "live in web/app (volume page)\n"
        "Secret default/keys: update: data.other: changed; restarts web/side (env)\n"
        'Pod default/web: replace container side: key "other" of Secret "keys" changed'
    )


def test_V02_a_new_annotation_may_restart_what_was_edited_before() -> None:
    assert planned(FOLLOWING, *ALL[1:]) == (
        "Pod default/web: update: metadata.annotations['orchestrator.dev/restart-on-change']: added; "
        "restarts only what was made before its config was edited"
    )
    assert planned(*ALL, current=(FOLLOWING, *ALL[1:])).endswith("removed; touches nothing that runs")


def test_of_a_secret_only_the_key_is_told() -> None:
    told = planned(*edited(KEYS, "{token: sesame, other: sesame}", "{token: sesame, other: open}"))
    assert told == ("Secret default/keys: update: data.other: changed; at the next start of web/side (env)")
    told = planned(*edited(KEYS, "token: sesame,", ""))
    assert told.startswith("Secret default/keys: update: data.token: removed; live in web/app (volume keys)")
    assert "sesame" not in told


def test_a_container_that_is_replaced_anyway_needs_no_word() -> None:
    wanted = (*edited(POD, "image: app:1\n", "image: app:2\n")[:1], *edited(PAGE, 'one: "1"', 'one: "2"')[1:])
    assert planned(*wanted).splitlines()[0] == (
        "ConfigMap default/page: update: data.one: changed; at the next start of web/side (volume page)"
    )
    wanted = (*edited(POD, "spec:\n", "spec:\n  hostname: other\n")[:1], *wanted[1:])
    assert planned(*wanted).splitlines()[0] == "ConfigMap default/page: update: data.one: changed"


def test_what_the_specs_have_no_longer_is_deleted_pods_first() -> None:
    assert planned(SERVICE) == (
        "Pod default/web: delete: the specs do not have it\n"
        "ConfigMap default/page: delete: the specs do not have it\n"
        "Secret default/keys: delete: the specs do not have it"
    )
    assert planned(POD, KEYS, SERVICE) == (
        "ConfigMap default/page: delete: the specs do not have it; web/app cannot start again (env); "
        "web/app keeps what it has (volume page); web/side cannot start again (volume page)"
    )


def test_V04_a_claim_that_the_specs_have_no_longer_is_kept() -> None:
    claim = (
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, "
        "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}"
    )
    (step,) = preview(objects(claim), {})
    assert str(step) == (
        "PersistentVolumeClaim default/data: nothing: the specs do not have it; "
        "it is kept, with its data, until `orchestrator delete pvc data -n default`"
    )


def test_what_an_edit_of_a_service_would_do() -> None:
    assert planned(*edited(SERVICE, "{app: web}", "{app: www}")) == (
        "Service default/front: update: spec.selector.app: web -> www; traffic follows at once"
    )
    assert planned(*edited(SERVICE, "port: 80", "port: 81")) == (
        "Service default/front: update: spec.ports[0].port: 80 -> 81; spec.ports[0].targetPort: 80 -> 81; "
        "traffic follows at once; its variables at the next start of web"
    )


def test_values_that_may_hide_something_are_never_told() -> None:
    header = {"livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": "sesame"}]}}}
    other = {"livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": "open"}]}}}
    copied = {"metadata": {"annotations": {"last-applied": "sesame"}}}
    for old, new in (
        (header, other),
        (header, {}),
        (copied, {"metadata": {}}),
        ({"env": "x"}, {"env": [{"a": "sesame"}]}),
    ):
        for told in (differences(old, new), differences(new, old)):
            assert told
            assert "sesame" not in " ".join(map(str, told))


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ({"a": True}, {"a": False}, "a: true -> false"),
        ({"a": "x y"}, {"a": "\n"}, 'a: "x y" -> "\\n"'),
        ({"a": "x" * 99}, {}, f"a: {'x' * 60}... -> (none)"),
        ({"a": {"k.8/s": 1}}, {"a": {"k.8/s": 2}}, "a['k.8/s']: 1 -> 2"),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1}, {"b": 2}]}, "a[1]: added"),
        ({"a": [{"name": "n"}, {"name": "m"}]}, {"a": [{"name": "m"}]}, "a[0]: removed (n)"),
    ],
)
def test_differences(old: Any, new: Any, text: str) -> None:
    assert [str(difference) for difference in differences(old, new)] == [text]


def test_every_change_that_a_digest_sees_has_a_cause() -> None:
    """A field that decode knows and the differences do not would be told as "its definition changed"."""
    before = objects(POD)["Pod", "default", "web"]
    for old, new in (("image: side:1", "image: side:1\n    tty: true"), ("spec:\n", "spec:\n  hostPID: true\n")):
        after = objects(POD.replace(old, new))["Pod", "default", "web"]
        digests = [[pod_identity(each), *map(container_digest, each.spec.containers)] for each in (before, after)]
        assert digests[0] != digests[1]
        (step,) = preview({("Pod", "default", "web"): before}, {("Pod", "default", "web"): after})
        assert all(": " in cause for cause in step.causes), step


OVER = [("Pod", "default", "web")]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "image: app:1\n",
            "image: app:2\n",
            "Pod default/web: replace pod: spec.containers[0].image: app:1 -> app:2; it is over, and runs anew",
        ),
        (
            "  - name: side\n",
            "  - {name: third, image: x}\n  - name: side\n",
            "Pod default/web: replace pod: spec.containers[1]: added (third); it is over, and runs anew",
        ),
        (
            "spec:\n",
            "spec:\n  hostname: other\n",
            "Pod default/web: replace pod: spec.hostname: (none) -> other; it is over, and runs anew",
        ),
        (
            "spec:\n",
            "spec:\n  terminationGracePeriodSeconds: 5\n",
            "Pod default/web: update: spec.terminationGracePeriodSeconds: 30 -> 5; touches nothing that runs",
        ),
    ],
)
def test_L01_a_pod_that_is_over_is_replaced_whole(old: str, new: str, text: str) -> None:
    wanted = objects(*edited(POD, old, new))
    told = [str(step) for step in preview(objects(*ALL), wanted, over=OVER) if step.action is not Action.NOTHING]
    assert told == [text]


def test_a_pod_that_is_over_notices_no_config() -> None:
    told = [str(step) for step in preview(objects(*ALL), objects(*edited(PAGE, "fast", "slow")), over=OVER)]
    assert told[0] == "ConfigMap default/page: update: data.mode: changed"
