"""The production server: gunicorn, set up by the settings and by what systemd passes on.

In the order of time: a directory for the metrics is made, the application is built once in the master
process, its configuration is recorded in the state file ``/run/<svc>/started``, the workers are forked.

On SIGUSR2 (``systemctl reload``) all of that happens once more in a second master process, which listens on
the same socket. When its first worker is ready it replaces the state file and stops the first master process,
which completes the requests it has begun. When the second one fails to start, the first one goes on.

``launch``: all of it put together. ``sockets``: where to listen. ``state_file``: what runs.
``metrics_directory``: where metrics are kept. ``handover``: the replacement of a master process. ``master``:
gunicorn's master process. ``worker``: the classes of workers. ``lingering``: a connection after the last
response.

The default class of workers is ``event_loop``, with ``listeners``. ``connection``: what a client sends.
``http_request``: the parser. ``body_readers``, ``streamed_body``: large bodies. ``http_response``: the call
of the application. ``refusals``: what the server refuses. ``service_worker``, ``responses``: changes to
gunicorn's classes.

What is used here and not public in gunicorn is named in ``src/tests/chassis/test_adapters_gunicorn.py``.
Commands that only read the state file import no gunicorn.
"""

from debonair.room import Command, Room
from debonair.settings import ServerSection

ROOM = Room(
    "server",
    sections=(ServerSection,),
    commands={
        "serve": Command("debonair.server.commands:Serve", "Serve in production, with gunicorn."),
        "running": Command(
            "debonair.server.commands:Running",
            "Exit with 0 when the running process has the installed version and this configuration.",
        ),
        "health": Command(
            "debonair.server.commands:Health",
            "Exit with 0 when the running service reports that it is ready.",
        ),
    },
)
