"""Where the processes of one server keep their metrics: a directory of its own below ``/run/<svc>/metrics``.

Every process that uses a directory holds a shared lock (``flock``) on a file in it, which the kernel releases
when the process ends, however it ends. A directory that no process has locked is stale. A second server of
the same service has another directory. The second master process of a reload goes on with that of its
predecessor, so that counters continue.

Nothing here imports prometheus_client, which looks for the directory when it is imported.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable in which prometheus_client, and a successor, find the directory."""

_LOCK = "in-use"


class MetricsDirectory:
    """The directory that this process uses; it is locked until the process ends or :meth:`leave` is called.

    :param path: an existing directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def leave(self) -> None:
        """Unlock the directory, and remove it when no other process uses it."""
        if _lock_alone(self._descriptor):
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._descriptor)


def enter(parent: Path, inherited: str | None = None) -> MetricsDirectory:
    """Return a directory below ``parent`` for this process, and remove the stale ones.

    :param inherited: the path of the directory that the predecessor uses, see :data:`VARIABLE`.
    :raises OSError: when the directory cannot be made.
    """
    parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Another process that starts must not find the directory before it is locked.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if inherited and Path(inherited).parent == parent and Path(inherited).is_dir():
            return MetricsDirectory(Path(inherited))
        for entry in list(parent.iterdir()):
            _remove_stale(entry)
        return MetricsDirectory(Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=parent)))
    finally:
        os.close(descriptor)


def _remove_stale(entry: Path) -> None:
    """Remove an entry of the parent directory, unless it is a directory that a process uses."""
    with suppress(OSError):
        if entry.is_symlink() or not entry.is_dir():
            entry.unlink()
            return
        if not (entry / _LOCK).exists():
            shutil.rmtree(entry, ignore_errors=True)
            return
        descriptor = os.open(entry / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if _lock_alone(descriptor):
                shutil.rmtree(entry, ignore_errors=True)
        finally:
            os.close(descriptor)


def _lock_alone(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
