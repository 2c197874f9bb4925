"""Logging: one root handler for people or for machines, and the log file of a running server.

One line an event. Every line has the request id, put there by a filter, so that no call has to pass it.
"""

from __future__ import annotations

import io
import json
import logging
import logging.config
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from debonair.context import request_id
from debonair.names import Service
from debonair.settings import LogSection

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


def configure(settings: LogSection, service: Service, *, server: bool) -> None:
    """Set up the root logger: standard error and, for a server, the log file.

    :param server: whether this process serves. A command shows only what is amiss, in text, and leaves
        the log file alone: run by root, it would make one which the service cannot write.
    :raises OSError: when the log file cannot be opened.
    """
    # Nobody reads it, and it is found out anew for every record (logging's own advice).
    logging.logMultiprocessing = False
    level = logging.getLevelNamesMapping()[settings.level]
    if not server:
        level = max(level, logging.WARNING)
    form = settings.format if server else "text"
    if form == "json" and isinstance(sys.stderr, io.TextIOWrapper):
        # Whatever the locale, as RFC 8259 has it.
        sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")
    handlers: dict[str, dict[str, Any]] = {"stderr": {"class": "logging.StreamHandler"}}
    if server and settings.file:
        Path(settings.file).parent.mkdir(parents=True, exist_ok=True)
        # Reopens the file when logrotate has moved it away.
        handlers["file"] = {
            "class": "logging.handlers.WatchedFileHandler",
            "filename": settings.file,
            "encoding": "utf-8",
        }
    for handler in handlers.values():
        handler.update(formatter=form, filters=["context"])
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"context": {"()": ContextFilter}},
            "formatters": {
                "json": {"()": lambda: JsonFormatter(service)},
                "text": {
                    "()": TextFormatter,
                    "format": "%(asctime)s %(levelname)s %(name)s%(context)s %(message)s",
                    "datefmt": "%H:%M:%S",
                },
            },
            "handlers": handlers,
            "root": {"level": level, "handlers": list(handlers)},
            "loggers": {
                # The access log has these lines already, with more in them.
                "werkzeug": {"level": "WARNING"},
                "alembic": {"level": "WARNING"},
            },
        }
    )
