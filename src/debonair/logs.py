"""Logging: one root handler for people or for machines, and the log file of a running server.

One line an event. Every line has the request id, put there by a filter, so that no call has to pass it.
"""

from __future__ import annotations

import logging
import logging.config
import time
from pathlib import Path
from typing import Any

from debonair.context import request_id
from debonair.names import Service
from debonair.settings import LogSection


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


def json_formatter(service: Service) -> logging.Formatter:
    """Return the formatter of JSON lines: time in UTC (RFC 3339), level, logger, message, request id."""
    from pythonjsonlogger.json import JsonFormatter

    class OnceFormatter(JsonFormatter):
        """Formats a record once, though journal and file both want it."""

        def format(self, record: logging.LogRecord) -> str:
            line: str | None = getattr(record, "_line", None)
            if line is None:
                line = super().format(record)
                vars(record)["_line"] = line
            return line

    formatter = OnceFormatter(
        "%(levelname)s %(name)s %(message)s",
        rename_fields={"levelname": "level", "name": "logger"},
        static_fields={"service": service.name, "version": service.version},
        timestamp=True,
    )
    formatter.converter = time.gmtime
    return formatter


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
    handlers: dict[str, dict[str, Any]] = {"stderr": {"class": "logging.StreamHandler"}}
    if server and settings.file:
        Path(settings.file).parent.mkdir(parents=True, exist_ok=True)
        # Reopens the file when logrotate has moved it away.
        handlers["file"] = {
            "class": "logging.handlers.WatchedFileHandler",
            "filename": settings.file,
        }
    for handler in handlers.values():
        handler.update(formatter=form, filters=["context"])
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"context": {"()": ContextFilter}},
            "formatters": {
                "json": {"()": lambda: json_formatter(service)},
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
