"""The log file. Records that it cannot take are counted and reported on standard error; requests go on."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler

from debonair.errors import reason_of

_RETRY = 1.0
"""Seconds between two attempts to write to a file that failed."""

_log = logging.getLogger("debonair.logs")

on_loss: list[Callable[[], None]] = []
"""Functions that are called for each record that a log file lost."""


class LogFile(WatchedFileHandler):
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
        if self._lost and time.monotonic() < self._retry_at:
            self._lose()
            return
        lost = self._lost
        try:
            super().emit(record)
        except OSError as error:
            self._fail(error)
        if lost and self._lost == lost:
            self._lost = 0
            _log.warning(
                "The log file %s can be written again; %d records were lost.", self.baseFilename, lost
            )

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Handle an exception of the stream: logging calls this from within ``emit``."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._fail(error)
        else:
            super().handleError(record)

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        if self._lost and self._ends_within_a_line():
            stream.write("\n")
        return stream

    def _ends_within_a_line(self) -> bool:
        with open(self.baseFilename, "rb") as file:
            if not file.seek(0, os.SEEK_END):
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"

    def _fail(self, error: OSError) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with suppress(OSError):
                stream.close()
        self._retry_at = time.monotonic() + _RETRY
        if not self._lost:
            reason = reason_of(error)
            _log.error("The log file %s cannot be written: %s; records are lost.", self.baseFilename, reason)
        self._lose()

    def _lose(self) -> None:
        self._lost += 1
        for function in on_loss:
            function()
