"""Jobs without a worker: those that are due are run one after the other, in the process of the caller."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

from flask import Flask

from debonair.database.engine import db
from debonair.jobs import execution, store
from debonair.jobs.declaration import declared_jobs
from debonair.jobs.table import State

_LEASE = 3_600_000
"""Milliseconds: this process does not report that it lives, so no job may take longer."""


def run_due(app: Flask) -> Iterator[tuple[store.Claimed, State]]:
    """Run the jobs that are due, and those that they enqueue; yield each attempt and how it has ended.

    Time limits are not watched.
    """
    jobs = declared_jobs(app.import_name)
    owner = f"{socket.gethostname()[:64]} inline {os.getpid()}"
    try:
        while claimed := _claim(app, sorted(jobs), owner):
            for job in claimed:
                ending = execution.execute(app, jobs[job.name], job)
                if ending is not None:
                    _record(app, job, ending)
                yield job, State.DONE if ending is None else ending.state
    finally:
        # When it is interrupted, another worker runs the job that was claimed.
        with app.app_context():
            store.give_back(db.session.connection(), [owner])
            db.session.commit()


def _record(app: Flask, job: store.Claimed, ending: store.Ending) -> None:
    with app.app_context():
        store.end(db.session, job, ending)
        db.session.commit()


def _claim(app: Flask, names: list[str], owner: str) -> list[store.Claimed]:
    with app.app_context():
        connection = db.session.connection()
        store.promote(connection)
        claimed = store.claim(connection, names, owner, _LEASE, 1, suspects=False)
        db.session.commit()
        return claimed
