"""A guard against a database server that hangs: statements fail instead of waiting without end.

libpq has no deadline for a response, and a statement may rightly take long. So the health check decides.
When its own small query has had no response for longer than the check's deadline, every statement that
waits for the server fails, and so does every new one, until the check gets a response.

All that we use of psycopg beyond its documentation is in this module.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


class HangGuard:
    """Whether the server responds, as far as the health check knows.

    :param deadline: seconds within which the server must respond to the check.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._due: float | None = None
        self._check = threading.local()

    @contextmanager
    def question(self) -> Iterator[None]:
        """Query the server within this block; a block that ends without an error is a response."""
        due = time.monotonic() + self._deadline
        self._due = self._due or due
        self._check.due = due
        try:
            yield
        finally:
            del self._check.due
        self._due = None

    @property
    def lost(self) -> bool:
        """Whether the current thread should stop waiting."""
        due = getattr(self._check, "due", self._due)
        return due is not None and time.monotonic() > due

    def watch(self, engine: Engine) -> None:
        """Make every connection of the engine stop waiting when the server is lost; for psycopg only."""
        if engine.dialect.driver != "psycopg":
            return
        import psycopg

        guard = self

        class Connection(psycopg.Connection[Any]):
            debonair_deadline: float | None = None

            def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
                try:
                    return super().wait(guard._while_there(gen, self), *arguments, **options)
                except TimeoutError as error:
                    self.close()
                    raise psycopg.OperationalError(str(error)) from None

        @event.listens_for(engine, "do_connect")
        def connect(dialect: Any, record: Any, arguments: Any, options: Any) -> Connection:
            if guard.lost:
                raise psycopg.OperationalError("the server does not respond")
            return Connection.connect(*arguments, **options)

    def _while_there(self, steps: Generator[Any, Any, Any], connection: Any) -> Generator[Any, Any, Any]:
        # psycopg sends the events that the socket is ready for, and a false value ten times a second.
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                if not ready and self.lost:
                    raise TimeoutError("the server does not respond")
                if not ready and (due := connection.debonair_deadline) and time.monotonic() > due:
                    connection.debonair_deadline = None
                    connection.cancel()
                wanted = steps.send(ready)
        except StopIteration as ended:
            return ended.value


@contextmanager
def deadline_of(driver: Any, seconds: float) -> Iterator[None]:
    """Let the server cancel a statement that runs in the block for longer than so many seconds.

    No round trip is needed: the client cancels, when it has waited. The time is exact to a tenth of a second.
    It holds for the connections of a watched engine only.

    :param driver: the connection of psycopg.
    """
    driver.debonair_deadline = time.monotonic() + seconds
    try:
        yield
    finally:
        driver.debonair_deadline = None
