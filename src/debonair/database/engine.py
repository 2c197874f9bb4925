"""SQLAlchemy's engine, and the base class of all models.

The engine is made with the application. A connection is opened when it is first used, so that a service
starts while its database is unreachable.
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    ExceptionContext,
    MetaData,
    PoolProxiedConnection,
    QueuePool,
    StaticPool,
    event,
    make_url,
)
from sqlalchemy.exc import DataError
from sqlalchemy.orm import DeclarativeBase

from debonair.database import commands, pooled
from debonair.database.hang_guard import HangGuard
from debonair.names import Service
from debonair.settings import DatabaseSection, HealthSection, JobsSection, Settings

_GUARD = "debonair_hang_guard"

_OVERFLOW = 10
"""Connections that SQLAlchemy's pool opens beyond its size."""

_reading: ContextVar[bool] = ContextVar("debonair_reading", default=False)
"""Whether the transactions that begin now read only, see :func:`reading`."""

MIGRATIONS = "debonair_migrations"
"""The application's extension that holds the directory of the service's migrations."""


class Model(DeclarativeBase):
    """The base class of all models. Every constraint has a name, so that a migration can alter it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class _Database(SQLAlchemy):
    """Flask-SQLAlchemy's object. The end of a request that used no session does nothing."""

    def _teardown_session(self, exc: BaseException | None) -> None:
        if self.session.registry.has():
            super()._teardown_session(exc)


db = _Database(model_class=Model)
"""Flask-SQLAlchemy's object: ``db.Model``, ``db.session``."""


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Bind the application to the database that ``[database]`` names.

    :raises ModuleNotFoundError: when the driver of the database is not installed.
    """
    section = settings[DatabaseSection]
    url = make_url(section.uri)
    if section.password is not None:
        url = url.set(password=section.password)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ECHO"] = section.echo
    threads = settings[JobsSection].threads if service.jobs_module else 0
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = _engine_options(url, section, threads)
    app.extensions[MIGRATIONS] = str(service.directory / "migrations")
    db.init_app(app)
    engine = engine_of(app)
    event.listen(engine, "handle_error", _handle_error)
    _engines.add(engine)
    if url.get_backend_name() == "sqlite":
        # The service's own directory is made. Another directory that is missing is an error in the path.
        if url.database and Path(app.instance_path, url.database).parent == Path(app.instance_path):
            Path(app.instance_path).mkdir(parents=True, exist_ok=True)
        _prepare_sqlite(engine)
    guard = app.extensions[_GUARD] = HangGuard(float(settings[HealthSection].deadline))
    guard.watch(engine)
    commands.init_app(app)


def engine_of(app: Flask) -> Engine:
    """Return the application's engine, outside of its context too."""
    with app.app_context():
        return db.engine


def guard_of(app: Flask) -> HangGuard:
    """Return the application's guard against a server that hangs."""
    guard: HangGuard = app.extensions[_GUARD]
    return guard


_engines: WeakSet[Engine] = WeakSet()
_foreign: WeakKeyDictionary[Engine, bool] = WeakKeyDictionary()


def treat_as_foreign(engine: Engine, *, read_only: bool) -> None:
    """Leave the database as somebody else has made it: its journal mode is not changed.

    :param read_only: whether transactions of SQLite never take the write lock.
    """
    _foreign[engine] = read_only


def _leave_connections_to_the_parent() -> None:
    """Begin with an empty pool after a fork: processes that share a connection get each other's results."""
    for engine in _engines:
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_leave_connections_to_the_parent)


def _engine_options(url: URL, settings: DatabaseSection, threads: int) -> dict[str, Any]:
    """Return the options of the engine; a worker's jobs leave connections for its own work.

    :param threads: how many jobs a process of the worker runs at the same time.
    """
    overflow = {"max_overflow": threads + 2} if threads > _OVERFLOW else {}
    if url.get_backend_name() == "sqlite":
        if not url.database:
            overflow = {}  # it is in memory, and has one connection
        return {"connect_args": {"timeout": float(settings.timeout)}, **overflow}
    return {
        **overflow,
        "pool_size": settings.pool_size,
        "pool_timeout": float(settings.timeout),
        # A connection that the server closed is replaced, and fails no request.
        "pool_pre_ping": True,
        "connect_args": _postgresql_timeouts(url, float(settings.timeout)),
    }


def _postgresql_timeouts(url: URL, seconds: float) -> dict[str, Any]:
    """Return libpq's arguments that bound its waiting for a connection and for a lock."""
    if url.get_driver_name() not in ("psycopg", "psycopg2"):
        return {}
    arguments = {
        "connect_timeout": math.ceil(seconds),
        "options": f"-c lock_timeout={round(seconds * 1000)}",
    }
    return {name: value for name, value in arguments.items() if name not in url.query}


def _prepare_sqlite(engine: Engine) -> None:
    """Make SQLite enforce foreign keys, allow readers beside a writer, and roll back DDL.

    The driver begins transactions late and commits before DDL, so the engine begins them itself (SQLAlchemy's
    documentation of the dialect, "Serializable isolation / Savepoints / Transactional DDL").
    """

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        if engine not in _foreign:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")

    def do_begin(connection: PoolProxiedConnection) -> None:
        # A transaction that reads first and writes later fails when another process wrote in between,
        # whatever the timeout. So one that may write takes the lock when it begins, and waits for it.
        reads_only = _reading.get() or _foreign.get(engine) or any(condition() for condition in _reads_only)
        # ``driver_connection`` is None after Connection.detach().
        driver: Any = connection.dbapi_connection
        driver.execute("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    # The dialect's method, and not an event "begin": with any such event, every connection looks for
    # listeners of all events. The driver's connection takes a tenth of the time that
    # Connection.exec_driver_sql() takes, and SQLAlchemy translates what it raises.
    engine.dialect.do_begin = do_begin  # type: ignore[assignment]


_reads_only: list[Callable[[], bool]] = []


def reads_only_when(condition: Callable[[], bool]) -> None:
    """Begin transactions without SQLite's write lock while ``condition`` is true.

    It is called for every transaction of the process; adding it again does nothing.
    """
    if condition not in _reads_only:
        _reads_only.append(condition)


def _handle_error(failure: ExceptionContext) -> None:
    """Report data that do not fit as such, and replace a connection that is no longer usable.

    A failed ping may report an error of the connection's state. A connection of SQLite keeps the corrupt
    pages that it has read after the file was restored.
    """
    if isinstance(failure.original_exception, OverflowError):
        # SQLite's driver reports an integer of more than 64 bits so, and SQLAlchemy does not wrap it.
        raise DataError(failure.statement, failure.parameters, failure.original_exception)
    if failure.is_pre_ping or type(failure.original_exception) is sqlite3.DatabaseError:
        failure.is_disconnect = True


@contextmanager
def reading(engine: Engine | None = None) -> Iterator[Connection]:
    """Return a connection of SQLAlchemy for statements that only read; it waits for no writer.

    It costs less than a session, and does not see what a session has not committed. Within
    :func:`debonair.testing.rolled_back` it is the connection of the sessions.

    :param engine: default: the current application's.
    """
    if engine is None:
        engine = db.engine
        shared = _lent.get(engine)
        if shared is None and isinstance(engine.pool, StaticPool):
            shared = db.session.connection()  # a database in memory has one connection
        if shared is not None:
            yield shared
            return
    with engine.connect() as connection:
        token = _reading.set(True)
        try:
            connection.begin()
        finally:
            _reading.reset(token)
        yield connection


_lent: dict[Engine, Connection | None] = {}
"""The connection of all sessions, in a test."""


def driver_connection(engine: Engine) -> Any:
    """Return a connection of the driver, with no transaction; ``close`` gives it back to the pool."""
    lent = _lent.get(engine)
    return pooled.take(engine) if lent is None else pooled.Borrowed(lent.connection)


def is_lent(engine: Engine) -> bool:
    """Return whether :func:`driver_connection` returns a connection whose transaction is not its caller's."""
    return _lent.get(engine) is not None


@contextmanager
def lend(engine: Engine, connection: Connection | None) -> Iterator[None]:
    """Within the block, let :func:`driver_connection` and :func:`reading` use this connection.

    Tests use it, whose transaction is rolled back.

    :param connection: None for the connections of the pool again.
    """
    before = _lent.get(engine)
    _lent[engine] = connection
    try:
        yield
    finally:
        _lent[engine] = before


def connections_in_use() -> int:
    """Return how many connections this process has taken from the pools of its applications."""
    pools = [engine.pool for engine in list(_engines)]
    return sum(pool.checkedout() for pool in pools if isinstance(pool, QueuePool))
