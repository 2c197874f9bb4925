"""Declared options: types, bounds, defaults and secrets."""

from __future__ import annotations

import enum
import re

import pytest

from debonair.settings import MASK, Duration, Section, Settings, Size, Uri, did_you_mean, option, options_of


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Sample(Section, name="sample"):
    """A section with one option of every type."""

    text = option(str, default="x", help="Text.")
    count = option(int, default=3, min=1, max=9, help="A number.")
    ratio = option(float, default=0.5, min=0.0, help="A ratio.")
    flag = option(bool, default=False, help="A flag.")
    names = option(list, default="a, b", help="Names.")
    wait = option(Duration, default="30s", min="1s", max="1h", help="Time.")
    room = option(Size, default="16MiB", help="Size.")
    color = option(Color, default="red", help="Color.")
    level = option(str, default="INFO", choices=("INFO", "DEBUG"), help="Level.")
    token = option(str, default="s3cret", secret=True, help="Token.")
    uri = option(Uri, default="postgresql://me:pw@host/db", help="Database.")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("text", "0123", "0123"),
        ("text", "1.10", "1.10"),
        ("text", "no", "no"),
        ("text", '" padded "', " padded "),
        ("text", "", ""),
        ("count", "7", 7),
        ("ratio", "1e-3", 0.001),
        ("flag", "on", True),
        ("flag", "No", False),
        ("names", "a, b\nc", ["a", "b", "c"]),
        ("names", "", []),
        ("wait", "500 ms", None),
        ("wait", "5m", 300.0),
        ("wait", "1.5h", None),
        ("room", "512KiB", 524288),
        ("color", "blue", Color.BLUE),
        ("level", "DEBUG", "DEBUG"),
    ],
)
def test_text_becomes_a_value_of_the_declared_type(key: str, text: str, value: object) -> None:
    declared = options_of(Sample)[key]
    if value is None:
        with pytest.raises(ValueError, match=r"less than 1s|more than 1h"):
            declared.parse(text)
    else:
        assert declared.parse(text) == value


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("count", "many", "'many' is not a whole number"),
        ("count", "1.5", "'1.5' is not a whole number"),
        ("count", "0", "0 is less than 1"),
        ("count", "10", "10 is more than 9"),
        ("ratio", "nan", "'nan' is not a finite number"),
        ("ratio", "x", "'x' is not a number"),
        ("flag", "maybe", "'maybe' is neither true nor false"),
        ("wait", "30", "'30' is not a duration such as 30s"),
        ("wait", "30 parsecs", "is not a duration"),
        ("room", "1GB", "is not a size such as"),
        ("color", "rad", "'rad' is not one of red, blue: did you mean 'red'?"),
        ("level", "info", "'info' is not one of INFO, DEBUG: did you mean 'INFO'?"),
    ],
)
def test_text_of_another_type_is_refused_with_what_is_wanted(key: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        options_of(Sample)[key].parse(text)


def test_defaults_are_of_the_declared_type() -> None:
    sample = Sample()
    assert (sample.count, sample.wait, sample.room) == (3, 30.0, 16 * 2**20)
    assert sample.names == ["a", "b"]
    assert sample.color is Color.RED


def test_every_default_and_its_text_agree() -> None:
    for declared in options_of(Sample).values():
        default = declared.default_for(None)
        assert declared.parse(declared.format(default)) == default, declared.name


def test_values_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="frozen"):
        Sample().count = 4  # type: ignore[misc]


def test_value_in_code_is_held_to_the_bounds_too() -> None:
    with pytest.raises(ValueError, match="10 is more than 9"):
        Sample(count=10)


def test_value_in_code_of_an_undeclared_option_is_refused() -> None:
    with pytest.raises(TypeError, match="no option 'cuont'"):
        Sample(cuont=1)


def test_missing_required_value_is_named() -> None:
    class Needy(Section, name="needy"):
        key = option(str, help="A key.")

    with pytest.raises(ValueError, match=r"\[needy\] key is required"):
        Needy()


def test_type_that_no_text_can_be_is_refused_at_the_declaration() -> None:
    with pytest.raises(TypeError, match="cannot be of type dict"):
        option(dict, help="No.")


def test_secrets_are_in_no_repr_and_no_message() -> None:
    shown = repr(Settings([Sample()]))
    assert "s3cret" not in shown and MASK in shown
    assert "pw" not in shown and "me:" in shown
    hidden = option(int, default=1, max=5, secret=True, help="A PIN.")
    with pytest.raises(ValueError, match="the value is more than 5") as raised:
        hidden.parse("1234")
    assert "1234" not in str(raised.value)


def test_nearest_known_word_is_offered_and_a_far_one_is_not() -> None:
    assert did_you_mean("prot", ["host", "port"]) == ": did you mean 'port'?"
    assert did_you_mean("LEVEL", ["level"]) == ": did you mean 'level'?"
    assert did_you_mean("zebra", ["host", "port"]) == ""
