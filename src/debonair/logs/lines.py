"""The lines of the log: text for people, JSON for machines. One event is one line, whatever it holds."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from datetime import UTC, datetime

import orjson

from debonair.context import request_id
from debonair.names import Service

_ATTRIBUTES = {*vars(logging.makeLogRecord({})), "message", "asctime", "context"}
"""What logging itself notes of a record, and the text formatter; anything else has come with the call."""


_LINE_BREAKS = {ord(mark): f"\\u{ord(mark):04x}" for mark in "\x85\u2028\u2029"}
"""What JSON may have as it is, and others take for the end of a line (Unicode, UAX 14: class BK, NL)."""


class ContextFilter(logging.Filter):
    """Adds the present request id to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id"):
            record.request_id = request_id()
        return True


class TextFormatter(logging.Formatter):
    """Lines for people: time, level, logger, request id, message."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name == "flask_migrate":
            # What Flask-Migrate logs in place of raising is the outcome of a command.
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
        attributes = vars(record)
        line: str | None = attributes.get("_line")
        if line is None:
            # Kept, since journal and file both want it.
            line = attributes["_line"] = self._line(record)
        return line

    def _line(self, record: logging.LogRecord) -> str:
        event = {
            "timestamp": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._service,
        }
        for name, value in vars(record).items():
            if name not in _ATTRIBUTES:
                event[name] = value
        if record.exc_info:
            event["exc_info"] = self.formatException(record.exc_info)
        if record.stack_info:
            event["stack_info"] = record.stack_info
        try:
            return _json(event)
        except TypeError:
            return json.dumps({name: _plain(value) for name, value in event.items()})


def _json(value: object) -> str:
    text = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return text if text.isascii() else text.translate(_LINE_BREAKS)


def _plain(value: object) -> object:
    """Return what JSON surely has: the value, or else its text."""
    try:
        return json.loads(_json(value))
    except TypeError:
        # Half a character, a number of more than 64 bits, a circle, or an object that has no text either.
        with suppress(Exception):
            return str(value)
        return f"<{type(value).__name__}>"
