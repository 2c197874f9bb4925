"""Pages show the size of a binary value, and do not read it."""

from __future__ import annotations

import re
import sqlite3
import tracemalloc
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from debonair import standalone
from tests.support import chassis_settings

SIZE = 20_000_000

SCRIPT = f"""
    CREATE TABLE albums (id INTEGER PRIMARY KEY, title TEXT);
    CREATE TABLE covers (id INTEGER PRIMARY KEY, album_id INT REFERENCES albums, image BLOB, icon BLOB);
    CREATE TABLE hashes (digest BLOB PRIMARY KEY, data BLOB);
    INSERT INTO albums VALUES (1, 'Blue');
    INSERT INTO covers VALUES (1, 1, zeroblob({SIZE}), x'00'), (2, 1, 12345, 67890), (3, 1, NULL, x'');
    INSERT INTO hashes VALUES (x'0001', x'000102');
"""


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    with sqlite3.connect(tmp_path / "covers.db") as connection:
        connection.executescript(SCRIPT)
    connection.close()
    uri = f"sqlite:///{tmp_path}/covers.db"
    return standalone.create_app(chassis_settings(database={"uri": uri})).test_client()


def _page(client: FlaskClient, path: str) -> str:
    response = client.get(path, headers={"Accept": "text/html"})
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_data(as_text=True)


def _binaries(page: str) -> list[str]:
    return re.findall(r'class="binary">([^<]*)<', page)


@pytest.mark.parametrize("path", ["/covers", "/covers/1", "/albums/1", "/albums/1/covers"])
def test_sizes_are_shown_and_values_are_not_read(client: FlaskClient, path: str) -> None:
    _page(client, "/albums")
    tracemalloc.start()
    try:
        page = _page(client, path)
        assert tracemalloc.get_traced_memory()[1] < SIZE / 4
    finally:
        tracemalloc.stop()
    assert _binaries(page)[:2] == ["20.0 MB", "1 bytes"]


def test_other_values_in_a_binary_column_are_shown_as_they_are(client: FlaskClient) -> None:
    page = _page(client, "/covers/2")
    assert "12345" in page and "67890" in page and not _binaries(page)
    assert "NULL" in _page(client, "/covers/3")
    assert _binaries(_page(client, "/covers/3")) == ["0 bytes"]


def test_a_binary_key_leads_to_its_row(client: FlaskClient) -> None:
    page = _page(client, "/hashes")
    assert _binaries(page)[-1] == "3 bytes"
    href = next(each for each in re.findall(r'href="(/hashes/[^"?]*)"', page))
    assert client.get(href).json["data"] == "AAEC"


@pytest.mark.acceptance
def test_sizes_are_those_of_postgresql(postgresql_url: str) -> None:
    uri = postgresql_url.replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(uri)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE covers (id INT PRIMARY KEY, image BYTEA)")
        values = "(1, decode(repeat('00', 1500), 'hex')), (2, NULL)"
        connection.exec_driver_sql(f"INSERT INTO covers VALUES {values}")
    engine.dispose()
    client = standalone.create_app(chassis_settings(database={"uri": uri})).test_client()
    assert _binaries(_page(client, "/covers")) == ["1.5 kB"]
    assert _binaries(_page(client, "/covers/1")) == ["1.5 kB"]
