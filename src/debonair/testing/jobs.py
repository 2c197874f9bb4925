"""Jobs in tests: those that are due are run in the test's own process and transaction."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask

from debonair.database.engine import db
from debonair.jobs.inline import run_due
from debonair.jobs.table import JOBS


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

    def run(self) -> list[tuple[str, str]]:
        """Run the jobs that are due, and those that they enqueue, as a worker would.

        :return: the name of each job that was run, and its state after that: ``done``, ``waiting`` for a
            retry, or ``dead``.
        """
        return [(job.name, state.value) for job, state in run_due(self._app)]
