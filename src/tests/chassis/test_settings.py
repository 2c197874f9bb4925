"""Declared options: types, bounds, defaults and secrets."""

from __future__ import annotations

import enum
import inspect
import re
from datetime import timedelta

import pytest

from debonair import settings
from debonair.settings import (
    MASK,
    Duration,
    Section,
    Settings,
    Size,
    Uri,
    did_you_mean,
    name_of,
    option,
    options_of,
    title_of,
    values_of,
)


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
    maybe = option(int, default=None, help="A number, or none.")


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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Duration(0), "0s"),
        (Duration(0.0001), "0.0001s"),
        (Duration(0.1), "100ms"),
        (Duration(1.5), "1500ms"),
        (Duration(86400), "1d"),
        (Duration(1e300), "1e+300s"),
        (Size(0), "0B"),
        (Size(1500), "1500B"),
        (Size(2**30), "1GiB"),
        (Size(10**400 + 1), "1" + "0" * 399 + "1B"),
    ],
)
def test_duration_and_size_are_written_in_the_largest_unit_that_fits(value: object, text: str) -> None:
    assert str(value) == text


def test_defaults_are_of_the_declared_type() -> None:
    sample = Sample()
    assert (sample.count, sample.wait, sample.room) == (3, 30.0, 16 * 2**20)
    assert sample.names == ["a", "b"]
    assert sample.color is Color.RED


def test_every_default_and_its_text_agree() -> None:
    for declared in options_of(Sample).values():
        default = declared.default_for(None)
        if default is None:
            continue
        assert declared.parse(declared.format(default)) == default, declared.name


def test_values_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="frozen"):
        Sample().count = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("key", "given", "value"),
    [
        ("text", '"as it is"', '"as it is"'),
        ("count", "7", 7),
        ("ratio", 2, 2.0),
        ("flag", True, True),
        ("flag", "yes", True),
        ("names", ("a", "b"), ["a", "b"]),
        ("names", "a, b", ["a", "b"]),
        ("wait", 5, Duration(5)),
        ("wait", 1.5, Duration(1.5)),
        ("wait", "5m", Duration(300)),
        ("wait", timedelta(minutes=1), Duration(60)),
        ("room", 1024, Size(1024)),
        ("room", "1KiB", Size(1024)),
        ("color", Color.BLUE, Color.BLUE),
        ("color", "blue", Color.BLUE),
        ("level", "DEBUG", "DEBUG"),
        ("uri", "sqlite://", Uri("sqlite://")),
        ("maybe", None, None),
        ("maybe", 3, 3),
    ],
)
def test_value_in_code_becomes_one_of_the_declared_type(key: str, given: object, value: object) -> None:
    found = getattr(Sample(**{key: given}), key)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("key", "given", "kind", "message"),
    [
        ("text", 7, TypeError, "must be a str, not int"),
        ("text", None, TypeError, "must be a str, not NoneType"),
        ("count", True, TypeError, "must be an int, not bool"),
        ("count", 1.0, TypeError, "must be an int, not float"),
        ("count", 10, ValueError, "10 is more than 9"),
        ("count", "many", ValueError, "'many' is not a whole number"),
        ("ratio", True, TypeError, "must be a float or an int, not bool"),
        ("ratio", float("nan"), ValueError, "nan is not a finite number"),
        ("flag", 1, TypeError, "must be a bool, not int"),
        ("names", [1], TypeError, "must be a list of str, not list"),
        ("wait", 0.5, ValueError, "500ms is less than 1s"),
        ("wait", float("inf"), ValueError, "inf is not a finite number"),
        ("room", 1.5, TypeError, "must be a Size or a whole number of bytes, not float"),
        ("color", Color, TypeError, "must be a Color, not EnumType"),
        ("color", "rad", ValueError, "'rad' is not one of red, blue: did you mean 'red'?"),
        ("level", "info", ValueError, "'info' is not one of INFO, DEBUG: did you mean 'INFO'?"),
        ("token", b"hush", TypeError, "must be a str, not bytes"),
    ],
)
def test_value_in_code_is_checked_like_that_of_a_file(
    key: str, given: object, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as raised:
        Sample(**{key: given})
    assert str(raised.value) == f"[sample] {key}: {message}"


def test_value_in_code_of_an_undeclared_option_is_refused() -> None:
    with pytest.raises(TypeError, match="no option 'cuont'"):
        Sample(cuont=1)


def test_check_of_an_option_is_called_with_each_value_that_is_given() -> None:
    def even(value: int) -> None:
        if value % 2:
            raise ValueError("is not even")

    class Checked(Section, name="checked"):
        count = option(int, default=1, check=even, help="A number.")
        pin = option(int, default=None, secret=True, check=even, help="A secret number.")

    assert Checked().count == 1
    assert Checked(count=4).count == 4
    with pytest.raises(ValueError, match=r"^\[checked\] count: '3' is not even$"):
        Checked(count=3)
    with pytest.raises(ValueError, match=r"^'3' is not even$"):
        options_of(Checked)["count"].parse("3")
    with pytest.raises(ValueError, match=r"^the value is not even$"):
        options_of(Checked)["pin"].parse("3")


def test_option_may_have_any_public_name() -> None:
    class Free(Section, name="free"):
        name = option(str, default="n", help="Name.")
        title = option(str, default="t", help="Title.")
        values = option(list, default="v", help="Values.")
        options = option(str, default="o", help="Options.")
        instance = option(str, default="i", help="Instance.")
        instances = option(str, default="s", help="Instances.")
        service = option(str, default="x", help="Service.")

    free = Free(None, "one", name="a", instance="b", service="c", values=["d"])
    assert (free.name, free.instance, free.service, free.values, free.title) == ("a", "b", "c", ["d"], "t")
    assert (name_of(free), title_of(free)) == ("free", "free:one")
    assert list(options_of(Free)) == [
        "name",
        "title",
        "values",
        "options",
        "instance",
        "instances",
        "service",
    ]
    assert not {key for key in dir(Section) if not key.startswith("_")}


def test_option_whose_name_begins_with_an_underscore_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Bad\._values: an option's name cannot .* underscore: rename it"):
        type("Bad", (Section,), {"_values": option(str, help="No.")}, name="bad")


def test_option_that_looks_like_the_file_of_a_secret_is_refused() -> None:
    options = {
        "token": option(str, secret=True, help="Token."),
        "token_file": option(str, help="File."),
    }
    with pytest.raises(TypeError, match="is the key for the file of the secret token: rename the option"):
        type("Bad", (Section,), options, name="bad")


@pytest.mark.parametrize("name", ["", "DEFAULT", "a b", "a:b", "a.b", "a]", "é\n"])
def test_section_without_a_usable_name_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="Bad needs the name of its section"):
        type("Bad", (Section,), {}, name=name)


def test_options_are_inherited_and_may_be_declared_anew() -> None:
    class Base(Section, name="base"):
        host = option(str, default="a", help="Host.")
        port = option(int, default=1, help="Port.")

    class Derived(Base, name="derived"):
        port = option(int, default=2, help="Port.")
        path = option(str, default="/", help="Path.")

    assert list(options_of(Derived)) == ["host", "port", "path"]
    derived = Derived(host="b")
    assert (derived.host, derived.port, derived.path) == ("b", 2, "/")
    assert (Base().port, list(options_of(Base))) == (1, ["host", "port"])
    with pytest.raises(TypeError, match="port hides an option of this name: rename it"):
        type("Hiding", (Base,), {"port": 7}, name="hiding")


def test_options_and_values_are_read_only() -> None:
    sample = Sample()
    for mapping in (options_of(sample), values_of(sample)):
        with pytest.raises(TypeError):
            mapping["count"] = 4  # type: ignore[index]
    sample.names.append("c")
    values_of(sample)["names"].append("d")
    assert sample.names == Sample().names == ["a", "b"]
    with pytest.raises(AttributeError, match="frozen"):
        del sample.count


def test_public_names_are_exported_once() -> None:
    assert len(set(settings.__all__)) == len(settings.__all__)
    assert {"Section", "ServerSection", "option", "Duration", "options_of"} <= set(settings.__all__)
    assert not {name for name in settings.__all__ if inspect.ismodule(getattr(settings, name))}


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
