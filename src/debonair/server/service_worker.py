"""What is changed in all of gunicorn's workers: signals, and refusals with a request id."""

from __future__ import annotations

import signal
from typing import Any

from debonair.context import accept_request_id, bind_request_id, release_request_id
from debonair.web.access_log import HEADER

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
"""The signals that stop a worker; the master process blocks them while it forks one."""


class ServiceWorker:
    """A mixin for gunicorn's workers."""

    def init_signals(self) -> None:
        """Set the handlers of signals."""
        super().init_signals()  # type: ignore[misc]
        # A terminal sends Ctrl-C to all processes, and the master process tells the workers to stop. SIG_IGN
        # would be inherited by the programs that a view runs.
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.siginterrupt(signal.SIGINT, False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Refuse a request because of an exception of gunicorn's parser, and log it."""
        # A request that gunicorn refuses does not reach the access log, which assigns request ids; the id set
        # here is in the response and in the log.
        offered = dict(req.headers).get(HEADER.upper()) if req is not None else None
        token = bind_request_id(accept_request_id(offered))
        try:
            super().handle_error(req, client, addr, exc)  # type: ignore[misc]
        finally:
            release_request_id(token)
