"""What wakes a dispatcher: a job that has ended, and new jobs in the database."""

from __future__ import annotations

import logging
import os
import select
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine

from debonair.jobs.table import CHANNEL

_LOOK_INTERVAL = 0.05
"""Seconds between two looks at whether another connection has changed a file of SQLite."""

_log = logging.getLogger(__name__)


class Wakeups:
    """Waits for a call of :meth:`wake`, or for a change of the database.

    :param engine: the engine of the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._engine = engine
        self._backend = engine.dialect.name
        self._connection: Any = None
        self._version: int | None = None

    def wake(self) -> None:
        """End the wait of the dispatcher, or its next one; called by any thread."""
        with suppress(BlockingIOError):
            os.write(self._writer, b".")

    def wait(self, seconds: float) -> None:
        """Wait until woken, until the database has changed, or for this time.

        An error of the database ends only the wait for its changes; it is polled then.
        """
        try:
            self._connect()
        except Exception as error:  # SQLAlchemy's, or the driver's own
            _log.debug("Cannot wait for changes of the database: %s.", error)
        if self._connection is None:
            self._select([], seconds)
            return
        try:
            wait = self._wait_for_file if self._backend == "sqlite" else self._wait_for_notification
            wait(seconds)
        except Exception as error:  # the driver's own: the file is damaged, the server has gone
            _log.debug("Cannot wait for changes of the database: %s.", error)
            self.close()

    def _connect(self) -> None:
        if self._connection is not None:
            return
        connection = self._engine.raw_connection()
        driver: Any = connection.driver_connection
        connection.detach()
        try:
            if self._backend == "postgresql":
                driver.autocommit = True
                driver.execute(f"LISTEN {CHANNEL}")
        except BaseException:
            driver.close()
            raise
        self._connection = driver

    def _wait_for_file(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (remaining := until - time.monotonic()) > 0:
            if self._select([], min(_LOOK_INTERVAL, remaining)):
                return
            # It changes when another connection has committed (SQLite, "PRAGMA data_version").
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                self._version = version
                return

    def _wait_for_notification(self, seconds: float) -> None:
        if self._select([self._connection.fileno()], seconds):
            for _ in self._connection.notifies(timeout=0):
                pass

    def _select(self, descriptors: list[int], seconds: float) -> bool:
        ready = bool(select.select([self._reader, *descriptors], [], [], max(0.0, seconds))[0])
        with suppress(BlockingIOError):
            os.read(self._reader, 4096)
        return ready

    def close(self) -> None:
        """Close the connection; the next wait opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()
