"""The lines of the log: text for people, JSON for machines. One event is one line, whatever it holds."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from datetime import UTC, datetime

import orjson

from debonair.context import request_id, traceparent
from debonair.names import Service

_ATTRIBUTES = {*vars(logging.makeLogRecord({})), "message", "asctime", "context"}
"""The attributes that logging and the text formatter set; every other one is the call's ``extra``."""


_LINE_BREAKS = {ord(mark): f"\\u{ord(mark):04x}" for mark in "\x85\u2028\u2029"}
"""Allowed in JSON, but taken for the end of a line by other programs (Unicode, UAX 14: classes BK, NL)."""


class ContextFilter(logging.Filter):
    """Adds the current request id to every record, and to those of a job the id of its trace."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: every record passes."""
        if not hasattr(record, "request_id"):
            record.request_id = request_id()
        if (trace := traceparent()) is not None:
            record.trace_id = trace[3:35]
        return True


_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (9, 10)}
"""Control characters, which a terminal may obey, and what is written in their place."""


class TextFormatter(logging.Formatter):
    """Lines for people: time, level, logger, request id, message.

    A message cannot forge an event or control the terminal: its further lines are indented, and control
    characters are escaped.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """Return the line of a record, from its attribute ``message``."""
        text = record.message
        if not text.isprintable():
            record.message = "\n    ".join(text.translate(_CONTROL | _LINE_BREAKS).split("\n"))
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record, its traceback included."""
        if record.name == "flask_migrate":
            # Flask-Migrate logs an error instead of raising it: this is the result of a command.
            return f"error: {record.getMessage().removeprefix('Error: ')}"
        identity = getattr(record, "request_id", None)
        record.context = f" [{identity}]" if identity else ""
        return super().format(record)


class JsonFormatter(logging.Formatter):
    """Lines for machines: time in UTC (RFC 3339), level, logger, message, service, then what the call adds.

    :param service: the service whose name and version every line has.
    """

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = {"service": service.name, "version": service.version}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        attributes = vars(record)
        line: str | None = attributes.get("_line")
        if line is None:
            # Kept, since both handlers write it.
            line = attributes["_line"] = self._line(record)
        return line

    def _line(self, record: logging.LogRecord) -> str:
        extra = {name: value for name, value in vars(record).items() if name not in _ATTRIBUTES}
        if record.exc_info:
            extra["exc_info"] = self.formatException(record.exc_info)
        if record.stack_info:
            extra["stack_info"] = record.stack_info
        return self.line(record.created, record.levelname, record.name, record.getMessage(), extra)

    def line(self, created: float, level: str, logger: str, message: str, extra: dict[str, object]) -> str:
        """Return the line of an event, without a line feed.

        :param created: seconds since the epoch.
        :param level: the name of its level.
        :param logger: the name of its logger.
        :param extra: what the call adds.
        """
        event = {
            "timestamp": datetime.fromtimestamp(created, UTC),
            "level": level,
            "logger": logger,
            "message": message,
            **self._service,
            **extra,
        }
        try:
            return _json(event)
        except TypeError:
            return json.dumps({name: _plain(value) for name, value in event.items()})


def _json(value: object) -> str:
    text = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return text if text.isascii() else text.translate(_LINE_BREAKS)


def _plain(value: object) -> object:
    """Return a value that JSON can hold: the value itself, or its text."""
    try:
        return json.loads(_json(value))
    except TypeError:
        # A lone surrogate, a number of more than 64 bits, a circular reference, or an object without a text.
        with suppress(Exception):
            return str(value)
        return f"<{type(value).__name__}>"
