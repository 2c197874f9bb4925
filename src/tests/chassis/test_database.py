"""The database: foreign keys kept, writers that wait, and migrations that are whole or not at all."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, OperationalError

from debonair.database import revisions
from debonair.database.engine import MIGRATIONS, db

FIRST = '''
"""First."""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True))
    op.create_table("child", sa.Column("id", sa.Integer, primary_key=True),
                    sa.Column("parent_id", sa.Integer, sa.ForeignKey("parent.id", ondelete="CASCADE")))
def downgrade():
    op.drop_table("child")
    op.drop_table("parent")
'''
SECOND = '''
"""Second."""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    with op.batch_alter_table("parent", recreate="always") as batch:
        batch.add_column(sa.Column("name", sa.String(20)))
def downgrade():
    with op.batch_alter_table("parent") as batch:
        batch.drop_column("name")
'''
BROKEN = '''
"""Broken."""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0003", "0002"
def upgrade():
    op.create_table("half_done", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO nowhere VALUES (1)")
def downgrade():
    pass
'''


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    directory = tmp_path / "migrations" / "versions"
    directory.mkdir(parents=True)
    (directory.parent / "env.py").write_text("from debonair.database.migrations import run\n\nrun()\n")
    (directory / "0001.py").write_text(FIRST)
    (directory / "0002.py").write_text(SECOND)
    return directory


@pytest.fixture
def migrated(app: Flask, versions: Path) -> Iterator[Flask]:
    app.extensions[MIGRATIONS] = str(versions.parent)
    with app.app_context():
        yield app


def db_command(app: Flask, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["db", *arguments])
    return result.exit_code, result.output


def test_sqlite_keeps_foreign_keys_and_lets_readers_and_a_writer_work_at_once(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_transactions_that_read_and_then_write_wait_for_each_other(app: Flask) -> None:
    with app.app_context():
        db.session.execute(text("CREATE TABLE counter (n INTEGER)"))
        db.session.execute(text("INSERT INTO counter VALUES (0)"))
        db.session.commit()

    def add() -> str:
        number = db.session.execute(text("SELECT n FROM counter")).scalar_one()
        db.session.execute(text("UPDATE counter SET n = :n"), {"n": number + 1})
        db.session.commit()
        return str(number)

    app.add_url_rule("/add", view_func=add, methods=["POST"])
    statuses: list[int] = []

    def work() -> None:
        for _ in range(25):
            statuses.append(app.test_client().post("/add").status_code)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}
    with app.app_context():
        assert db.session.execute(text("SELECT n FROM counter")).scalar_one() == 100


def test_what_sqlite_raises_when_a_transaction_begins_is_an_error_of_sqlalchemy(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        file = Path(str(db.engine.url.database))
        driver: Any = connection.connection.dbapi_connection
        driver.execute("PRAGMA busy_timeout = 1")
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(OperationalError, match="database is locked"):
                connection.begin()
        driver.execute("PRAGMA journal_mode = DELETE")
        file.write_bytes(b"not a database " * 1000)
        with pytest.raises(DatabaseError, match="not a database") as found:
            connection.begin()
        assert found.value.connection_invalidated


def test_service_without_migrations_needs_none(app: Flask) -> None:
    with app.app_context():
        assert db_command(app, "check") == (0, "The database is in no need of migrations.\n")


def test_check_tells_whether_the_database_is_at_head(migrated: Flask) -> None:
    assert db_command(migrated, "check") == (
        1, "The database is at no revision, behind the head revision 0002.\n",
    )  # fmt: skip
    assert not Path(str(db.engine.url.database)).exists()  # whoever asks first, perhaps root, would own it
    code, output = db_command(migrated, "upgrade")
    assert code == 0
    assert output == "applied 0001 First.\napplied 0002 Second.\nThe database is at the head revision 0002.\n"
    assert db_command(migrated, "check")[0] == 0
    assert "nothing to do" in db_command(migrated, "upgrade")[1]
    code, output = db_command(migrated, "downgrade")
    assert (code, output) == (0, "took back 0002 Second.\n")
    assert db_command(migrated, "check") == (1, "The database is at 0001, behind the head revision 0002.\n")


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(migrated: Flask) -> None:
    db_command(migrated, "upgrade", "0001")
    db.session.execute(text("INSERT INTO parent VALUES (1)"))
    db.session.execute(text("INSERT INTO child VALUES (1, 1)"))
    db.session.commit()
    db_command(migrated, "upgrade")
    assert db.session.execute(text("SELECT count(*) FROM child")).scalar() == 1
    assert db.session.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_migration_that_fails_changes_nothing(migrated: Flask, versions: Path) -> None:
    db_command(migrated, "upgrade", "0001")
    (versions / "0003.py").write_text(BROKEN)
    result = migrated.test_cli_runner().invoke(args=["db", "upgrade"])
    assert result.exit_code != 0
    assert revisions.state(migrated).current == {"0001"}
    tables = db.session.execute(text("SELECT name FROM sqlite_master WHERE name = 'half_done'")).all()
    assert tables == []


def test_revision_of_a_newer_version_is_no_reason_to_be_behind(migrated: Flask) -> None:
    db_command(migrated, "upgrade")
    db.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    db.session.commit()
    found = revisions.state(migrated)
    assert found.unknown == {"9999"}
    assert not found.behind and not found.at_head
    code, output = db_command(migrated, "check")
    assert code == 3 and "another version made it" in output


def test_deleted_file_of_a_migration_is_reported_with_the_ways_out(
    migrated: Flask, versions: Path, caplog: pytest.LogCaptureFixture
) -> None:
    db_command(migrated, "upgrade")
    for path in versions.glob("*.py"):
        path.unlink()
    code, output = db_command(migrated, "check")
    assert code == 3 and "at revision 0002, which this version does not know" in output
    for arguments in (["upgrade"], ["migrate", "-m", "New"], ["downgrade", "base"]):
        caplog.clear()
        assert db_command(migrated, *arguments)[0] != 0
        assert "Can't locate revision identified by '0002'" in caplog.text
        assert "restore the file, or run 'db stamp --purge head'" in caplog.text
    assert db_command(migrated, "stamp", "--purge", "head")[0] == 0
    assert db_command(migrated, "check")[0] == 0


def test_sql_of_a_migration_can_be_printed(migrated: Flask) -> None:
    code, output = db_command(migrated, "upgrade", "0001", "--sql")
    assert code == 0 and "CREATE TABLE parent" in output
    assert revisions.state(migrated).current == frozenset()


Factory = Callable[..., Flask]


def test_password_is_not_in_the_log_of_a_failure(make_app: Factory, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(database={"uri": "sqlite:///:memory:"})
    app.add_url_rule("/", "x", lambda: str(db.session.execute(text("SELECT * FROM nowhere"))))
    assert app.test_client().get("/").status_code == 503
    assert "no such table: nowhere" in caplog.text


GRAPHS = {
    "none": [],
    "one": ["revision = 'a'\ndown_revision = None"],
    "chain": ["revision = 'a'\ndown_revision = None", "revision: str = 'b'\ndown_revision: str = 'a'"],
    "branches": [
        "revision, down_revision = 'a', None",
        "revision, down_revision = 'b', 'a'",
        "revision, down_revision = 'c', 'a'",
    ],
    "merge": [
        "revision, down_revision = 'a', None",
        "revision, down_revision = 'b', 'a'",
        "revision, down_revision = 'c', 'a'",
        "revision = 'd'\ndown_revision = ('b', 'c')\nx = print\n",
    ],
}


@pytest.mark.parametrize("graph", GRAPHS)
def test_revisions_are_what_alembic_says(app: Flask, tmp_path: Path, graph: str) -> None:
    directory = tmp_path / "graph" / "versions"
    directory.mkdir(parents=True)
    for number, content in enumerate(GRAPHS[graph]):
        (directory / f"{number}.py").write_text(content)
    app.extensions[MIGRATIONS] = str(directory.parent)
    scripts = ScriptDirectory(str(directory.parent))
    found = revisions.known(app)
    assert set(found) == {script.revision for script in scripts.walk_revisions()}
    assert revisions.heads(found) == set(scripts.get_heads())
