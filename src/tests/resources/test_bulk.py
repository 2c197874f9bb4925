"""The rows that a filter selects are changed or deleted together, where the resource allows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from debonair.database.engine import engine_of
from tests.resources.models import Album, Artist, Track
from tests.resources.music_api import BACKENDS, exposed, pointers, uri_of

MakeApp = Callable[..., Flask]
BULK = {name: {"bulk": True} for name in ("artist", "album", "track")}


@pytest.fixture(params=BACKENDS)
def music(request: pytest.FixtureRequest, make_app: MakeApp) -> FlaskClient:
    return exposed(make_app, uri_of(request, request.param), **BULK).test_client()


def count(client: FlaskClient, url: str) -> int:
    found: int = client.get(url).json["num_results"]
    return found


def test_what_a_filter_selects_is_changed(music: FlaskClient) -> None:
    selected = count(music, "/albums?id__le=5&artist.country__isnull=false")
    response = music.patch("/albums?id__le=5&artist.country__isnull=false", json={"title": "same"})
    assert (response.status_code, response.json) == (200, {"num_results": selected})
    assert count(music, "/albums?title=same") == selected > 0


def test_what_a_filter_selects_is_deleted_with_what_it_owns(music: FlaskClient) -> None:
    tracks = count(music, "/tracks?album_id__gt=5")
    assert tracks and music.delete("/albums?id__gt=5").json == {"num_results": 3}
    assert count(music, "/albums") == 5 and count(music, "/tracks?album_id__gt=5") == 0


def test_every_row_is_selected_on_purpose_only(music: FlaskClient) -> None:
    for url, pointer in (
        ("/albums", "query:all"), ("/albums?all=yes", "query:all"), ("/albums?page=1&id=1", "query:page"),
        ("/albums?fields=id&id=1", "query:fields"), ("/albums?titel=x", "query:titel"),
    ):  # fmt: skip
        for response in (music.patch(url, json={"title": "x"}), music.delete(url)):
            assert response.status_code == 400 and list(pointers(response)) == [pointer]
    assert music.patch("/albums?all=true", json={"title": "x"}).json == {"num_results": 8}
    assert music.patch("/albums?all=true", json={}).json == {"num_results": 8}
    assert music.delete("/albums?all=true").json == {"num_results": 8}


def test_resource_without_bulk_has_no_such_routes(make_app: MakeApp) -> None:
    client = exposed(make_app).test_client()
    assert client.patch("/albums?id=1", json={}).status_code == 405
    assert client.delete("/albums?id=1").status_code == 405


def test_faults_are_reported(music: FlaskClient) -> None:
    refused = music.patch("/albums?id=1", json={"id": 2, "artist": 1, "titel": 1, "price": "x"})
    assert set(pointers(refused)) >= {"#/titel", "#/price"}
    assert set(pointers(music.patch("/albums?id=1", json={"id": 2, "artist": 1}))) == {"#/id", "#/artist"}
    assert music.patch("/albums?all=true", json={"price": "-1"}).status_code == 422
    assert music.patch("/artists?all=true", json={"name": "x"}).status_code == 409
    assert music.delete("/artists?all=true").status_code == 409
    assert music.patch("/albums?id=1", json=[]).status_code == 422
    assert music.patch("/albums?id=1", data="x", content_type="text/plain").status_code == 415


def test_one_statement_changes_many_rows(make_app: MakeApp) -> None:
    app = exposed(make_app, **BULK)
    statements: list[str] = []
    sa.event.listen(
        engine_of(app), "before_cursor_execute", lambda *given: statements.append(given[2]), named=False
    )
    app.test_client().patch("/albums?id__gt=2", json={"title": "x"})
    assert [text.split()[0] for text in statements] == ["UPDATE"]


def test_row_filter_and_hooks_apply_to_each_row(make_app: MakeApp) -> None:
    seen: list[Any] = []
    client = exposed(
        make_app,
        artist={"bulk": True, "where": lambda: Artist.id <= 1},
        album={"bulk": True, "before": {"PATCH": lambda name, data, row: seen.append(row.id)}},
        track={"bulk": True, "after": {"DELETE": lambda name, row: seen.append(row.name)}},
    ).test_client()
    with engine_of(client.application).begin() as connection:
        connection.execute(sa.update(Artist).values(country="PL"))
        names = connection.execute(sa.select(Track.name).where(Track.album_id > 5)).scalars().all()
        assert connection.execute(sa.select(sa.func.count()).select_from(Album)).scalar_one() == 8
    assert client.patch("/artists?all=true", json={"country": "DE"}).json == {"num_results": 1}
    with engine_of(client.application).begin() as connection:
        assert len(connection.execute(sa.select(Artist).where(Artist.country == "DE")).all()) == 1
    assert client.patch("/albums?id__le=2", json={"title": "x"}).json == {"num_results": 2}
    assert seen == [1, 2]
    client.delete("/tracks?album_id__gt=5")
    assert sorted(seen[2:]) == sorted(names)
