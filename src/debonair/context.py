"""The request id: which request, job or command the running code belongs to; and the trace of a job.

``web.access_log`` accepts or makes the request id. Logs, problems, jobs and outgoing calls read it, so that
one id can be followed through all of them. A job also has the ``traceparent`` of the request that has
enqueued it (W3C Trace Context).
"""

from __future__ import annotations

import os
import re
from contextvars import ContextVar, Token

# What a client may send: long enough to be unique, and without characters that break a log line or header.
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,127}")

_request_id: ContextVar[str | None] = ContextVar("debonair_request_id", default=None)


def request_id() -> str | None:
    """Return the id of the current request, or None outside of a request."""
    return _request_id.get()


def new_request_id() -> str:
    """Return a new id: 32 random hexadecimal digits, unique across hosts."""
    return os.urandom(16).hex()


def accept_request_id(offered: str | None) -> str:
    """Return the offered id when it is well formed, else a new one.

    :param offered: the id that the client sent: 8 to 128 letters, digits, dots, underscores and hyphens,
        a letter or digit first.
    """
    if offered is not None and _WELL_FORMED.fullmatch(offered):
        return offered
    return new_request_id()


def bind_request_id(value: str) -> Token[str | None]:
    """Make ``value`` the current id, and return the token for :func:`release_request_id`."""
    return _request_id.set(value)


def release_request_id(token: Token[str | None]) -> None:
    """Restore the id that was current before :func:`bind_request_id` returned ``token``."""
    _request_id.reset(token)


_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_traceparent: ContextVar[str | None] = ContextVar("debonair_traceparent", default=None)


def accept_traceparent(offered: str | None) -> str | None:
    """Return the offered ``traceparent`` when it is well formed, else None (W3C Trace Context, 3.2)."""
    return offered if offered is not None and _TRACEPARENT.fullmatch(offered) else None


def traceparent() -> str | None:
    """Return the ``traceparent`` of the current job, or None."""
    return _traceparent.get()


bind_traceparent = _traceparent.set
release_traceparent = _traceparent.reset
