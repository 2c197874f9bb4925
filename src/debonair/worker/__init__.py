"""The worker: the process role that runs jobs.

It is the server of ``debonair.server`` with another class of workers. So it has the same master process,
state file, metrics, watchdog and stop, and serves ``/health/ready`` and ``/metrics`` at an address of its
own. In the order of time: ``launch`` starts it. ``process``: one process of the worker. ``dispatcher``: the
thread that claims jobs, hands them to the threads that run them (``runners``), and records how they end.
``queues``: where jobs come from. ``wakeups``: what the dispatcher waits for. ``owners``: who has claimed a
job, and whether that process still runs.
"""

from debonair.room import Command, Room

ROOM = Room(
    "worker",
    commands={"worker": Command("debonair.worker.commands:Worker", "Run jobs until a signal stops it.")},
)
