"""The production server: gunicorn, set up by the settings and by what systemd hands over.

In the order of time: the metrics' directory is emptied, the application is built once in the first
process and its configuration noted in ``/run/<svc>/started``, then the workers are forked from it.

On SIGUSR2 (``systemctl reload``) all of that happens once more in a second process, which listens on the
same socket. When its first worker is ready it ends the first process, which answers what it has begun;
when it does not come so far, the first one goes on.

``sockets``: where to listen. ``started``: the note of what runs. ``worker`` and ``arbiter``: gunicorn's
processes with what a service needs beyond them. ``gunicorn``: all of it put together. Commands that only
read the note import no gunicorn.
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
