"""The handlers of the root logger: standard error and, for a server, the log file."""

from __future__ import annotations

import io
import logging
import logging.config
import sys
from pathlib import Path
from typing import Any

from debonair.logs import gathered
from debonair.logs.lines import ContextFilter, JsonFormatter, TextFormatter
from debonair.names import WEB, Service
from debonair.settings import LogSection


def file_of(settings: LogSection, role: str = WEB) -> str:
    """Return the path of the log file of a process role, or an empty text for none.

    :param role: each but ``web`` has a file of its own, with the role in its name.
    """
    if not settings.file or role == WEB:
        return settings.file
    path = Path(settings.file)
    return str(path.with_name(f"{path.stem}-{role}{path.suffix}"))


def configure(settings: LogSection, service: Service, *, server: bool, role: str = WEB) -> None:
    """Set up the root logger: standard error and, for a server, the log file.

    :param server: whether this process serves. A command logs only warnings and errors, as text, and does
        not open the log file: run by root, it would create one that the service cannot write.
    :param role: the process role, see :func:`file_of`.
    :raises OSError: when the log file cannot be opened.
    """
    # Nobody reads it, and it would be looked up for every record (logging's own advice).
    logging.logMultiprocessing = False
    level = logging.getLevelNamesMapping()[settings.level]
    if not server:
        level = max(level, logging.WARNING)
    form = settings.format if server else "text"
    if form == "json" and isinstance(sys.stderr, io.TextIOWrapper):
        # JSON is UTF-8, whatever the locale (RFC 8259, 8.1).
        sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")
    handlers: dict[str, dict[str, Any]] = {"stderr": {"class": "debonair.logs.sinks.StandardError"}}
    if server and settings.file:
        path = Path(file_of(settings, role))
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers["file"] = {"class": "debonair.logs.file.LogFile", "filename": str(path)}
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
                # The access log has the same events, with more detail.
                "werkzeug": {"level": "WARNING"},
                "alembic": {"level": "WARNING"},
            },
        }
    )
    gathered.connect(logging.root.handlers)
