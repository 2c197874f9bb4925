"""A change of the schema is noticed, a change of the data is not, and requests never get half of it."""

from __future__ import annotations

import gc
import logging
import sqlite3
import threading
import weakref
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

from debonair.reflection.current import Current
from debonair.reflection.fingerprint import fingerprint
from debonair.reflection.reflected import reflect
from tests.faults import postgresql

START = (
    "CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT NOT NULL); CREATE TABLE b (id INTEGER PRIMARY KEY);"
)

CHANGES = [
    "CREATE TABLE c (id INTEGER)",
    "CREATE VIEW v AS SELECT id FROM a",
    "ALTER TABLE a ADD COLUMN extra TEXT",
    "ALTER TABLE a RENAME COLUMN name TO title",
    "ALTER TABLE b RENAME TO c",
    "DROP TABLE b",
    "CREATE UNIQUE INDEX u ON a (name)",
]

CHANGES_OF_POSTGRESQL = [
    *CHANGES,
    "ALTER TABLE a ADD FOREIGN KEY (id) REFERENCES b",
    "ALTER TABLE a ALTER COLUMN name DROP NOT NULL",
    "ALTER TABLE a ALTER COLUMN name SET DEFAULT 'x'",
    "ALTER TABLE a ALTER COLUMN id TYPE bigint",
    "COMMENT ON TABLE a IS 'x'",
    "COMMENT ON COLUMN a.name IS 'x'",
    "ALTER TYPE mood ADD VALUE 'new'",
    "REVOKE SELECT ON a FROM CURRENT_USER",
    "BEGIN; DROP TABLE b; CREATE TABLE b (id integer); COMMIT",
]

DATA = ["INSERT INTO a VALUES (1, 'x')", "UPDATE a SET name = 'y'", "DELETE FROM a"]
DATA_OF_POSTGRESQL = [*DATA, "TRUNCATE a", "ANALYZE", "VACUUM", "CREATE TEMPORARY TABLE t (x integer)"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.db"
    run(path, START)
    return path


def run(path: Path, script: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


@pytest.fixture
def engine(file: Path) -> Iterator[Engine]:
    made = create_engine(f"sqlite:///{file}")
    yield made
    made.dispose()


def mark(engine: Engine) -> Hashable:
    with engine.connect() as connection:
        return fingerprint(connection)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_schema_of_sqlite_changes_the_fingerprint(
    engine: Engine, file: Path, change: str
) -> None:
    before = mark(engine)
    run(file, change)
    assert mark(engine) != before


def test_a_change_of_the_data_of_sqlite_does_not(engine: Engine, file: Path) -> None:
    before = mark(engine)
    for change in DATA:
        run(file, change)
        assert mark(engine) == before


@pytest.fixture
def server(postgresql_cluster: postgresql.Cluster) -> Iterator[tuple[Engine, Callable[[str], None]]]:
    """An engine of a database of PostgreSQL, and what runs a statement in it."""
    name = postgresql_cluster.create()
    postgresql_cluster.execute(name, START + "CREATE TYPE mood AS ENUM ('ok')")
    options = postgresql_cluster.options(name)
    engine = create_engine(options["database_uri"].replace("@", f":{options['database_password']}@"))

    def execute(statement: str) -> None:
        postgresql_cluster.execute(name, statement)

    yield engine, execute
    engine.dispose()


@pytest.mark.parametrize("change", CHANGES_OF_POSTGRESQL)
def test_a_change_of_the_schema_of_postgresql_changes_the_fingerprint(
    server: tuple[Engine, Callable[[str], None]], change: str
) -> None:
    engine, execute = server
    before = mark(engine)
    execute(change)
    assert mark(engine) != before


def test_a_change_of_the_data_of_postgresql_does_not(server: tuple[Engine, Callable[[str], None]]) -> None:
    engine, execute = server
    before = mark(engine)
    for change in DATA_OF_POSTGRESQL:
        execute(change)
        assert mark(engine) == before, change


def names(current: Current) -> list[str]:
    return [model.__name__ for model in current.current().models]


def test_the_classes_follow_the_schema(engine: Engine, file: Path) -> None:
    current = Current(engine, interval=0)
    assert names(current) == ["a", "b"]
    same = current.current()
    run(file, DATA[0])
    assert current.current() is same
    run(file, "CREATE TABLE c (id INTEGER)")
    assert names(current) == ["a", "b", "c"]


def test_the_classes_follow_a_file_that_is_replaced(engine: Engine, file: Path) -> None:
    current = Current(engine, interval=0)
    assert names(current) == ["a", "b"]
    other = file.with_name("other.db")
    run(other, "CREATE TABLE x (id INTEGER PRIMARY KEY); CREATE TABLE y (id INTEGER);")
    other.rename(file)
    assert names(current) == ["x", "y"]


def test_the_schema_is_not_looked_at_more_often_than_the_interval(engine: Engine, file: Path) -> None:
    current = Current(engine, interval=3600)
    assert names(current) == ["a", "b"]
    run(file, "CREATE TABLE c (id INTEGER)")
    assert names(current) == ["a", "b"]


def test_a_failure_keeps_the_classes_and_logs_one_line(
    engine: Engine, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    current = Current(engine, interval=0)
    before = current.current()
    engine.dispose()
    file.write_bytes(b"nonsense" * 1000)
    with caplog.at_level(logging.ERROR):
        assert current.current() is before
        assert current.current() is before
    assert len(caplog.messages) == 1 and "\n" not in caplog.messages[0]


def test_a_request_goes_on_with_the_classes_that_it_has(engine: Engine, file: Path) -> None:
    current = Current(engine, interval=0)
    old = current.current().models[0]
    run(file, DATA[0])
    run(file, "CREATE TABLE c (id INTEGER)")
    assert current.current().models[0] is not old
    with Session(engine) as session:
        assert session.scalars(select(old)).one().name == "x"
        session.add(old(id=2, name="z"))
        session.commit()


def test_old_classes_are_freed() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE a (id INTEGER PRIMARY KEY, a_id INT REFERENCES a)"))
    found = reflect(engine)
    old = weakref.ref(found.models[0])
    del found
    gc.collect()
    assert old() is None


def test_threads_get_whole_sets_of_classes(engine: Engine, file: Path) -> None:
    current = Current(engine, interval=0)
    seen: set[tuple[str, ...]] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(tuple(names(current)))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(5):
        run(file, f"CREATE TABLE c{number} (id INTEGER)")
    while len(names(current)) < 7:
        pass
    done.set()
    for thread in threads:
        thread.join()
    assert seen <= {("a", "b", *(f"c{number}" for number in range(count))) for count in range(6)}
