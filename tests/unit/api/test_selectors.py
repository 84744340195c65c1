import pytest

from orchestrator.api.selectors import Selector
from orchestrator.errors import Invalid
from orchestrator.objects.config import ConfigMap
from orchestrator.objects.events import Event, EventSource
from orchestrator.objects.meta import ObjectMeta, ObjectReference


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier=front", True),
        ("app!=web", False),
        ("none!=x", True),
        ("app in (web, api)", True),
        ("app notin (web,api),tier", False),
        ("none notin (a)", True),
        ("tier", True),
        ("!tier", False),
        ("!none,app", True),
        ("a.b/c=", True),
    ],
)
def test_labels(text: str, matches: bool) -> None:
    labels = {"app": "web", "tier": "front", "a.b/c": ""}
    assert Selector("ConfigMap", text).matches(ConfigMap(metadata=ObjectMeta(labels=labels))) is matches


@pytest.mark.parametrize("text", ["=x", "a in b", "a=b=c", "a,", "a in (b", "a b"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="unable to parse requirement"):
        Selector("Pod", text)


def test_fields_of_an_event() -> None:
    about = ObjectReference(api_version="v1", kind="Pod", name="web", field_path="spec.containers{c}")
    event = Event(involved_object=about, type="Warning", source=EventSource(component="me"))
    for text in (
        "involvedObject.kind=Pod,involvedObject.name==web",
        "involvedObject.apiVersion=v1",
        "involvedObject.fieldPath=spec.containers{c}",
        "type!=Normal",
        "source=me",
    ):
        assert Selector("Event", fields=text).matches(event), text
    assert not Selector("Event", fields="involvedObject.name!=web").matches(event)


def test_fields_that_a_kind_does_not_offer_are_refused() -> None:
    with pytest.raises(Invalid, match=r'field label not supported: "spec\.replicas"'):
        Selector("Pod", fields="spec.replicas=1")
    with pytest.raises(Invalid, match="expected field=value"):
        Selector("Pod", fields="metadata.name")
