"""Images: policies, pulls, and the back-off of pulls (I01, I02)."""

from dataclasses import replace

import pytest

from orchestrator.objects.config import Secret
from orchestrator.planning.image_request import image_request
from orchestrator.planning.observed import ImageState, Observed
from orchestrator.planning.ops import Create, Note, Plan, PullImage
from tests.unit.planning.builders import T0, around, decoded, ended, observed, planned, pod, secret, seen, simple, told

HERE, ABSENT = ImageState(present=True), ImageState(present=False)


def with_image(state: ImageState, policy: str = "", now: float = T0 + 100, **facts: object) -> Plan:
    of = simple(f"imagePullPolicy: {policy}" if policy else "")
    return planned(of, observed(of, images={"web:1": state}, **facts), now)


@pytest.mark.parametrize(
    ("policy", "state", "first", "reason"),
    [
        ("IfNotPresent", HERE, "note Pulled", None),
        ("IfNotPresent", ABSENT, "pull image", "ContainerCreating"),
        ("Always", HERE, "pull image", "ContainerCreating"),
        # Pulled since this attempt became due (the sandbox was made at T0).
        ("Always", replace(HERE, pulled_at=T0), "create web/0", None),
        ("Always", replace(HERE, pulled_at=T0 - 1), "pull image", "ContainerCreating"),
        ("Never", HERE, "note Pulled", None),
        ("Never", ABSENT, "note ErrImageNeverPull", "ErrImageNeverPull"),
        ("IfNotPresent", replace(ABSENT, pulling=True), "nothing", "ContainerCreating"),
    ],
)
def test_I01_pull_policies(policy: str, state: ImageState, first: str, reason: str | None) -> None:
    plan = with_image(state, policy)
    assert str(plan).startswith(first)
    assert (plan.waiting["web"].reason if plan.waiting else None) == reason


def test_I01_with_Always_every_attempt_pulls_again() -> None:
    of = simple("imagePullPolicy: Always")
    what = observed(of, ended(of, at=T0 + 60), images={"web:1": replace(HERE, pulled_at=T0 + 1)})
    assert str(planned(of, what)).startswith("pull image web:1")


FAILED = ImageState(present=False, failure="manifest unknown", failed_at=T0 + 50, retry_at=T0 + 60)


def test_I02_a_failed_pull_shows_as_an_error_then_as_back_off_then_is_tried_again() -> None:
    fresh = with_image(FAILED, now=T0 + 51)
    assert str(fresh) == "nothing"
    assert (fresh.waiting["web"].reason, fresh.waiting["web"].message) == ("ErrImagePull", "manifest unknown")
    assert fresh.wake_at == T0 + 52

    later = with_image(FAILED, now=T0 + 52)
    assert told(later) == ['BackOff: Back-off pulling image "web:1"', "Failed: Error: ImagePullBackOff"]
    assert later.waiting["web"].reason == "ImagePullBackOff"
    assert later.waiting["web"].message == 'Back-off pulling image "web:1": ErrImagePull: manifest unknown'
    assert later.wake_at == T0 + 60

    noted = frozenset(op.key for op in later.ops if isinstance(op, Note))
    assert str(with_image(FAILED, now=T0 + 53, noted=noted)) == "nothing"
    assert str(with_image(FAILED, now=T0 + 60, noted=noted)).startswith("pull image web:1")


def test_I02_an_image_that_came_by_another_way_ends_the_wait() -> None:
    assert "create web/0" in str(with_image(replace(FAILED, present=True), now=T0 + 51))


def test_I01_a_name_that_is_none_is_told_and_the_engine_is_not_asked() -> None:
    of = pod("containers: [{name: web, image: 'Upper/Case:1'}]")
    plan = planned(of, observed(of, images={}))
    text = (
        'Failed to apply default image tag "Upper/Case:1": couldn\'t parse image name "Upper/Case:1": '
        "invalid reference format: repository name (Case) must be lowercase"
    )
    assert told(plan) == [f"InspectFailed: {text}", "Failed: Error: InvalidImageName"]
    assert (plan.waiting["web"].reason, plan.waiting["web"].message) == ("InvalidImageName", text)


def test_I01_an_image_that_must_not_be_pulled_is_told_twice_as_the_kubelet_does() -> None:
    assert told(with_image(ABSENT, "Never")) == [
        'ErrImageNeverPull: Container image "web:1" is not present with pull policy of Never',
        "Failed: Error: ErrImageNeverPull",
    ]


PRIVATE = (
    "imagePullSecrets: [{name: absent}, {name: plain}, {name: mine}]\ncontainers: [{name: web, image: 'h:5000/a:1'}]"
)


def test_I03_a_pull_has_the_credentials_of_the_pod_and_tells_of_secrets_that_are_not_there() -> None:
    auths = '{"auths": {"h:5000": {"username": "u", "password": "a-password"}}}'
    mine = registry_secret("mine", auths)
    of = pod(PRIVATE)
    what = observed(of, images={"h:5000/a:1": ABSENT})
    plan = planned(of, what, around=around(mine, secret("plain", a="b")))
    note, pull = plan.ops
    assert told(plan) == [
        "FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (absent, plain); "
        "attempting to pull the image may not succeed."
    ]
    assert isinstance(pull, PullImage)
    assert [(c.username, c.password) for c in pull.request.credentials] == [("u", "a-password")]
    assert "a-password" not in repr(plan)
    assert "a-password" not in str(plan)
    again = planned(of, replace(what, noted=frozenset({note.key})), around=around(mine))  # type: ignore[attr-defined]
    assert [str(op.line()) for op in again.ops][-1].startswith("pull image h:5000/a:1")


def test_I03_secrets_that_are_not_there_are_told_of_whenever_a_container_is_to_be_made() -> None:
    """The image may be here already: the pod would fail on another host all the same."""
    of, here = pod(PRIVATE), ImageState(present=True)

    def reasons(what: Observed, now: float = T0) -> list[str]:
        return [line.partition(":")[0] for line in told(planned(of, what, now=now))]

    first = observed(of, images={"h:5000/a:1": here})
    assert reasons(first).count("FailedToRetrieveImagePullSecret") == 1
    second = observed(of, ended(of, code=1), images={"h:5000/a:1": here})
    assert reasons(second, now=T0 + 60).count("FailedToRetrieveImagePullSecret") == 1
    assert reasons(observed(of, seen(of))) == [], "what runs asks for no image"
    pulling = observed(of, images={"h:5000/a:1": ImageState(present=False, pulling=True)})
    assert reasons(pulling) == []


def test_I03_secrets_that_are_not_there_are_told_of_again_while_nothing_comes_without_them() -> None:
    of = pod(PRIVATE)
    failed = ImageState(present=False, failure="denied", failed_at=T0, retry_at=T0 + 1000)
    what = observed(of, images={"h:5000/a:1": failed})
    noted: frozenset[str] = frozenset()
    for _ in range(5):
        plan = planned(of, replace(what, noted=noted), now=T0 + 10)
        noted |= {op.key for op in plan.ops if isinstance(op, Note)}
    assert told(plan) == []
    assert plan.wake_at is not None
    assert plan.wake_at <= T0 + 130
    assert "FailedToRetrieve" in told(planned(of, replace(what, noted=noted), now=plan.wake_at))[0]


def test_I03_an_edited_secret_is_another_request_and_does_not_wait() -> None:
    of = pod("imagePullSecrets: [{name: mine}]\ncontainers: [{name: web, image: 'h:5000/a:1'}]")
    requests = [
        image_request(
            of, "h:5000/a:1", around(registry_secret("mine", f'{{"auths": {{"h:5000": {{"auth": "{a}"}}}}}}'))
        )
        for a in ("dTpvbmU=", "dTp0d28=", "dTpvbmU=")
    ]
    assert requests[0] == requests[2] != requests[1]


def test_I04_the_annotation_names_the_platform_and_an_image_that_moved_is_used_by_its_id() -> None:
    of = simple("", annotations={"orchestrator.dev/platform": "linux/aarch64"})
    pull = planned(of, observed(of, images={"web:1": ABSENT})).ops[0]
    assert str(pull.line()) == "pull image web:1 for linux/arm64: container web needs it"
    moved = ImageState(present=True, id="sha256:moved", by_id=True)
    created = [op for op in planned(of, observed(of, images={"web:1": moved})).ops if isinstance(op, Create)]
    assert created[0].config.image == "sha256:moved"


def registry_secret(name: str, config: str) -> Secret:
    made: Secret = decoded(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": name},
            "stringData": {".dockerconfigjson": config},
        }
    )
    return made
