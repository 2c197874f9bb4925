"""Reading of files that someone else names: bounded in size, and without waiting for a FIFO."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from debonair.errors import reason_of


class UnusableError(Exception):
    """A file cannot be read.

    :param reason: why, as a phrase that continues the file's name.
    :param missing: whether there is no such file.
    """

    def __init__(self, reason: str, *, missing: bool = False) -> None:
        super().__init__(reason)
        self.missing = missing


def read_regular(path: Path, limit: int) -> bytes:
    """Return at most ``limit`` + 1 bytes of a regular file; more than ``limit`` mean that it is larger.

    A FIFO, a socket or a device is refused: reading one could block, or never end.

    :raises UnusableError: when it is no regular file or cannot be read.
    """
    try:
        # Without O_NONBLOCK, opening a FIFO waits for a process that writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISDIR(mode):
                raise UnusableError("cannot be read: is a directory")
            if not stat.S_ISREG(mode):
                raise UnusableError("cannot be read: not a regular file")
            return file.read(limit + 1)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise UnusableError(f"cannot be read: {reason_of(error)}", missing=missing) from None
    except ValueError:
        raise UnusableError("cannot be read: the path holds a zero byte") from None
