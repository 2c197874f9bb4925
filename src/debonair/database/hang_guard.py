"""Whether the server of the database answers: what waits for one that hangs is let go.

libpq knows no deadline for an answer, and a query may rightly take long. So the health check decides: when
its own small question has gone unanswered for longer than the check's deadline, whatever waits for the
server fails, and so does what would begin to, until the check has an answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


class HangGuard:
    """What the check knows of the server.

    :param deadline: seconds within which the server answers the check.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._due: float | None = None
        self._check = threading.local()

    @contextmanager
    def question(self) -> Iterator[None]:
        """Ask the server within this block, which ends without an error when it has answered."""
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
        """Whether the present thread should wait no longer."""
        due = getattr(self._check, "due", self._due)
        return due is not None and time.monotonic() > due

    def watch(self, engine: Engine) -> None:
        """Let no connection of the engine outwait the guard. Does nothing for other drivers than psycopg."""
        if engine.dialect.driver != "psycopg":
            return
        import psycopg

        guard = self

        class Connection(psycopg.Connection[Any]):
            def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
                try:
                    return super().wait(guard._while_there(gen), *arguments, **options)
                except TimeoutError as error:
                    self.close()
                    raise psycopg.OperationalError(str(error)) from None

        @event.listens_for(engine, "do_connect")
        def connect(dialect: Any, record: Any, arguments: Any, options: Any) -> Connection:
            if guard.lost:
                raise psycopg.OperationalError("the server does not answer")
            return Connection.connect(*arguments, **options)

    def _while_there(self, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        # psycopg sends in what the socket is ready for, and something false ten times a second.
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                if not ready and self.lost:
                    raise TimeoutError("the server does not answer")
                wanted = steps.send(ready)
        except StopIteration as ended:
            return ended.value
