"""Jobs in tests: those that are due are run in the test's own process and transaction."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask

from debonair.database.engine import db
from debonair.jobs import execution, store
from debonair.jobs.declaration import declared_jobs
from debonair.jobs.store import Ending
from debonair.jobs.table import JOBS, State

_OWNER = "tests"
_LEASE = 3_600_000


class Jobs:
    """The queue of a service under test.

    :param app: its application.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app

    def rows(self) -> list[dict[str, Any]]:
        """Return the jobs of the table, the oldest first, as dictionaries of its columns."""
        with self._app.app_context():
            found = db.session.execute(sa.select(JOBS).order_by(JOBS.c.id))
            return [dict(row) for row in found.mappings()]

    def run(self, *, until_empty: bool = True) -> list[tuple[str, str]]:
        """Run the jobs that are due, as a worker would; return the name and the state of each attempt.

        :param until_empty: whether the jobs that they enqueue are run too.
        """
        ended: list[tuple[str, str]] = []
        while claimed := self._claim():
            ended += [(job.name, self._execute(job)) for job in claimed]
            if not until_empty:
                break
        return ended

    def _claim(self) -> list[store.Claimed]:
        with self._app.app_context():
            connection = db.session.connection()
            store.promote(connection)
            names = sorted(declared_jobs(self._app.import_name))
            claimed = store.claim(connection, names, _OWNER, _LEASE, 100, suspects=False)
            db.session.commit()
            return claimed

    def _execute(self, job: store.Claimed) -> str:
        declared = declared_jobs(self._app.import_name)[job.name]
        ending = execution.execute(self._app, declared, job)
        if ending is None:
            return State.DONE.value
        self._record(job, ending)
        return ending.state.value

    def _record(self, job: store.Claimed, ending: Ending) -> None:
        with self._app.app_context():
            store.end(db.session, job, ending)
            db.session.commit()
