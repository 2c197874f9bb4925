"""Objects are created, changed, replaced and deleted; what cannot be written is reported by its pointer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column, validates

from debonair.changes import insertion
from debonair.database.engine import db, engine_of
from debonair.resources.exposing import expose
from debonair.web.problems import Problem
from tests.resources.models import Album, Artist
from tests.resources.music_api import BACKENDS, exposed, pointers, uri_of

MakeApp = Callable[..., Flask]


@pytest.fixture(params=["one INSERT", "ORM"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How a new row is inserted where both ways are possible."""
    if request.param == "ORM":
        monkeypatch.setattr(insertion, "is_plain", lambda *_: False)


@pytest.fixture(params=BACKENDS)
def music(request: pytest.FixtureRequest, make_app: MakeApp) -> FlaskClient:
    return exposed(make_app, uri_of(request, request.param)).test_client()


@pytest.fixture
def on(request: pytest.FixtureRequest, make_app: MakeApp) -> Callable[..., FlaskClient]:
    """A function that returns a client of the music library on SQLite, with options by resource."""
    return lambda **options: exposed(make_app, **options).test_client()


def test_new_object_is_at_its_location_as_it_was_returned(music: FlaskClient) -> None:
    created = music.post("/albums", json={"title": "Żółć", "price": "9.90", "kind": "live", "artist_id": 2})
    assert created.status_code == 201
    read = music.get(created.headers["Location"])
    assert read.json["title"] == "Żółć" and read.json["price"] == "9.90" and read.json["artist_id"] == 2
    assert (read.data, read.headers["ETag"]) == (created.data, created.headers["ETag"])


def test_new_object_may_be_returned_with_its_relations(music: FlaskClient) -> None:
    created = music.post("/albums?fields=title&include=artist", json={"title": "x", "artist": 2})
    assert created.json["title"] == "x" and created.json["artist"]["id"] == 2
    assert "price" not in created.json and "ETag" not in created.headers


def test_array_is_inserted_whole_or_not_at_all(music: FlaskClient) -> None:
    before = music.get("/genres").json["num_results"]
    refused = music.post("/genres", json=[{"name": "new"}, {"name": "newer"}, {"name": "Jazz"}])
    assert refused.status_code == 409 and list(pointers(refused)) == ["#/2/name"]
    assert music.get("/genres").json["num_results"] == before
    created = music.post("/genres", json=[{"name": "new"}, {"name": "newer"}])
    assert created.status_code == 201 and [each["name"] for each in created.json] == ["new", "newer"]
    assert music.post("/genres", json=[]).json == []


def test_array_of_more_than_1000_objects_is_refused(music: FlaskClient) -> None:
    assert music.post("/genres", json=[{"name": "x"}] * 1001).status_code == 422


def test_patch_changes_what_it_names(music: FlaskClient) -> None:
    before = music.get("/albums/1").json
    for media_type in ("application/json", "application/merge-patch+json"):
        changed = music.patch("/albums/1", data='{"price": null}', content_type=media_type)
        assert changed.status_code == 200 and changed.json == before | {"price": None}
    assert music.get("/albums/1").headers["ETag"] == changed.headers["ETag"]


def test_put_replaces_every_column(music: FlaskClient) -> None:
    replaced = music.put("/albums/1", json={"id": 1, "title": "x"})
    assert replaced.status_code == 200
    assert replaced.json == {
        "id": 1, "title": "x", "artist_id": None, "released": None, "price": None, "kind": None
    }  # fmt: skip
    assert list(pointers(music.put("/albums/1", json={}))) == ["#/title"]


def test_put_of_what_get_returned_changes_nothing(music: FlaskClient) -> None:
    read = music.get("/albums/2?include=artist")
    assert music.put("/albums/2?include=artist", json=read.json).data == read.data


def test_put_creates_no_row_whose_key_is_generated(music: FlaskClient) -> None:
    assert music.put("/albums/999", json={"title": "x"}).status_code == 404


def test_deleted_row_is_gone_with_what_it_owns(music: FlaskClient) -> None:
    album = music.get("/tracks").json["objects"][0]["album_id"]
    deleted = music.delete(f"/albums/{album}")
    assert (deleted.status_code, deleted.data) == (204, b"")
    assert music.get(f"/albums/{album}").status_code == music.delete(f"/albums/{album}").status_code == 404
    assert music.get(f"/tracks?album_id={album}").json["num_results"] == 0


def test_row_that_others_refer_to_is_not_deleted(music: FlaskClient) -> None:
    artist = music.get("/albums?artist_id__isnull=false").json["objects"][0]["artist_id"]
    assert music.delete(f"/artists/{artist}").status_code == 409
    assert music.get(f"/artists/{artist}").status_code == 200


def test_every_fault_is_reported_at_once(music: FlaskClient) -> None:
    body = {"titel": "x", "price": "much", "kind": "film", "artist_id": "1", "released": 5, "artist": 2}
    found = pointers(music.post("/albums", json=body))
    assert found == {
        "#/titel": "unknown member of albums; did you mean 'title'?",
        "#/title": "is required",
        "#/price": "must be a decimal number",
        "#/kind": "must be one of studio, live, single",
        "#/artist_id": "must be an integer",
        "#/released": "must be a date and time in ISO 8601, as a string",
    }


@pytest.mark.parametrize(
    ("resource", "member", "value"),
    [
        ("artists", "name", None),
        ("artists", "name", "x" * 81),
        ("artists", "name", "a\0b"),
        ("artists", "name", "\ud800"),
        ("artists", "rating", "1"),
        ("artists", "id", 2**63),
        ("artists", "id", True),
        ("artists", "born", "0000-00-00"),
        ("albums", "released", "0001-01-01T00:00:00+14:00"),
        ("albums", "price", "1e400"),
        ("albums", "price", "NaN"),
        ("albums", "kind", []),
        ("albums", "artist", 10**6),
        ("albums", "artist", {"id": 10**6}),
        ("albums", "artist", "a"),
        ("albums", "artist", [1, 2]),
        ("tracks", "album", None),
        ("tracks", "genres", 1),
        ("tracks", "genres", None),
    ],
)
def test_value_that_does_not_fit_is_reported(
    music: FlaskClient, resource: str, member: str, value: Any
) -> None:
    whole = {"artists": {"name": "x"}, "albums": {"title": "x"}, "tracks": {"name": "x", "album_id": 1}}
    for response in (
        music.post(f"/{resource}", json=whole[resource] | {member: value}),
        music.patch(f"/{resource}/1", json={member: value}),
    ):
        assert response.status_code == 422
        assert list(pointers(response)) == [f"#/{member}"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"name": "a", "name": "b"}', 400),
        (b'{"rating": NaN}', 400),
        (b'{"rating": 1e999}', 400),
        (b'{"name": "\xff"}', 400),
        (b"[" * 101 + b"]" * 101, 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400),
        (b"1" * 5000, 400),
        (b"null", 422),
        (b'"text"', 422),
        (b"[1]", 422),
    ],
)
def test_body_that_is_no_object_is_refused(music: FlaskClient, body: bytes, status: int) -> None:
    response = music.post("/artists", data=body, content_type="application/json")
    assert response.status_code == status, response.json


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_body_of_another_media_type_is_refused(music: FlaskClient, media_type: str | None) -> None:
    for method, path in (("POST", "/artists"), ("PATCH", "/artists/1"), ("PUT", "/artists/1")):
        assert music.open(path, method=method, data=b"{}", content_type=media_type).status_code == 415
    merge = "application/merge-patch+json"
    assert music.put("/artists/1", data=b"{}", content_type=merge).status_code == 415


def test_key_cannot_be_changed(music: FlaskClient) -> None:
    assert list(pointers(music.patch("/artists/1", json={"id": 2}))) == ["#/id"]
    assert music.patch("/artists/1", json={"id": 1, "country": "PL"}).json["country"] == "PL"


def test_violated_constraints_are_reported_at_their_member(music: FlaskClient) -> None:
    for response, status, names in (
        (music.post("/genres", json={"name": "Jazz"}), 409, ["#/name"]),
        (music.patch("/genres/2", json={"name": "Jazz"}), 409, ["#/name"]),
        (music.post("/genres", json={"id": 1, "name": "new"}), 409, ["#/id"]),
        (music.post("/albums", json={"title": "x", "artist_id": 10**6}), 409, ["#/artist_id"]),
        (music.patch("/albums/1", json={"price": "-1"}), 422, ["#/price"]),
        (music.post("/tracks", json={"name": "x"}), 422, ["#/album_id"]),
    ):
        assert response.status_code == status, response.json
        assert list(pointers(response)) == names


def test_relation_is_set_by_the_key(music: FlaskClient) -> None:
    for value in (2, {"id": 2}, {"id": 2, "name": "ignored"}):
        music.patch("/albums/1", json={"artist": None})
        changed = music.patch("/albums/1?include=artist", json={"artist": value}).json
        assert changed["artist_id"] == changed["artist"]["id"] == 2
        assert changed["artist"]["name"] != "ignored"
    tracks = music.patch("/tracks/1?include=genres", json={"genres": [3, {"id": 1}]}).json
    assert [genre["id"] for genre in tracks["genres"]] == [1, 3]
    assert music.patch("/tracks/1?include=genres", json={"genres": []}).json["genres"] == []


def test_relation_and_its_column_must_agree(music: FlaskClient) -> None:
    response = music.patch("/albums/1", json={"artist": 1, "artist_id": 2})
    assert pointers(response) == {"#/artist": "does not agree with artist_id"}
    assert music.patch("/albums/1", json={"artist": 1, "artist_id": 1}).status_code == 200


def test_object_is_created_within_a_relation(music: FlaskClient) -> None:
    created = music.post("/artists/2/albums", json={"title": "x"})
    assert created.status_code == 201 and created.json["artist_id"] == 2
    assert music.get(created.headers["Location"]).data == created.data
    genre = music.post("/tracks/1/genres", json=[{"name": "new"}, {"name": "newer"}]).json[0]
    assert genre["id"] in [each["id"] for each in music.get("/tracks/1/genres").json["objects"]]
    assert list(pointers(music.post("/artists/2/albums", json={"title": "x", "artist_id": 1}))) == [
        "#/artist_id"
    ]
    assert music.post("/artists/999/albums", json={"title": "x"}).status_code == 404
    assert music.post("/artists/1/nothing", json={"title": "x"}).status_code == 404
    assert music.post("/albums/1/artist", json={"name": "x"}).status_code == 405


def test_verbs_that_are_not_allowed_have_no_route(on: Any) -> None:
    client = on(artist={"verbs": frozenset(("GET", "PATCH"))}, genre={"verbs": frozenset(("GET",))})
    assert client.post("/artists", json={}).status_code == client.delete("/artists/1").status_code == 405
    assert set(client.put("/artists/1", json={}).headers["Allow"].split(", ")) == {
        "GET", "HEAD", "OPTIONS", "PATCH"
    }  # fmt: skip
    assert client.patch("/genres", json={}).status_code == 405
    refused = client.post("/tracks", json={"name": "x", "album_id": 1, "genres": [{"name": "new"}]})
    assert list(pointers(refused)) == ["#/genres/0"]


def test_hidden_member_cannot_be_told_from_an_unknown_one(on: Any) -> None:
    client = on(artist={"hidden": frozenset(("rating", "albums"))})
    for name in ("rating", "albums", "nothing"):
        found = pointers(client.post("/artists", json={"name": "x", name: 1}))
        assert found == {f"#/{name}": "unknown member of artists"}


def test_member_that_is_not_writable_is_refused(on: Any) -> None:
    client = on(artist={"writable": frozenset(("name",))})
    assert pointers(client.patch("/artists/1", json={"rating": 1.0})) == {"#/rating": "cannot be written"}
    assert pointers(client.patch("/artists/1", json={"albums": []})) == {"#/albums": "cannot be written"}


def test_row_filter_applies_to_writes(on: Any) -> None:
    client = on(artist={"where": lambda: Artist.country == "DE"})
    assert client.post("/artists", json={"name": "x", "country": "PL"}).status_code == 403
    mine = client.post("/artists", json={"name": "mine", "country": "DE"})
    url = mine.headers["Location"]
    assert client.patch(url, json={"country": "PL"}).status_code == 403
    assert client.get(url).data == mine.data
    with engine_of(client.application).begin() as connection:
        connection.execute(sa.update(Artist).values(country="PL"))
    for response in (client.patch(url, json={"name": "y"}), client.put(url, json={}), client.delete(url)):
        assert response.status_code == 404
    assert list(pointers(client.patch("/albums/1", json={"artist": mine.json["id"]}))) == ["#/artist"]
    assert client.post(f"{url}/albums", json={"title": "x"}).status_code == 404


def test_hooks_see_and_change_what_is_written(on: Any) -> None:
    seen: list[Any] = []

    def before(name: str, data: dict[str, Any], row: Any = None) -> None:
        seen.append((name, dict(data), row and row.id))
        if data.get("name") == "forbidden":
            raise Problem("not this one")
        data["country"] = "XX"

    def after(name: str, row: Any) -> None:
        seen.append((name, row.id))
        db.session.add(Album(title="from the hook", artist_id=row.id))

    client = on(artist={"before": {"POST": before, "PATCH": before}, "after": {"POST": after}})
    created = client.post("/artists", json={"name": "x"}).json
    assert created["country"] == "XX"
    assert seen == [("artists", {"name": "x"}, None), ("artists", created["id"])]
    assert client.get(f"/artists/{created['id']}/albums").json["objects"][0]["title"] == "from the hook"
    assert client.patch("/artists/1", json={"rating": 2}).json["country"] == "XX"
    assert seen[-1] == ("artists", {"rating": 2.0}, 1)
    assert client.patch("/artists/1", json={"name": "forbidden"}).status_code == 400


def test_hook_that_fails_leaves_nothing(on: Any) -> None:
    def after(name: str, row: Any) -> None:
        raise Problem("too late")

    client = on(genre={"after": {"POST": after, "PATCH": after, "DELETE": after}})
    before = client.get("/genres").data
    assert client.post("/genres", json={"name": "new"}).status_code == 400
    assert client.patch("/genres/1", json={"name": "new"}).status_code == 400
    assert client.get("/genres").data == before


class Base(DeclarativeBase):
    pass


class Shelf(Base):
    """A class with a key of the client's own, a validator, defaults, and JSON."""

    __tablename__ = "shelves"
    room = mapped_column(sa.String(10), primary_key=True)
    code = mapped_column(sa.String(20), primary_key=True)
    height = mapped_column(sa.Integer, nullable=False, default=7)
    width = mapped_column(sa.Integer, nullable=False, server_default="30")
    extra = mapped_column(sa.JSON)

    @validates("height")
    def check_height(self, name: str, value: int) -> int:
        if value == 13:
            raise ValueError("13 brings bad luck")
        return value


class Point(MappedAsDataclass, Base):
    """A class whose constructor takes what it wants."""

    __tablename__ = "points"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    x: Mapped[int]
    y: Mapped[int | None] = mapped_column(default=5)
    z: Mapped[int] = mapped_column(init=False, default=6)


@pytest.fixture(params=BACKENDS)
def shelves(request: pytest.FixtureRequest, make_app: MakeApp) -> FlaskClient:
    uri = uri_of(request, request.param)
    app = make_app(**({"database": {"uri": uri}} if uri else {}))
    Base.metadata.create_all(engine_of(app))
    expose(app, Shelf, Point)
    return app.test_client()


def test_put_creates_a_row_whose_key_the_client_chooses(shelves: FlaskClient) -> None:
    created = shelves.put("/shelves/a%252Cb,c%252F%2520d", json={})
    assert created.status_code == 201, created.json
    assert created.json == {"room": "a,b", "code": "c/ d", "height": 7, "width": 30, "extra": None}
    assert shelves.get(created.headers["Location"]).data == created.data
    assert shelves.put(created.headers["Location"], json={"width": 5}).json["width"] == 5
    again = shelves.put(created.headers["Location"], json={"room": "a,b", "code": "c/ d"})
    assert again.status_code == 200 and again.json["width"] == 30
    refused = shelves.put("/shelves/a,b", json={"code": "other"})
    assert list(pointers(refused)) == ["#/code"]
    assert shelves.post("/shelves", json={"room": "a,b", "code": "c/ d"}).status_code == 409


def test_json_is_merged_by_patch(shelves: FlaskClient) -> None:
    shelves.put("/shelves/a,b", json={"extra": {"a": 1, "b": {"c": 2, "d": 3}}})
    changed = shelves.patch("/shelves/a,b", json={"extra": {"a": None, "b": {"c": 4}, "e": [1, None]}})
    assert changed.json["extra"] == {"b": {"c": 4, "d": 3}, "e": [1, None]}
    assert shelves.patch("/shelves/a,b", json={"extra": None}).json["extra"] is None
    assert shelves.get("/shelves?extra__isnull=true").json["num_results"] == 1
    assert shelves.patch("/shelves/a,b", json={"extra": [2**64]}).status_code == 422
    assert shelves.patch("/shelves/a,b", json={"extra": ["\ud800"]}).status_code == 422
    assert shelves.patch("/shelves/a,b", json={"extra": {"\0": 1}}).status_code == 422


def test_validator_of_the_class_is_reported_at_its_member(shelves: FlaskClient) -> None:
    refused = shelves.post("/shelves", json={"room": "a", "code": "b", "height": 13})
    assert pointers(refused) == {"#/height": "13 brings bad luck"}


def test_constructor_of_the_class_is_called(shelves: FlaskClient) -> None:
    assert shelves.post("/points", json={"x": 1, "z": 2}).json == {"id": 1, "x": 1, "y": 5, "z": 2}
