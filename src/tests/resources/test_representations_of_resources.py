"""Resources as XML and YAML, where the service offers them: by Accept and by the parameter format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from flask import Flask

from debonair.application import create_app
from debonair.database.engine import engine_of
from debonair.resources.exposing import expose
from tests.resources import models
from tests.support import chassis_settings


def _app(directory: Path, *formats: str) -> Flask:
    uri = f"sqlite:///{directory}/{formats[-1]}.db"
    app = create_app(
        "debonair.standalone", chassis_settings(database={"uri": uri}, api={"formats": list(formats)})
    )
    with engine_of(app).begin() as connection:
        models.fill(connection, 20)
    expose(app, *models.MUSIC)
    return app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """The music library in all formats."""
    app = _app(tmp_path, "json", "xml", "yaml")
    yield app
    engine_of(app).dispose()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Flask]:
    """The music library in JSON only."""
    app = _app(tmp_path, "json")
    yield app
    engine_of(app).dispose()


def get(app: Flask, path: str, accept: str | None = None, **headers: str) -> Any:
    given = headers | ({} if accept is None else {"Accept": accept})
    return app.test_client().get(path, headers=given)


PATHS = ("/albums?page_size=3", "/albums/1", "/artists/1/albums", "/albums/1?include=artist,tracks")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("by", ["accept", "format"])
def test_yaml_has_what_json_has(app: Flask, path: str, by: str) -> None:
    expected = get(app, path, "application/json").json
    joined = f"{path}{'&' if '?' in path else '?'}format=yaml"
    response = get(app, path, "application/yaml") if by == "accept" else get(app, joined)
    assert response.mimetype == "application/yaml" and "Accept" in response.headers["Vary"]
    assert yaml.safe_load(response.data) == expected


def test_xml_has_the_members_of_the_object(app: Flask) -> None:
    for response in (get(app, "/albums/2", "application/xml"), get(app, "/albums/2?format=xml", "*/*")):
        assert response.mimetype == "application/xml"
        assert ElementTree.fromstring(response.data).findtext("title") == get(app, "/albums/2").json["title"]


def test_parameter_format_is_stronger_than_accept(app: Flask) -> None:
    assert get(app, "/albums?format=json", "application/xml").mimetype == "application/json"
    assert get(app, "/albums?format=csv", "application/xml").mimetype == "text/csv"
    assert get(app, "/albums?format=xml", "text/csv").mimetype == "application/xml"


def test_links_keep_the_format(app: Flask) -> None:
    assert "?format=xml&page_size=2&page=2>" in get(app, "/albums?format=xml&page_size=2").headers["Link"]


@pytest.mark.parametrize("path", [*PATHS, "/albums/1/artist"])
def test_what_cannot_be_accepted_is_406(app: Flask, path: str) -> None:
    response = get(app, path, "image/png")
    assert response.status_code == 406 and response.mimetype == "application/problem+json"
    assert "application/yaml" in response.json["detail"] and "text/csv" in response.json["detail"]


def test_write_that_could_not_be_answered_is_refused_before_it_happens(app: Flask) -> None:
    for method in ("POST", "PATCH", "DELETE"):
        response = app.test_client().open("/albums/1", method=method, headers={"Accept": "image/png"})
        assert response.status_code in (405, 406)
    assert get(app, "/albums/1").status_code == 200


@pytest.mark.parametrize("path", ["/albums/999", "/albums?titel=x", "/nothing"])
def test_problems_are_in_the_format_too(app: Flask, path: str) -> None:
    response = get(app, path, "application/yaml")
    assert response.mimetype == "application/problem+yaml"
    assert yaml.safe_load(response.data)["status"] == response.status_code
    assert get(app, "/albums?titel=x&format=xml").mimetype == "application/problem+xml"


def test_unknown_format_is_a_problem_that_names_the_known_ones(app: Flask, plain: Flask) -> None:
    response = get(app, "/albums?format=xm")
    assert response.status_code == 400 and response.json["errors"][0]["pointer"] == "query:format"
    assert "json, xml, yaml, csv, ndjson, html; did you mean 'xml'?" in response.json["errors"][0]["message"]
    assert get(plain, "/albums?format=xml").status_code == 400


def test_entity_tag_is_weak_where_it_is_that_of_the_json(app: Flask) -> None:
    strong = get(app, "/albums/1").headers["ETag"]
    response = get(app, "/albums/1", "application/xml")
    assert response.headers["ETag"] == f"W/{strong}"
    again = get(app, "/albums/1", "application/xml", **{"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304 and again.headers["ETag"] == f"W/{strong}" and not again.data


def test_only_json_refuses_nothing(plain: Flask) -> None:
    response = get(plain, "/albums/1", "image/png")
    assert response.status_code == 200 and response.mimetype == "application/json"
    assert not response.headers["ETag"].startswith("W/")
    assert get(plain, "/albums?format=json").mimetype == "application/json"


def test_exports_are_offered_beside_the_formats(app: Flask) -> None:
    assert get(app, "/albums", "text/csv, application/xml;q=0.5").mimetype == "text/csv"
    assert get(app, "/albums", "text/csv;q=0.5, application/xml").mimetype == "application/xml"
