"""What an edit may not change (V01)."""

import pytest

from orchestrator.errors import Invalid
from orchestrator.objects.config import ConfigMap, Secret
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.validation.update import refuse_immutable

META = ObjectMeta(name="a")
FIXED = ConfigMap(metadata=META, immutable=True, data={"a": "1"})
FIXED_SECRET = Secret(metadata=META, immutable=True, data={"a": "aHVzaA=="})


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (FIXED, None),
        (FIXED, ConfigMap(metadata=META, data={"a": "2"})),
        (ConfigMap(metadata=ObjectMeta(name="a", labels={"b": "c"}), immutable=True, data={"a": "1"}), FIXED),
        (Secret(metadata=META, immutable=True, string_data={"a": "hush"}), FIXED_SECRET),
    ],
)
def test_what_may_be(new: ConfigMap | Secret, old: ConfigMap | Secret | None) -> None:
    assert refuse_immutable(new, old) is new


@pytest.mark.parametrize(
    ("new", "old", "field"),
    [
        (ConfigMap(metadata=META, immutable=True, data={"a": "2"}), FIXED, "data"),
        (ConfigMap(metadata=META, immutable=True, data={"a": "1"}, binary_data={"b": "Yg=="}), FIXED, "data"),
        (ConfigMap(metadata=META, data={"a": "1"}), FIXED, "immutable"),
        (Secret(metadata=META, immutable=True, data={"a": "d2hhdD8="}), FIXED_SECRET, "data"),
    ],
)
def test_what_is_refused(new: ConfigMap | Secret, old: ConfigMap | Secret, field: str) -> None:
    with pytest.raises(Invalid, match=f"^{field}: Forbidden: field is immutable when `immutable` is set") as raised:
        refuse_immutable(new, old)
    assert "what?" not in str(raised.value)
