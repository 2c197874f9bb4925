"""Results and problems as JSON, XML and YAML, as ``Accept`` wishes and the settings allow."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from flask import Flask
from marshmallow import Schema, fields

from debonair.api.openapi import Blueprint
from debonair.api.xml_writer import to_xml
from debonair.errors import CommandError
from debonair.testing import assert_problem

VALUE = {"name": "Zoë & <co>", "sizes": [1, 2], "fit": True, "none": None, "2nd place": {"x": "a\x00b"}}


class Thing(Schema):
    """A thing."""

    name = fields.String()
    sizes = fields.List(fields.Integer())


@pytest.fixture
def make(make_app: Callable[..., Flask]) -> Callable[..., Flask]:
    """Return a function that makes an application with a thing, in the formats given."""

    def do(*formats: str) -> Flask:
        app = make_app(api={"formats": list(formats)})
        things = Blueprint("things", __name__)

        @things.get("/thing")
        @things.response(200, Thing)
        def thing() -> dict[str, Any]:
            """Get it."""
            return {"name": "Zoë", "sizes": [1, 2]}

        app.register_blueprint(things)
        return app

    return do


def get(app: Flask, path: str, accept: str | None) -> Any:
    return app.test_client().get(path, headers={} if accept is None else {"Accept": accept})


def test_result_is_in_the_format_that_is_accepted(make: Callable[..., Flask]) -> None:
    app = make("json", "xml", "yaml")
    answer = get(app, "/thing", "application/xml")
    assert answer.mimetype == "application/xml" and "Accept" in answer.headers["Vary"]
    root = ElementTree.fromstring(answer.data)
    assert root.findtext("name") == "Zoë" and [item.text for item in root.find("sizes")] == ["1", "2"]
    answer = get(app, "/thing", "application/yaml")
    assert answer.mimetype == "application/yaml"
    assert yaml.safe_load(answer.data) == {"name": "Zoë", "sizes": [1, 2]}


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json;q=0.5, application/xml", "application/xml"),
        ("application/xml;q=0.5, application/json", "application/json"),
        ("text/html, application/xml;q=0.9, */*;q=0.8", "application/xml"),
    ],
)
def test_weights_are_weighed(make: Callable[..., Flask], accept: str | None, mimetype: str) -> None:
    assert get(make("json", "xml"), "/thing", accept).mimetype == mimetype


def test_first_format_is_the_one_where_all_are_welcome(make: Callable[..., Flask]) -> None:
    assert get(make("yaml", "json"), "/thing", "*/*").mimetype == "application/yaml"


def test_problem_is_in_the_format_that_is_accepted(make: Callable[..., Flask]) -> None:
    app = make("json", "xml", "yaml")
    answer = get(app, "/nowhere", "application/xml")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+xml")
    root = ElementTree.fromstring(answer.data)
    assert root.tag == "{urn:ietf:rfc:7807}problem"
    assert root.findtext("{urn:ietf:rfc:7807}status") == "404"
    answer = get(app, "/nowhere", "application/yaml")
    assert answer.mimetype == "application/problem+yaml"
    assert yaml.safe_load(answer.data)["status"] == 404


def test_who_accepts_none_of_the_formats_is_told(make: Callable[..., Flask]) -> None:
    assert_problem(get(make("json", "xml"), "/thing", "image/png"), 406, "application/xml")
    assert get(make("json", "xml"), "/metrics", "text/plain").status_code == 200


def test_json_alone_is_left_as_it_is(make: Callable[..., Flask]) -> None:
    answer = get(make("json"), "/thing", "application/xml")
    assert answer.mimetype == "application/json" and "Vary" not in answer.headers


def test_every_value_of_json_is_well_formed_xml() -> None:
    root = ElementTree.fromstring(to_xml(VALUE, "result"))
    assert root.findtext("name") == VALUE["name"]
    assert root.findtext("fit") == "true"
    assert root.findtext("_2nd_place/x") == "a\ufffdb"
    assert json.dumps(None) == "null" and root.find("none").text is None


def test_yaml_without_pyyaml_is_told_at_the_start(
    make: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(CommandError, match=r"install debonair\[yaml\]"):
        make("yaml")


def test_name_that_xml_does_not_allow_is_replaced() -> None:
    root = ElementTree.fromstring(to_xml({"²": 1, "é": 2}, "result"))
    assert [child.tag for child in root] == ["_", "_"]


@pytest.mark.parametrize("media_type", ["application/yaml", "application/xml"])
def test_result_that_is_nested_too_deeply_for_a_format_is_json(
    make_app: Callable[..., Flask], media_type: str
) -> None:
    app = make_app(api={"formats": ["json", "xml", "yaml"]})
    deep = "[" * 450 + "]" * 450
    app.add_url_rule("/deep", "deep", lambda: app.response_class(deep, mimetype="application/json"))
    answer = app.test_client().get("/deep", headers={"Accept": media_type})
    assert answer.status_code == 200
    assert (answer.mimetype == "application/json" and answer.text == deep) or answer.mimetype == media_type


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}], ids=["none", "any"])
def test_first_format_is_for_a_client_that_does_not_choose(
    make_app: Callable[..., Flask], headers: dict[str, str]
) -> None:
    app = make_app(api={"formats": ["xml", "json"]})
    app.add_url_rule("/thing", "thing", lambda: {"name": "a"})
    assert app.test_client().get("/thing", headers=headers).mimetype == "application/xml"
