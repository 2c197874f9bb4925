"""The mapped classes of the schema as it is now: the schema is read again when it has changed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterable

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from debonair.database.engine import reading
from debonair.errors import DebonairError
from debonair.reflection.fingerprint import fingerprint
from debonair.reflection.mapping import no_garbage_collection
from debonair.reflection.reflected import Reflected, reflect

_log = logging.getLogger(__name__)

INTERVAL = 1.0
"""How long a schema is taken for unchanged, in seconds."""


class Current:
    """The classes of a database, and whether they are of its present schema.

    Classes of an older schema stay usable by the requests that have them, and are freed with the last one.

    :param engine: the database. :param tables: as of :func:`~debonair.reflection.reflected.reflect`.
    :param exclude: likewise. :param interval: how often the schema is looked at, at most, in seconds.
    :param changed: called with the classes, each time when they are new, before they are returned.
    """

    def __init__(
        self,
        engine: Engine,
        tables: Iterable[str] = (),
        exclude: Iterable[str] = (),
        *,
        interval: float = INTERVAL,
        changed: Callable[[Reflected], None] | None = None,
    ) -> None:
        self._engine = engine
        self._tables, self._exclude = list(tables), list(exclude)
        self._interval = interval
        self._changed = changed
        self._lock = threading.Lock()
        self._held: Reflected | None = None
        self._mark: Hashable = None
        self._next = 0.0
        self._reported = ""

    def current(self) -> Reflected:
        """Return the classes. One thread at a time looks for a change; the others get what there is.

        :raises sqlalchemy.exc.SQLAlchemyError: when the database was unreachable since the start.
        :raises CommandError: likewise for a setting that does not fit.
        """
        held = self._held
        if held is None:
            with self._lock:
                if self._held is None:
                    self._refresh()
                assert self._held is not None  # nosec B101
                return self._held
        if time.monotonic() >= self._next and self._lock.acquire(blocking=False):
            try:
                self._try()
            finally:
                self._lock.release()
            return self._held or held
        return held

    def _try(self) -> None:
        """Look for a change; keep what there is, and log one line, when that fails."""
        try:
            self._refresh()
        except (SQLAlchemyError, DebonairError) as error:
            reason = str(error).splitlines()[0]
            if reason != self._reported:
                _log.error("the schema of the database cannot be read, the last one stays in use: %s", reason)
            self._reported = reason
        else:
            self._reported = ""

    def _refresh(self) -> None:
        self._next = time.monotonic() + self._interval
        with reading(self._engine) as connection:
            mark = fingerprint(connection)
        if self._held is not None and mark == self._mark:
            return
        if self._mark is not None and self._engine.dialect.name == "sqlite" and mark[1] != self._mark[1]:  # type: ignore[index]
            # The file was replaced: an open connection has the old one.
            self._engine.dispose()
        with no_garbage_collection():
            found = reflect(self._engine, self._tables, self._exclude)
            if self._changed is not None:
                self._changed(found)
        # Read before the schema: a change between the two is found the next time.
        self._held, self._mark = found, mark
