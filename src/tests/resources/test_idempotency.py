"""Idempotency-Key: a POST that is sent again has happened once, and its response is the same."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from debonair.changes import idempotency
from debonair.changes.idempotency import TABLE
from debonair.database.engine import db, engine_of
from debonair.database.migrations import differing_tables
from debonair.web.problems import Problem
from tests.chassis.serving import Served
from tests.resources import models
from tests.resources.music_api import BACKENDS, exposed, uri_of
from tests.support import ROOT

MakeApp = Callable[..., Flask]


@pytest.fixture(params=BACKENDS)
def music(request: pytest.FixtureRequest, make_app: MakeApp) -> FlaskClient:
    return exposed(make_app, uri_of(request, request.param)).test_client()


def post(client: FlaskClient, name: str, key: str = "a key", url: str = "/artists", **headers: str) -> Any:
    return client.post(url, json={"name": name}, headers={"Idempotency-Key": key, **headers})


def test_repeated_request_gets_the_stored_response(music: FlaskClient) -> None:
    first, second = post(music, "x"), post(music, "x")
    assert first.status_code == second.status_code == 201 and first.data == second.data
    for name in ("Location", "ETag", "Content-Type"):
        assert first.headers[name] == second.headers[name]
    assert "Idempotency-Replayed" not in first.headers and second.headers["Idempotency-Replayed"] == "true"
    music.delete(first.headers["Location"])
    assert post(music, "x").data == first.data
    assert music.get("/artists?name=x").json["num_results"] == 0


def test_array_and_related_object_are_inserted_once(music: FlaskClient) -> None:
    for url, body in (("/genres", [{"name": "a"}, {"name": "b"}]), ("/tracks/1/genres", {"name": "c"})):
        answers = [music.post(url, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].data == answers[1].data


def test_key_with_another_request_is_refused(music: FlaskClient) -> None:
    post(music, "x")
    assert post(music, "y").status_code == 422
    assert post(music, "x", url="/artists?fields=id").status_code == 422
    assert music.get("/artists?name=y").json["num_results"] == 0


def test_keys_of_other_resources_and_principals_are_others(music: FlaskClient) -> None:
    assert post(music, "x").status_code == 201
    assert post(music, "x", url="/genres").status_code == 201
    assert post(music, "y", Authorization="Basic YTpi").status_code == 201
    assert post(music, "z", Authorization="Bearer abc").status_code == 201
    assert "Idempotency-Replayed" in post(music, "y", Authorization="Basic YTpi").headers


def test_refused_request_leaves_the_key_free(music: FlaskClient) -> None:
    post(music, "taken", "other")
    assert post(music, "taken").status_code == 409
    assert post(music, "free").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "ż", "a\tb"])
def test_malformed_key_is_refused(music: FlaskClient, key: str) -> None:
    assert post(music, "x", key).status_code == 400
    assert post(music, "x", "k" * 255).status_code == 201


def test_response_is_kept_for_a_day(music: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    post(music, "x")
    later = idempotency._now() + idempotency.KEPT + 1
    monkeypatch.setattr(idempotency, "_now", lambda: later)
    assert post(music, "y").status_code == 201
    assert "Idempotency-Replayed" in post(music, "y").headers


def test_old_responses_are_deleted(music: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    post(music, "x")
    later = idempotency._now() + idempotency.KEPT + 1
    monkeypatch.setattr(idempotency, "_now", lambda: later)
    monkeypatch.setattr("debonair.changes.idempotency.random.random", lambda: 0.0)
    post(music, "y", "another key")
    with engine_of(music.application).connect() as connection:
        assert connection.execute(sa.select(TABLE.c.key)).scalars().all() == ["another key"]


def test_table_is_made_again_when_it_was_dropped(music: FlaskClient) -> None:
    post(music, "x")
    TABLE.drop(engine_of(music.application))
    assert post(music, "y").status_code == 201


def test_table_is_no_difference_between_models_and_database(make_app: MakeApp, tmp_path: Path) -> None:
    app = exposed(make_app)
    with app.app_context():
        before = differing_tables(app)
        post(app.test_client(), "x")
        assert TABLE.name not in differing_tables(app)
        assert differing_tables(app) == before
        assert TABLE.name in sa.inspect(db.engine).get_table_names()


def test_failure_after_the_write_leaves_neither_row_nor_response(make_app: MakeApp) -> None:
    failing = [True]

    def after(name: str, row: Any) -> None:
        if failing:
            raise Problem("not now")

    client = exposed(make_app, artist={"after": {"POST": after}}).test_client()
    assert post(client, "x").status_code == 400
    failing.clear()
    assert post(client, "x").status_code == 201


SERVED = """
import pathlib

def wait_to_be_killed(name, row):
    marker = pathlib.Path(os.environ["SLOW_BEGAN"] + "-first")
    if row.name == "killed" and not marker.exists():
        marker.with_suffix(".new").write_text(str(os.getpid()))
        marker.with_suffix(".new").rename(marker)
        time.sleep(60)

_create = create_app

def create_app(settings):
    from debonair.resources.exposing import expose
    from tests.resources import models

    app = _create(settings)
    expose(app, models.Artist, after={"POST": wait_to_be_killed})
    expose(app, models.Album, models.Track, models.Genre)
    return app
"""


@pytest.fixture(params=BACKENDS)
def service(request: pytest.FixtureRequest, package: Path, tmp_path: Path) -> Iterator[Served]:
    """A service with two workers."""
    uri = uri_of(request, request.param) or f"sqlite:///{tmp_path}/served.db"
    engine = sa.create_engine(uri)
    with engine.begin() as connection:
        models.fill(connection, 8)
    engine.dispose()
    path = f"{package.parent}:{ROOT / 'src'}"
    served = Served(package, f"[database]\nuri = {uri}\n", code=SERVED, PYTHONPATH=path)
    yield served
    served.stop()


def insist(port: int, name: str, found: list[tuple[int, str | None, str | None, bytes]]) -> None:
    """Send the request until there is a response, as a client that retries does."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
            connection.request("POST", "/artists", json.dumps({"name": name}), headers)
            answer = connection.getresponse()
            got = (answer.status, answer.headers["Location"], answer.headers["ETag"], answer.read())
        except (OSError, http.client.HTTPException):
            continue
        finally:
            connection.close()
        if got[0] != 503:
            found.append(got)
            return


@pytest.mark.parametrize("name", ["x", "killed"])
def test_100_simultaneous_requests_have_one_row_and_equal_responses(service: Served, name: str) -> None:
    found: list[Any] = []
    clients = [threading.Thread(target=insist, args=(service.port, name, found)) for _ in range(100)]
    for client in clients:
        client.start()
    if name == "killed":
        marker = Path(f"{service.slow_began}-first")
        service.wait_for(marker.exists)
        os.kill(int(marker.read_text()), signal.SIGKILL)
    for client in clients:
        client.join()
    assert len(found) == 100 and len(set(found)) == 1, set(found)
    assert found[0][0] == 201
    assert json.loads(service.get(f"/artists?name={name}")[1])["num_results"] == 1
