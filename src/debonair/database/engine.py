"""The database object that every service's models build on, and the engine behind it.

The engine is made when the application is; connections are opened on first use, so that a database
which is away at the start keeps no service from starting.
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from flask import Flask, current_app, has_request_context, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL, Connection, Engine, ExceptionContext, MetaData, event, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.orm import DeclarativeBase
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response

from debonair.errors import CommandError
from debonair.settings import DatabaseSection

_READING = {"GET", "HEAD", "OPTIONS"}
_READ_ONLY = "debonair_read_only"

_UNDEFINED_TABLE = "42P01"
"""PostgreSQL's "undefined_table" (its documentation, "PostgreSQL Error Codes")."""


class Model(DeclarativeBase):
    """The base of all models. Constraints have names, so that migrations can alter them anywhere."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Model)
"""Flask-SQLAlchemy's object: ``db.Model``, ``db.session``."""


def init_app(app: Flask, settings: DatabaseSection) -> None:
    """Bind the application to the database that its settings name."""
    url = make_url(settings.uri)
    if settings.password is not None:
        url = url.set(password=settings.password)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ECHO"] = settings.echo
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = _engine_options(url, settings)
    try:
        db.init_app(app)
    except ModuleNotFoundError as error:
        extra = ": install debonair[postgresql]" if error.name == "psycopg" else ""
        raise CommandError(f"[database] uri needs the package {error.name}{extra}") from None
    with app.app_context():
        event.listen(db.engine, "handle_error", _renew)
        _engines.add(db.engine)
    if url.get_backend_name() == "sqlite":
        # The directory of the service's own is made; another one that is missing is a slip of the pen.
        if url.database and Path(app.instance_path, url.database).parent == Path(app.instance_path):
            Path(app.instance_path).mkdir(parents=True, exist_ok=True)
        with app.app_context():
            _prepare_sqlite(db.engine)
    app.register_error_handler(DBAPIError, _unavailable)
    app.register_error_handler(NoConnectionError, _unavailable)


_engines: WeakSet[Engine] = WeakSet()


def _leave_connections_to_the_parent() -> None:
    """Begin with an empty pool after a fork: two processes on one connection get each other's answers."""
    for engine in _engines:
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_leave_connections_to_the_parent)


def _engine_options(url: URL, settings: DatabaseSection) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": float(settings.timeout)}}
    return {
        "pool_size": settings.pool_size,
        "pool_timeout": float(settings.timeout),
        # A connection that the server closed is replaced instead of failing a request.
        "pool_pre_ping": True,
        "connect_args": _postgresql_timeouts(url, float(settings.timeout)),
    }


def _postgresql_timeouts(url: URL, seconds: float) -> dict[str, Any]:
    """Return libpq's arguments without which it waits minutes for a connection, and for ever for a lock."""
    if url.get_driver_name() not in ("psycopg", "psycopg2"):
        return {}
    arguments = {
        "connect_timeout": math.ceil(seconds),
        "options": f"-c lock_timeout={round(seconds * 1000)}",
    }
    return {name: value for name, value in arguments.items() if name not in url.query}


def _prepare_sqlite(engine: Engine) -> None:
    """Make SQLite keep foreign keys, let readers and a writer work at once, and roll back DDL.

    The driver would begin transactions late and commit before DDL; SQLAlchemy's documentation of the
    dialect ("Serializable isolation / Savepoints / Transactional DDL") says to take that over.
    """

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would fail when another wrote in between,
        # whatever the timeout: one that may write takes the lock at its beginning and waits for it.
        reading = connection.get_execution_options().get(_READ_ONLY) or (
            has_request_context() and request.method in _READING
        )
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _renew(failure: ExceptionContext) -> None:
    """Have a connection replaced that is of no more use, though its error does not tell.

    One that cannot be pinged may fail with an error about its state; one of SQLite keeps the corrupt
    pages that it has read, when the file has been restored.
    """
    if failure.is_pre_ping or type(failure.original_exception) is sqlite3.DatabaseError:
        failure.is_disconnect = True


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Return a connection for a look at the database, which waits for no writer."""
    with engine.connect().execution_options(**{_READ_ONLY: True}) as connection:
        yield connection


def watch_pool(engine: Engine, taken: Callable[[], None], returned: Callable[[], None]) -> None:
    """Call ``taken`` and ``returned`` as connections leave the engine's pool and come back."""
    event.listen(engine, "checkout", lambda *_: taken())
    event.listen(engine, "checkin", lambda *_: returned())


def _unavailable(error: DBAPIError | NoConnectionError) -> Response:
    """Answer 503 for a database that cannot do its work; the log has the reason."""
    if isinstance(error, DBAPIError) and not _is_outage(error):
        raise error
    reason = getattr(error, "orig", error)
    current_app.logger.error("The database failed: %s", reason, exc_info=error)
    unavailable = ServiceUnavailable("The database is not available. Try again later.", retry_after=5)
    answer = current_app.handle_user_exception(unavailable)
    return current_app.make_response(answer)


def lacks_table(error: DBAPIError) -> bool:
    """Tell whether the database has not the table that it was asked for, as when it is not migrated."""
    return (
        getattr(error.orig, "sqlstate", None) == _UNDEFINED_TABLE
        or str(error.orig).startswith("no such table")
    )  # fmt: skip


def _is_outage(error: DBAPIError) -> bool:
    """Tell whether the database is at fault, and not what was asked of it.

    It is when it is away, locked, full or read-only, when SQLite's file is corrupt (which has no class
    of its own), and when a table is missing (which SQLite counts as operational anyway).
    """
    return (
        isinstance(error, OperationalError | InterfaceError | InternalError)
        or type(error) is DatabaseError
        or lacks_table(error)
    )
