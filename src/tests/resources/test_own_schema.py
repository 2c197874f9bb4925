"""A marshmallow schema of the service's own reads and writes the objects of a resource."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, request
from flask.testing import FlaskClient
from marshmallow import Schema, ValidationError, fields, post_dump, post_load, validates_schema
from marshmallow_sqlalchemy import SQLAlchemyAutoSchema

from debonair.database.engine import engine_of
from tests.resources.models import Album, Artist
from tests.resources.music_api import BACKENDS, exposed, pointers, uri_of

MakeApp = Callable[..., Flask]


class ArtistSchema(Schema):
    """Names in capitals, a load-only country, a rating that some see, and a member of its own."""

    id = fields.Integer(dump_only=True)
    called = fields.String(attribute="name", required=True)
    country = fields.String(load_only=True, allow_none=True)
    rating = fields.Float(allow_none=True)
    shout = fields.Function(lambda artist: artist.name.upper())

    @post_load
    def trim(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if "name" in data:
            data["name"] = data["name"].strip()
        return data

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("name", "") == data.get("country"):
            raise ValidationError("a name is no country")

    @post_dump
    def hide(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if request.headers.get("X-Role") != "critic":
            data.pop("rating", None)
        return data


class MadeSchema(Schema):
    """A schema whose ``post_load`` makes the object."""

    id = fields.Integer(dump_only=True)
    title = fields.String(required=True)
    price = fields.Decimal(as_string=True, allow_none=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Any:
        return Album(**data)


class AutoSchema(SQLAlchemyAutoSchema):
    """A schema of marshmallow-sqlalchemy that loads instances."""

    class Meta:
        model = Artist
        load_instance = True


@pytest.fixture(params=BACKENDS)
def music(request: pytest.FixtureRequest, make_app: MakeApp) -> FlaskClient:
    uri = uri_of(request, request.param)
    app = exposed(make_app, uri, artist={"schema": ArtistSchema}, album={"schema": MadeSchema()})
    return app.test_client()


def test_objects_are_dumped_by_the_schema(music: FlaskClient) -> None:
    page = music.get("/artists?sort=-id&page_size=1").json
    assert page["num_results"] == 2 and [set(each) for each in page["objects"]] == [{"id", "called", "shout"}]
    one = music.get(f"/artists/{page['objects'][0]['id']}")
    assert one.json == page["objects"][0] and one.json["shout"] == one.json["called"].upper()
    assert "rating" in music.get("/artists/1", headers={"X-Role": "critic"}).json


def test_fields_are_those_of_the_schema(music: FlaskClient) -> None:
    assert set(music.get("/artists/1?fields=shout").json) == {"shout"}
    assert music.get("/artists/1?fields=rating").json == {}
    for name in ("country", "name", "born"):
        assert music.get(f"/artists/1?fields={name}").status_code == 400


def test_what_the_schema_does_not_dump_is_hidden_everywhere(music: FlaskClient) -> None:
    for query in ("country=DE", "sort=country", "born__isnull=true"):
        assert music.get(f"/artists?{query}").status_code == 400
    assert music.get("/albums?artist.country=DE").status_code == 400
    assert music.get("/artists?rating__isnull=false").status_code == 200


def test_embedded_objects_are_dumped_by_their_schema(music: FlaskClient) -> None:
    music.patch("/albums/1", json={"title": "x"})
    page = music.get("/tracks?include=album.artist&album.artist.id__ge=1").json["objects"]
    assert set(page[0]["album"]) == {"id", "title", "price", "artist"}
    assert set(page[0]["album"]["artist"]) == {"id", "called", "shout"}
    artist = music.get("/artists/1?include=albums").json
    assert set(artist["albums"][0]) == {"id", "title", "price"}


def test_exports_have_what_the_schema_dumps(music: FlaskClient) -> None:
    for headers in ({}, {"X-Role": "critic"}):
        page = music.get("/albums?include=artist,tracks&sort=-id", headers=headers).json["objects"]
        exported = music.get("/albums?include=artist,tracks&sort=-id&format=ndjson", headers=headers)
        assert [json.loads(line) for line in exported.data.splitlines()] == page
    page = music.get("/artists").json["objects"]
    found = list(csv.DictReader(io.StringIO(music.get("/artists?format=csv").text, newline="")))
    assert [row["shout"] for row in found] == [each["shout"] for each in page]
    assert {row["rating"] for row in found} == {""}
    tracks = music.get("/tracks?include=album.artist&format=csv").text.splitlines()[0]
    assert '"album.title"' in tracks and '"album.artist.shout"' in tracks and "country" not in tracks


def test_objects_are_loaded_by_the_schema(music: FlaskClient) -> None:
    created = music.post("/artists", json={"called": " x ", "country": "PL"})
    assert created.status_code == 201 and created.json["called"] == "x" and "country" not in created.json
    url = created.headers["Location"]
    assert music.patch(url, json={"rating": 2.5}, headers={"X-Role": "critic"}).json["rating"] == 2.5
    assert music.put(url, json={"called": "z"}).json["called"] == "z"
    with engine_of(music.application).connect() as connection:
        assert connection.execute(sa.select(Artist.country).where(Artist.name == "z")).scalar() == "PL"
    etag = music.get(url).headers["ETag"]
    assert music.patch(url, json={}, headers={"If-Match": etag}).status_code == 200
    assert music.delete(url).status_code == 204


def test_faults_of_the_schema_have_their_pointer(music: FlaskClient) -> None:
    found = pointers(music.post("/artists", json={"rating": "x", "name": 1, "id": 5}))
    assert set(found) == {"#/called", "#/rating", "#/name", "#/id"}
    assert pointers(music.post("/artists", json={"called": "x", "country": "x"})) == {
        "#": "a name is no country"
    }
    assert set(pointers(music.post("/artists", json=[{"called": "a"}, {}]))) == {"#/1/called"}
    assert music.post("/artists", json=5).status_code == 422


def test_post_load_may_make_the_object(music: FlaskClient) -> None:
    created = music.post("/albums", json={"title": "x", "price": "1.50"})
    assert created.json["title"] == "x" and created.json["price"] == "1.50"
    changed = music.patch(created.headers["Location"], json={"price": "2"}).json
    assert changed == created.json | {"price": "2.00"}
    nested = music.post("/tracks?include=album", json={"name": "t", "album": {"title": "nested"}})
    assert nested.json["album"]["title"] == "nested"


def test_schema_of_marshmallow_sqlalchemy_changes_the_row(make_app: MakeApp) -> None:
    seen: list[Any] = []
    client = exposed(
        make_app, artist={"schema": AutoSchema, "before": {"PATCH": lambda *given: seen.append(given[1])}}
    ).test_client()
    before = client.get("/artists/1").json
    assert client.patch("/artists/1", json={"country": "XY"}).json == before | {"country": "XY"}
    assert seen == [{"country": "XY"}]
    created = client.post("/artists", json={"name": "new"})
    assert created.status_code == 201 and created.json["id"] != 1
    assert client.post("/artists", json={"id": 1, "name": "other"}).status_code == 409
    assert client.get("/artists/1").json == before | {"country": "XY"}
    assert client.patch("/artists/1", json={"id": 77}).status_code == 422
