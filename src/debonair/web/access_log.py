"""The line of the access log: one for each request, when its response has been made.

A server gathers the lines and writes many with one call (``logs.gathered``).
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from debonair.logs import gathered
from debonair.logs.lines import JsonFormatter

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HEADER = "X-Request-ID"

_access = logging.getLogger("debonair.access")


_TEMPLATE = {
    **vars(logging.makeLogRecord({"name": _access.name, "levelno": logging.INFO, "levelname": "INFO"}))
}


def _record(**attributes: Any) -> logging.LogRecord:
    """Return a record of the access log.

    Logging's own constructor takes three times as long, mostly for the file and the line of the call.
    """
    if logging.getLogRecordFactory() is not logging.LogRecord:
        names = {name: _TEMPLATE[name] for name in ("name", "levelno", "levelname")}
        return logging.makeLogRecord(names | attributes)
    record = logging.LogRecord.__new__(logging.LogRecord)
    now, thread = time.time(), threading.current_thread()
    attributes["created"] = now
    attributes["msecs"] = int(now % 1 * 1000) + 0.0
    attributes["relativeCreated"] = (now - _TEMPLATE["created"]) * 1000 + _TEMPLATE["relativeCreated"]
    attributes["thread"], attributes["threadName"] = thread.ident, thread.name
    attributes["process"] = os.getpid()
    record.__dict__ = _TEMPLATE | attributes
    return record


def log_request(
    environ: WSGIEnvironment, *, identity: str, rule: str, status: int, size: int | None, seconds: float
) -> None:
    """Write the line of a request.

    :param identity: the request id. :param rule: see ``web.routing``.
    :param size: the bytes of the body; None when it has no declared length.
    :param seconds: how long it took.
    """
    if not _access.isEnabledFor(logging.INFO):
        return
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    if not path.isascii():
        # WSGI has the bytes of a path as Latin-1 (PEP 3333).
        path = path.encode("latin-1").decode("utf-8", "backslashreplace")
    extra = {
        "request_id": identity,
        "method": method,
        "path": path,
        "rule": rule,
        "status": status,
        "duration_ms": round(seconds * 1000, 3),
        "size": size,
        "client": environ.get("REMOTE_ADDR"),
    }
    formatter = gathered.formatter_of(_access)
    if type(formatter) is JsonFormatter:
        message = f"{method} {path} {status}"
        gathered.add(formatter.line(time.time(), "INFO", _access.name, message, extra) + "\n")
        return
    record = _record(msg="%s %s %s", args=(method, path, status), **extra)
    if formatter is None:
        _access.handle(record)
    else:
        gathered.add(formatter.format(record) + "\n")
