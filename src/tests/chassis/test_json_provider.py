"""JSON responses: what orjson writes is what Flask writes."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import uuid
from typing import Any

import pytest
from flask import Flask
from flask.json.provider import DefaultJSONProvider
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from debonair.web.json_provider import JSONProvider
from debonair.web.lean_flask import Application


@dataclasses.dataclass
class Point:
    x: int
    when: datetime.date


class Text(str):
    pass


class Kind(enum.IntEnum):
    ONE = 1


class Name(enum.StrEnum):
    ONE = "one"


VALUES: tuple[Any, ...] = (
    {},
    [],
    {"b": 1, "a": [2, {"d": 1, "c": 2}], "\u00e9": 3, "Z": True},
    {"text": 'a"b\\c/d\n\t\x01\x1f\x7f\u2028\u00e9\U0001f600', "empty": ""},
    {"lone": "\ud800"},
    {"nothing": None},
    {"numbers": [0, -1, 1.0, 0.1, -0.0, 123456.789, 2**63, 2**64 - 1, 2**70]},
    {"nan": float("nan"), "infinity": float("inf")},
    {1: "a", 2: "b"},
    {"when": datetime.datetime(2026, 1, 2, 3, 4, 5), "day": datetime.date(2026, 1, 2)},
    {"aware": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)},
    {"id": uuid.UUID(int=1), "price": decimal.Decimal("1.50"), "html": Markup("<b>")},
    {"point": Point(1, datetime.date(2026, 1, 2))},
    {"subclass": Text("x"), "kind": Kind.ONE, "name": Name.ONE, "tuple": (1, 2)},
    {"ordered": collections.OrderedDict(b=1, a=2), "default": collections.defaultdict(int, a=1)},
    {"many": MultiDict([("a", 1), ("a", 2)])},
    {"row": collections.namedtuple("row", "a b")(1, 2)},
    [1, "a", [[]]],
)


def written(app: Flask, value: Any) -> Any:
    with app.app_context():
        try:
            response = app.json.response(value)
        except UnicodeEncodeError as error:
            return type(error)
    return response.status, list(response.headers), response.get_data()


@pytest.mark.parametrize(
    "options",
    [{}, {"sort_keys": False}, {"ensure_ascii": False}, {"compact": False}, {"mimetype": "application/x"}],
    ids=str,
)
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_response_is_what_flask_writes(value: Any, options: dict[str, Any]) -> None:
    found = []
    for provider in (JSONProvider, DefaultJSONProvider):
        app = Application("tests")
        app.json = provider(app)
        for name, option in options.items():
            setattr(app.json, name, option)
        found.append(written(app, value))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "value", [{"a": object()}, {"a": {1, 2}}, {"a": datetime.time()}], ids=["object", "set", "time"]
)
def test_what_flask_refuses_is_refused(value: Any) -> None:
    app = Application("tests")
    app.json = JSONProvider(app)
    with pytest.raises(TypeError, match="not JSON serializable"):
        app.json.response({"a": value})


def test_own_default_and_arguments_are_used() -> None:
    app = Application("tests")
    app.json = JSONProvider(app)
    app.json.default = lambda value: "own"  # type: ignore[attr-defined]
    assert written(app, {"a": object()})[2] == b'{"a":"own"}\n'
    with app.app_context():
        assert app.json.response(a=1).get_data() == b'{"a":1}\n'
        assert app.json.response(1, 2).get_data() == b"[1,2]\n"
        assert app.json.response().get_data() == b"null\n"


def test_debug_mode_is_indented() -> None:
    app = Application("tests")
    app.json = JSONProvider(app)
    app.debug = True
    assert written(app, {"a": 1})[2] == b'{\n  "a": 1\n}\n'
