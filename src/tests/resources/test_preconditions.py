"""If-Match and If-None-Match: no update is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.resources.music_api import BACKENDS, exposed, uri_of

MakeApp = Callable[..., Flask]


@pytest.fixture(params=BACKENDS)
def app(request: pytest.FixtureRequest, make_app: MakeApp) -> Flask:
    return exposed(make_app, uri_of(request, request.param))


@pytest.fixture
def music(app: Flask) -> FlaskClient:
    return app.test_client()


def change(client: FlaskClient, url: str, etag: str, method: str = "PATCH") -> int:
    body = None if method == "DELETE" else {"name": "changed"}
    return client.open(url, method=method, json=body, headers={"If-Match": etag}).status_code


@pytest.mark.parametrize("url", ["/artists/1", "/artists/1?fields=name", "/artists/1?include=albums"])
def test_change_needs_the_tag_of_its_url(music: FlaskClient, url: str) -> None:
    etag = music.get(url).headers["ETag"]
    assert change(music, url, etag) == 200
    for method in ("PATCH", "PUT", "DELETE"):
        assert change(music, url, etag, method) == 412
    current = music.get(url).headers["ETag"]
    assert change(music, url, f'"other", {current}') == 200
    assert change(music, url, f"W/{current}") == 412
    assert change(music, url, "nonsense") == 412
    assert change(music, url, "*") == 200


def test_tag_of_a_change_is_good_for_the_next_one(music: FlaskClient) -> None:
    etag = music.post("/artists", json={"name": "x"}).headers["ETag"]
    url = music.get("/artists?name=x").json["objects"][0]["id"]
    for rating in (1, 2, 3):
        changed = music.patch(f"/artists/{url}", json={"rating": rating}, headers={"If-Match": etag})
        etag = changed.headers["ETag"]
    assert changed.json["rating"] == 3
    assert change(music, f"/artists/{url}", etag, "DELETE") == 204
    assert change(music, f"/artists/{url}", etag, "DELETE") == 404


def test_put_may_require_that_there_is_no_row(music: FlaskClient) -> None:
    refused = music.put("/artists/1", json={"name": "x"}, headers={"If-None-Match": "*"})
    assert refused.status_code == 412
    assert music.put("/artists/999", json={"name": "x"}, headers={"If-Match": "*"}).status_code == 412


def test_resource_may_require_if_match(make_app: MakeApp) -> None:
    client = exposed(make_app, artist={"require_if_match": True}).test_client()
    for method in ("PATCH", "PUT", "DELETE"):
        assert client.open("/artists/1", method=method, json={"name": "x"}).status_code == 428
    assert client.post("/artists", json={"name": "x"}).status_code == 201
    assert change(client, "/artists/1", client.get("/artists/1").headers["ETag"]) == 200


def write(app: Flask, times: int, done: list[int], begin: threading.Barrier) -> None:
    client = app.test_client()
    begin.wait()
    for _ in range(times):
        read = client.get("/tracks/1")
        body = {"seconds": read.json["seconds"] + 1}
        answer = client.patch("/tracks/1", json=body, headers={"If-Match": read.headers["ETag"]})
        assert answer.status_code in (200, 412, 503), answer.json  # 503: others held the lock
        done.append(answer.status_code)


@pytest.mark.parametrize("times", [10, pytest.param(500, marks=pytest.mark.acceptance)])
def test_no_update_of_8_writers_is_lost(app: Flask, times: int) -> None:
    app.test_client().patch("/tracks/1", json={"seconds": 1})
    done: list[int] = []
    begin = threading.Barrier(8)
    writers: list[Any] = [threading.Thread(target=write, args=(app, times, done, begin)) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(done) == 8 * times
    assert app.test_client().get("/tracks/1").json["seconds"] == 1 + done.count(200)
