"""Jobs: work that outlives a request, in the order of time.

``declaration``: ``@debonair.job`` makes a job of a function. ``arguments``: its arguments as JSON.
``enqueueing``: a job is a row of the table ``debonair_job``, written in the transaction of the data that it
belongs to (the pattern "transactional outbox"). ``table``: that table, its states and its migrations.
``schedules``: times at which a job is enqueued again and again. ``store``: a worker claims rows, reports that
it lives, and records how a job has ended. ``execution``: a job runs, and its end is committed with its own
changes. ``current``: the job that the running code belongs to. ``commands``: the group ``jobs``.

The worker, which is a process of its own, is in ``debonair.worker``.
"""

from debonair.room import Command, Room
from debonair.settings import JobsSection

ROOM = Room(
    "jobs",
    sections=(JobsSection,),
    init_app="debonair.jobs.setup:init_app",
    commands={
        "jobs": Command("debonair.jobs.commands:group", "List, show, run, retry, cancel and purge jobs.")
    },
    extra="jobs",
)
