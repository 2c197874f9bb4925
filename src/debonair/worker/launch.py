"""The start of the worker: the server, with processes that run jobs."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from debonair.names import WORKER, Service
from debonair.server.launch import Server
from debonair.settings import JobsSection
from debonair.worker.process import JobProcess

_LONGEST_SOCKET = 100
"""The longest path of a Unix socket, in bytes (sockaddr_un(7) allows 107)."""

GIVE_BACK = 10
"""Seconds that a process has to give its jobs back after ``[jobs] stop_timeout``."""


class WorkerServer(Server):
    """The server whose processes run jobs, and serve health and metrics at an address of their own."""

    def options(self) -> dict[str, Any]:
        """Return gunicorn's options."""
        settings = self._configuration.settings[JobsSection]
        service = self._configuration.service
        return {
            **super().options(),
            "bind": [settings.listen or socket_of(service)],
            "umask": 0o117,  # of the Unix socket: for this user, and root
            "worker_class": JobProcess,
            "workers": settings.processes,
            "threads": 1,
            "graceful_timeout": round(settings.stop_timeout) + GIVE_BACK,
            "max_requests": 0,
            "preload_app": True,
            "proc_name": service.unit(WORKER),
        }


def socket_of(service: Service) -> str:
    """Return the Unix socket of the worker, as gunicorn names it: ``unix:PATH``.

    It is in the runtime directory, unless the path of that is too long for a socket.
    """
    path = service.runtime_directory(WORKER) / "worker.sock"
    if len(os.fsencode(path)) > _LONGEST_SOCKET:
        digest = hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()
        path = Path(tempfile.gettempdir(), f"{service.unit(WORKER)}-{os.getuid()}-{digest}.sock")
    return f"unix:{path}"
