"""Counts: exact within a deadline, and estimated by the database, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from debonair.application import create_app
from debonair.database.engine import engine_of
from debonair.resources.exposing import expose, views_of
from debonair.statements import counting
from tests.resources import models
from tests.support import chassis_settings


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An application with the music library, on each database; a count of tracks has no time."""
    uri = f"sqlite:///{tmp_path}/music.db"
    if request.param == "postgresql":
        uri = request.getfixturevalue("postgresql_url").replace("postgresql:", "postgresql+psycopg:")
    app = create_app("debonair.standalone", chassis_settings(database={"uri": uri}))
    with engine_of(app).begin() as connection:
        models.fill(connection, 300)
        rows = [{"album_id": 1, "name": "x" * 50} for _ in range(50_000)]
        connection.execute(sa.insert(models.Track), rows)
    expose(app, models.Artist, models.Album, models.Genre)
    expose(app, models.Track, count_deadline=0.0)
    yield app
    engine_of(app).dispose()


@pytest.fixture
def analyzed(app: Flask) -> Flask:
    with engine_of(app).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))
    return app


def page(app: Flask, path: str) -> dict[str, Any]:
    response = app.test_client().get(path)
    assert response.status_code == 200, response.data
    body: dict[str, Any] = response.json
    return body


def test_exact_count_says_that_it_met_its_deadline(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    if engine_of(app).dialect.name == "postgresql":
        # A count that takes long, whatever the machine.
        sleeping = counting.Exact(sa.text("SELECT 1 FROM pg_sleep(60)"), engine_of(app).dialect)
        monkeypatch.setattr("debonair.statements.reading.Exact", lambda *_: sleeping)
    body = page(app, "/tracks?page_size=1&name__like=x%25")
    assert body["num_results"] is None and body["total_pages"] is None and body["count"] == "timeout"
    assert len(body["objects"]) == 1
    assert engine_of(app).pool.checkedout() == 0  # type: ignore[attr-defined]


def test_connection_is_usable_after_a_count_that_was_stopped(app: Flask) -> None:
    reader = views_of(app).reader
    sleeping = sa.text("SELECT 1 FROM pg_sleep(60)")
    if reader.dialect.name == "sqlite":
        sleeping = sa.text(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        )
    with closing(engine_of(app).raw_connection()) as connection:
        for _ in range(3):
            assert counted(sleeping, app, connection, 0.05) == counting.Count(None, timed_out=True)
            one = sa.text("SELECT count(*) FROM albums")
            assert counted(one, app, connection, 60.0) == counting.Count(300)


def counted(select: Any, app: Flask, connection: Any, deadline: float) -> counting.Count:
    exact = counting.Exact(select, views_of(app).reader.dialect)
    return exact.counted(connection, exact.bound({}), deadline)


def test_other_errors_of_a_count_are_raised(app: Flask) -> None:
    broken = sa.text("SELECT count(*) FROM nothing")
    with closing(engine_of(app).raw_connection()) as connection, pytest.raises(sa.exc.DBAPIError):
        counted(broken, app, connection, 1.0)


def test_whole_table_is_estimated(analyzed: Flask) -> None:
    body = page(analyzed, "/tracks?count=estimated&page_size=10")
    total = 50_000 + page(analyzed, "/tracks?page_size=1000&id__lt=1000")["objects"][0]["id"]
    assert body["count"] == "estimated" and abs(body["num_results"] - total) < 5000
    assert body["total_pages"] == -(-body["num_results"] // 10)


def test_table_without_statistics_is_estimated(app: Flask) -> None:
    body = page(app, "/albums?count=estimated&page_size=10")
    assert body["count"] == "estimated" and body["num_results"] >= 10


def test_filtered_rows_are_estimated_by_postgresql_and_counted_by_sqlite(analyzed: Flask) -> None:
    body = page(analyzed, "/albums?count=estimated&page_size=10&id__le=150")
    if engine_of(analyzed).dialect.name == "sqlite":
        assert body["num_results"] == 150 and "count" not in body
    else:
        assert abs(body["num_results"] - 150) < 15 and body["count"] == "estimated"
    body = page(analyzed, "/artists/1/albums?count=estimated&page_size=1")
    assert 1 <= body["num_results"] <= 300


def test_filtered_count_of_sqlite_keeps_the_deadline(app: Flask) -> None:
    if engine_of(app).dialect.name == "sqlite":
        body = page(app, "/tracks?count=estimated&page_size=1&name__like=x%25")
        assert body["num_results"] is None and body["count"] == "timeout"


def test_estimate_is_not_less_than_what_the_page_shows(app: Flask) -> None:
    with engine_of(app).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))
    with engine_of(app).begin() as connection:
        connection.execute(sa.insert(models.Genre), [{"name": f"Genre {at}"} for at in range(30)])
    assert page(app, "/genres?count=estimated&page_size=30")["num_results"] >= 30


def test_page_that_is_not_full_has_the_exact_number_without_counting(app: Flask) -> None:
    body = page(app, "/albums?count=estimated&page_size=1000")
    assert body["num_results"] == 300 and "count" not in body


def test_no_count_is_made_when_none_is_wanted(app: Flask) -> None:
    body = page(app, "/tracks?count=none&page_size=1")
    assert body["num_results"] is None and "count" not in body


def test_unknown_count_is_a_problem(app: Flask) -> None:
    response = app.test_client().get("/albums?count=exat")
    assert response.status_code == 400 and response.json["errors"][0]["pointer"] == "query:count"
