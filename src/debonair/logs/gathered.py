"""Lines of the access log that are gathered while a process serves, and written with one call.

A line waits for at most :data:`DELAY`. Any other record is written at once, after the lines that wait. They
are also written when the process ends; a process that is killed by SIGKILL or crashes loses them.

Gathering is for the processes of the server (:func:`begin`): a test, a command or another server sees every
line at once. It is left out as well while somebody else listens to the logger: another handler or filter
gets each record as logging would pass it on.
"""

from __future__ import annotations

import logging

from debonair.gathering import Gathering
from debonair.logs import sinks
from debonair.logs.sinks import Sink

DELAY = 0.05
"""Seconds that a line waits at most."""

_MOST = 5000
"""Lines that wait at most: when the disk or the journal is slower, requests wait for it."""

_sinks: list[logging.Handler] = []
_formatter: logging.Formatter | None = None
_begun = False


def _write(lines: list[str]) -> None:
    if lines:
        for sink in _sinks:
            if isinstance(sink, Sink):
                sink.write_lines(lines)


_lines: Gathering[str] = Gathering(_write, DELAY, most=_MOST, lock=sinks.LOCK)
add = _lines.add
"""Add a line, with its line feed; only while :func:`formatter_of` returns a formatter."""

sinks.before_record.append(_lines.flush)


def connect(handlers: list[logging.Handler]) -> None:
    """Set the sinks: the handlers of the root logger, which have one formatter."""
    global _formatter
    _lines.flush()
    _sinks[:] = handlers
    _formatter = handlers[0].formatter if all(isinstance(each, Sink) for each in handlers) else None


def begin() -> None:
    """Gather lines in this process from now on; to be called after the fork."""
    global _begun
    _begun = True


def end() -> None:
    """Write what waits, and every further line at once."""
    global _begun
    _begun = False
    _lines.flush()


def formatter_of(logger: logging.Logger) -> logging.Formatter | None:
    """Return the formatter of the lines that are gathered for a logger; None when its records are handled.

    :param logger: one whose records go to the sinks at the level INFO.
    """
    if (
        not _begun
        or logging.root.handlers != _sinks
        or logging.getLogRecordFactory() is not logging.LogRecord
    ):
        return None
    for sink in _sinks:
        if sink.level > logging.INFO or len(sink.filters) != 1 or sink.formatter is not _formatter:
            return None
    found: logging.Logger | None = logger
    while found is not None and found is not logging.root:
        if found.handlers or (found.filters and found is logger) or not found.propagate:
            return None
        found = found.parent
    return _formatter
