"""The hand-over of a reload: a new master process replaces the one that started it.

gunicorn's master process starts a second one on SIGUSR2, which has the same listening sockets. The first goes
on serving until the second tells it to stop.
"""

from __future__ import annotations

import mmap
import os
import signal
from contextlib import suppress

from debonair.server.sockets import addresses_of, predecessor_pid
from debonair.server.state_file import StateFile


class Handover:
    """Writes the state file, and stops the predecessor, once, when a worker of this process is ready.

    :param state_file: the state file of the process role.
    :param bind: what the server listens on, unless it inherits its sockets.
    """

    def __init__(self, state_file: StateFile, bind: list[str]) -> None:
        self._state_file = state_file
        self._bind = bind
        self._addresses: list[str] = []
        self._predecessor: int | None = None
        self._handle: int | None = None
        # Shared with the workers that are forked later.
        self._ready = mmap.mmap(-1, 1)

    def begin(self) -> None:
        """Remember the predecessor; where there is none, write the state file now."""
        self._addresses = addresses_of(self._bind)
        pid = predecessor_pid()
        if pid is not None:
            with suppress(ProcessLookupError):
                handle = os.pidfd_open(pid)
                if predecessor_pid() == pid:  # it was alive when the handle was opened
                    self._predecessor, self._handle = pid, handle
                else:
                    os.close(handle)
        if self._handle is None:
            self._state_file.write(self._addresses)

    def worker_is_ready(self) -> None:
        """Tell the master process that a worker can serve; called in the worker."""
        self._ready[0] = 1

    @property
    def pending(self) -> bool:
        """Whether the predecessor has not been told to stop yet."""
        return self._handle is not None

    def complete(self) -> None:
        """Replace the predecessor, if a worker is ready; called in the master process."""
        if self._handle is None or not self._ready[0]:
            return
        self._state_file.write(self._addresses, replaces=self._predecessor)
        with suppress(ProcessLookupError):
            # Unlike a process id, the handle never names another process.
            signal.pidfd_send_signal(self._handle, signal.SIGTERM)
        os.close(self._handle)
        self._handle = None
