from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.objects import scalars


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1", 1),
        ("100m", Fraction(1, 10)),
        ("1.5Gi", 3 * 2**29),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 10**18),
        ("2e-3", Fraction(2, 1000)),
        ("500n", Fraction(1, 2_000_000)),
        ("-1k", -1000),
        ("+.5", Fraction(1, 2)),
        ("5.", 5),
        ("12Ki", 12 * 1024),
    ],
)
def test_S02_quantities_follow_the_grammar(text: str, value: Fraction) -> None:
    assert scalars.parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "1Gb", "1 Gi", "Gi", "1K", "1e", "1.2.3", "ten", "1mi", "٣", "1" * 65, "1\n"])
def test_S02_what_is_not_a_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        scalars.parse_quantity(text)


def test_amounts_are_rounded_up_as_kubernetes_does() -> None:
    assert scalars.quantity_units("100m") == 1
    assert scalars.quantity_units("1.5Gi") == 1610612736
    assert scalars.quantity_milli("1") == 1000
    assert scalars.quantity_milli("0.1n") == 1


@given(st.one_of(st.integers(-(10**18), 10**18), st.floats(-1e15, 1e15).filter(lambda n: n == 0 or abs(n) > 1e-9)))
def test_a_bare_number_becomes_the_text_of_its_value(number: int | float) -> None:
    assert scalars.parse_quantity(scalars.quantity_text(number)) == Fraction(repr(number))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300])
def test_a_number_that_is_no_amount_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        scalars.quantity_text(number)


@pytest.mark.parametrize("name", ["a", "web-1", "0", "a" * 63])
def test_good_labels(name: str) -> None:
    assert scalars.check_label(name) == []


@pytest.mark.parametrize("name", ["", "Web", "a_b", "-a", "a-", "a.b", "a\n", "ä"])
def test_bad_labels(name: str) -> None:
    assert scalars.check_label(name) == [scalars.LABEL_RULE]


def test_a_long_name_is_said_to_be_long() -> None:
    assert scalars.check_label("a" * 64) == ["must be no more than 63 bytes"]
    assert scalars.check_subdomain("a." * 127 + "a") == ["must be no more than 253 bytes"]


@pytest.mark.parametrize(
    ("key", "good"),
    [
        ("app", True),
        ("example.com/App_1", True),
        ("/app", False),
        ("example.com/", False),
        ("Example/app", False),
        ("a/b/c", False),
        ("-app", False),
        ("a" * 64, False),
    ],
)
def test_label_keys(key: str, good: bool) -> None:
    assert (scalars.check_qualified_name(key) == []) is good


@pytest.mark.parametrize(
    ("name", "good"),
    [("http", True), ("a-1", True), ("80", False), ("HTTP", False), ("a--b", False), ("-a", False), ("a" * 16, False)],
)
def test_port_names(name: str, good: bool) -> None:
    assert (scalars.check_port_name(name) == []) is good


@pytest.mark.parametrize(("key", "good"), [("a.b", True), ("..a", False), (".", False), ("a/b", False), ("", False)])
def test_config_keys(key: str, good: bool) -> None:
    assert (scalars.check_config_key(key) == []) is good


@pytest.mark.parametrize(("name", "good"), [("A", True), ("my.var-1", True), ("A=B", False), ("", False), ("é", False)])
def test_env_names(name: str, good: bool) -> None:
    assert (scalars.check_env_name(name) == []) is good


@pytest.mark.parametrize(
    ("text", "meant"), [("64MB", "64Mi"), ("512mb", "512Mi"), ("1g", "1Gi"), ("1.5 GiB", "1.5Gi"), ("lots", None)]
)
def test_a_quantity_as_others_write_it_has_a_proposal(text: str, meant: str | None) -> None:
    assert scalars.quantity_meant(text) == meant
