"""Where lines of the log go: what standard error and the log file have in common.

A sink writes several lines with one call, and a line whole: processes share both. The lines that are
gathered (``logs.gathered``) are written before any other record.
"""

from __future__ import annotations

import logging
import os
import select
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    _Handler = logging.Handler
else:
    _Handler = object

LOCK = threading.RLock()
"""The lock of every sink. A sink that fails logs to the others: with a lock each, two threads could wait for
each other."""

before_record: list[Callable[[], None]] = []
"""Functions that a sink calls before it handles a record."""

_SOCKET_CHUNK = 16384
"""Bytes that the kernel surely queues as one piece on a Unix stream socket, such as that of the journal."""


class Sink(_Handler):
    """A handler that also writes lines which are formatted already."""

    def createLock(self) -> None:  # noqa: N802  # logging's name
        """Use :data:`LOCK`, which logging renews after a fork."""
        super().createLock()
        self.lock = LOCK

    def handle(self, record: logging.LogRecord) -> Any:
        """Handle a record, after the lines that were logged before it."""
        for function in before_record:
            function()
        return super().handle(record)

    def write_lines(self, lines: Sequence[str]) -> None:
        """Write lines, each with its line feed; never raise an error of the file."""
        raise NotImplementedError


class StandardError(Sink, logging.StreamHandler[TextIO]):
    """Standard error. Under systemd it is a socket of the journal."""

    def write_lines(self, lines: Sequence[str]) -> None:
        """Write lines, each with its line feed; what cannot be written is lost."""
        with LOCK:
            try:
                self.flush()
                try:
                    descriptor = self.stream.fileno()
                except (AttributeError, OSError):  # a test has replaced it
                    self.stream.write("".join(lines))
                    self.flush()
                    return
                encoding, errors = self.stream.encoding or "utf-8", self.stream.errors or "backslashreplace"
                encoded = [line.encode(encoding, errors) for line in lines]
                for chunk in _chunks(encoded, _largest_chunk(descriptor)):
                    write(descriptor, chunk)
            except (OSError, ValueError):
                # As for a single record: who reads it has ended. There is nowhere to report it.
                return


def _largest_chunk(descriptor: int) -> int:
    """Return how many bytes one call may write so that no other process writes between them."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode):
        return select.PIPE_BUF
    return _SOCKET_CHUNK if stat.S_ISSOCK(mode) else sys.maxsize


def _chunks(lines: list[bytes], most: int) -> Iterator[bytes]:
    """Yield the lines joined to pieces of at most so many bytes; a longer line is a piece of its own."""
    first = size = 0
    for number, line in enumerate(lines):
        if size and size + len(line) > most:
            yield b"".join(lines[first:number])
            first, size = number, 0
        size += len(line)
    if size:
        yield b"".join(lines[first:])


def write(descriptor: int, data: bytes) -> tuple[int, OSError | None]:
    """Write to a file; return how many bytes were written, and the error if these are not all."""
    done = 0
    try:
        while done < len(data):
            done += os.write(descriptor, data[done:] if done else data)
    except OSError as error:
        return done, error
    return done, None
