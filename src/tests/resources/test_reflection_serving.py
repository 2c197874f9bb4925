"""An API over a database without code: its routes, its settings, and a database that stays as it is."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError

from debonair import standalone
from debonair.database.engine import engine_of
from debonair.errors import CommandError
from debonair.manage.viewing import from_here
from tests.faults.sample import wait_for
from tests.support import ROOT, chassis_settings

SCRIPT = """
    CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT, author_id INT REFERENCES authors);
    CREATE TABLE "a/b <c>%" (id INTEGER PRIMARY KEY);
    INSERT INTO authors VALUES (1, 'Lem');
    INSERT INTO books VALUES (1, 'Solaris', 1);
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "foreign" / "library.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.executescript(SCRIPT)
    connection.close()
    return path


Make = Callable[..., Flask]


@pytest.fixture
def serve(file: Path) -> Make:
    """A function that makes the standalone application over the file, with options of ``[api]``."""

    def make(**api: Any) -> Flask:
        return standalone.create_app(chassis_settings(database={"uri": f"sqlite:///{file}"}, api=api))

    return make


def test_tables_are_resources_with_their_to_one_relations(serve: Make) -> None:
    client = serve().test_client()
    assert client.get("/books").json == {
        "num_results": 1, "page": 1, "total_pages": 1,
        "objects": [{"id": 1, "title": "Solaris", "author_id": 1, "author": {"id": 1, "name": "Lem"}}],
    }  # fmt: skip
    assert client.get("/books/1").json["title"] == "Solaris"
    assert client.get("/authors/1/books").json["num_results"] == 1
    assert client.get("/a%252Fb%20%253Cc%253E%2525").json["num_results"] == 0
    assert client.get("/nothing").status_code == 404
    assert client.get("/nothing").json["status"] == 404


def test_a_table_that_is_made_later_is_served(serve: Make, file: Path) -> None:
    app = serve()
    client = app.test_client()
    assert client.get("/later").status_code == 404
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE later (id INTEGER PRIMARY KEY)")
    connection.close()

    def is_served() -> bool:
        assert client.get("/books").status_code == 200
        return client.get("/later").status_code == 200

    wait_for(is_served, "the new table is served")


def test_prefix_tables_and_exclude_select_what_is_served(serve: Make) -> None:
    client = serve(prefix="/api", tables=["books", "authors"], exclude=["auth*"], page_size=1).test_client()
    assert client.get("/api/books").status_code == 200
    assert client.get("/books").status_code == 404
    assert client.get("/api/authors").status_code == 404
    assert "author" not in client.get("/api/books/1").json


def test_a_table_that_is_not_there_is_one_line(serve: Make) -> None:
    with pytest.raises(CommandError, match=r"tables names 'bokks'.*did you mean 'books'"):
        serve(tables=["bokks"])


def test_a_database_that_is_read_only_is_not_changed(serve: Make, file: Path) -> None:
    before, listing = file.read_bytes(), os.listdir(file.parent)
    app = serve()
    assert app.test_client().get("/books").status_code == 200
    with pytest.raises(DBAPIError, match="readonly"), engine_of(app).begin() as connection:
        connection.exec_driver_sql("DELETE FROM books")
    engine_of(app).dispose()
    assert (file.read_bytes(), os.listdir(file.parent)) == (before, listing)


def test_a_database_that_may_be_written_keeps_its_journal_mode(serve: Make, file: Path) -> None:
    app = serve(readonly=False)
    with engine_of(app).begin() as connection:
        connection.exec_driver_sql("INSERT INTO authors VALUES (2, 'Dick')")
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"


READ = """
import os, sys
from debonair import standalone
sys.path.insert(0, sys.argv[3])
from tests.support import chassis_settings

def read(path):
    app = standalone.create_app(chassis_settings(database={"uri": "sqlite:///" + path}))
    response = app.test_client().get("/books")
    assert response.status_code == 200, response.get_data(as_text=True)

read(sys.argv[2])  # imports what is needed, while this user may read it
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
assert not os.access(os.path.dirname(sys.argv[1]), os.W_OK)
read(sys.argv[1])
"""


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_database_in_a_directory_that_may_not_be_written_is_served(mode: str, file: Path) -> None:
    # Outside of pytest's directories, which another user may not enter.
    directory = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    path = directory / "library.db"
    try:
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.executescript(SCRIPT)
        connection.close()
        directory.chmod(0o555)
        path.chmod(0o444)
        done = subprocess.run(
            [sys.executable, "-B", "-c", READ, str(path), str(file), str(ROOT / "src")],
            capture_output=True, text=True, cwd="/",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    finally:
        directory.chmod(0o755)
        path.unlink()
        directory.rmdir()


@pytest.mark.parametrize(
    ("content", "message"), [(None, "there is no such file"), (b"nonsense" * 100, "not an SQLite database")]
)
def test_a_file_that_is_missing_or_no_database_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    path = tmp_path / "some.db"
    if content is not None:
        path.write_bytes(content)
    for arguments in (["runserver", str(path)], ["-s", f"database.uri=sqlite:///{path}", "routes"]):
        assert standalone.manager.main(arguments) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"error: {path}: ") and message in error and error.count("\n") == 1


def test_a_relative_path_on_the_command_line_begins_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert from_here("database.uri=sqlite:///shop.db") == f"database.uri=sqlite:///{tmp_path}/shop.db"
    for other in ("database.uri=sqlite:////srv/shop.db", "database.uri=sqlite:///:memory:", "log.level=INFO"):
        assert from_here(other) == other


@pytest.fixture
def checked(file: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        assert standalone.manager.main(["-s", f"database.uri=sqlite:///{file}", *arguments]) in (0, None)
        return capsys.readouterr().out

    return run


def test_a_database_without_migrations_is_healthy(checked: Callable[..., str], serve: Make) -> None:
    assert "in no need of migrations" in checked("db", "check")
    report = serve().test_client().get("/health/ready")
    assert report.status_code == 200 and "migrations" not in report.get_data(as_text=True)


def test_the_document_follows_the_schema_from_the_first_request_on(serve: Make, file: Path) -> None:
    client = serve().test_client()
    assert "/books/{key}" in client.get("/openapi.json").json["paths"]
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE later (id INTEGER PRIMARY KEY)")
    connection.close()
    wait_for(lambda: "/later" in client.get("/openapi.json").json["paths"], "the new table is described")


JSON = {"Accept": "application/json"}


def test_the_root_lists_the_resources(serve: Make) -> None:
    client = serve().test_client()
    for headers in (JSON, {"Accept": "*/*"}, {}):
        response = client.get("/", headers=headers)
        assert (response.status_code, response.mimetype) == (200, "application/json")
    assert response.json["resources"] == [
        {"name": "a%2Fb %3Cc%3E%25", "href": "/a%252Fb%20%253Cc%253E%2525"},
        {"name": "authors", "href": "/authors"},
        {"name": "books", "href": "/books"},
    ]
    for each in response.json["resources"]:
        assert client.get(each["href"], headers=JSON).status_code == 200
    assert client.get(response.json["openapi"]).json["paths"]["/"]["get"]["operationId"] == "index"
    assert client.get(response.json["docs"]).status_code == 200
    assert client.get("/", headers={**JSON, "If-None-Match": response.headers["ETag"]}).status_code == 304
    assert client.get("/", headers={"Accept": "text/html"}).mimetype == "text/html"
    assert client.get("/?format=html", headers=JSON).mimetype == "text/html"
    assert client.post("/", json={}).status_code == 405


def test_the_list_is_at_the_prefix_and_names_what_there_is(serve: Make) -> None:
    client = serve(prefix="/api", docs=False, browse=False, tables=["books"]).test_client()
    for path in ("/api", "/api/"):
        response = client.get(path, headers={"Accept": "text/html"}, environ_overrides={"SCRIPT_NAME": "/x"})
        assert response.json["resources"] == [{"name": "books", "href": "/x/api/books"}]
        assert response.json["openapi"] == "/x/openapi.json"
        assert "docs" not in response.json


def test_a_table_may_be_named_like_the_list(serve: Make, file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE 'index' (id INTEGER PRIMARY KEY)")
    connection.close()
    client = serve().test_client()
    assert {"name": "index", "href": "/index"} in client.get("/", headers=JSON).json["resources"]
    assert client.get("/index").json["num_results"] == 0
    paths = client.get("/openapi.json").json["paths"]
    ids = [each["operationId"] for item in paths.values() for each in item.values() if "operationId" in each]
    assert len(ids) == len(set(ids))
