"""The log file. Records that it cannot take are counted and reported on standard error; requests go on."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from itertools import accumulate
from logging.handlers import WatchedFileHandler

from debonair.errors import reason_of
from debonair.logs.sinks import LOCK, Sink, write

_RETRY = 1.0
"""Seconds between two attempts to write to a file that failed."""

_log = logging.getLogger("debonair.logs")

on_loss: list[Callable[[float], None]] = []
"""Functions that are called with the number of records that a log file has just lost."""


class LogFile(Sink, WatchedFileHandler):
    """A log file that logrotate may move away, and that may be missing, full or unwritable for a time.

    The first loss is reported to the other handlers of the root logger, and so is the end of the losses, with
    their number. Between the two, an attempt is made once a second.
    """

    def __init__(self, filename: str) -> None:
        self._lost = 0
        self._retry_at = 0.0
        super().__init__(filename, encoding="utf-8", errors="backslashreplace")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it as lost; never raise an error of the file."""
        if record.name == _log.name:
            return  # about this file: the other handlers have it
        try:
            line = self.format(record) + self.terminator
        except Exception:  # as in logging's own handlers
            self.handleError(record)
            return
        self.write_lines([line])

    def write_lines(self, lines: Sequence[str]) -> None:
        """Write lines, each with its line feed, or count them as lost; never raise an error of the file."""
        with LOCK:
            if self._lost and time.monotonic() < self._retry_at:
                self._lose(len(lines))
                return
            lost = self._lost
            encoded = [line.encode(errors="backslashreplace") for line in lines]
            done = 0
            try:
                # Looks whether logrotate has moved the file: once for all of the lines.
                self.reopenIfNeeded()
                self.stream = self.stream or self._open()
                done, error = write(self.stream.fileno(), b"".join(encoded))
            except OSError as raised:
                error = raised
            if error is not None:
                self._fail(error, sum(end > done for end in accumulate(map(len, encoded))))
            elif lost:
                self._lost = 0
                _log.warning(
                    "The log file %s can be written again; %d records were lost.", self.baseFilename, lost
                )

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        if self._lost and self._ends_within_a_line():
            stream.write("\n")
            stream.flush()
        return stream

    def _ends_within_a_line(self) -> bool:
        with open(self.baseFilename, "rb") as file:
            if not file.seek(0, os.SEEK_END):
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"

    def _fail(self, error: OSError, number: int) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with suppress(OSError):
                stream.close()
        self._retry_at = time.monotonic() + _RETRY
        if not self._lost:
            reason = reason_of(error)
            _log.error("The log file %s cannot be written: %s; records are lost.", self.baseFilename, reason)
        self._lose(number)

    def _lose(self, number: int) -> None:
        self._lost += number
        for function in on_loss:
            function(number)
