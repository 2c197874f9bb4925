"""The two processes of ``runserver``: Werkzeug's reloader runs in one, and serves in its child process.

The parent process makes all checks and passes on where to listen. The child process is replaced when a file
changes, and ends with its parent: the debugger that it serves runs any code.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from debonair.errors import CommandError
from debonair.room import Context

_ADDRESS = "RUNSERVER_ADDRESS"
_PARENT = "RUNSERVER_PARENT"
_OF_WERKZEUG = ("WERKZEUG_RUN_MAIN", "WERKZEUG_SERVER_FD")
_PR_SET_PDEATHSIG = 1
"""The option of prctl(2): the signal that this process gets when its parent ends."""


def enter_child(context: Context) -> tuple[str, int] | None:
    """Return the host and port of the reloader's child process, or None when this is another process.

    Called first, in every process of ``runserver``.

    :raises CommandError: in production, whatever the environment variables say.
    """
    address = os.environ.get(_ADDRESS, "")
    host, _, port = address.rpartition(":")
    is_child = (
        os.environ.get("WERKZEUG_RUN_MAIN") == "true"
        and os.environ.get(_PARENT) == str(os.getppid())
        and port.isdecimal()
    )
    _refuse_production(context, is_child=is_child)
    if not is_child:
        for name in _OF_WERKZEUG:
            os.environ.pop(name, None)
        return None
    _end_with_parent()
    return host, int(port)


def pass_on(host: str, port: int) -> None:
    """Let the child process know where to listen."""
    os.environ[_ADDRESS] = f"{host}:{port}"
    os.environ[_PARENT] = str(os.getpid())


def _refuse_production(context: Context, *, is_child: bool) -> None:
    try:
        production = context.configuration.service.production
    except Exception:
        if not is_child:
            raise
        # A change has broken the code or the configuration: the child process shows that in the browser.
        production = context.service.production
    if production:
        raise CommandError("runserver is for development and [service] environment is production: use serve")


def _end_with_parent() -> None:
    """Let the kernel kill this process when its parent ends, by whatever signal."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.environ[_PARENT] != str(os.getppid()):
            sys.exit(0)  # the parent has ended meanwhile
