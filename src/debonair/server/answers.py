"""Answers that leave in one piece."""

from __future__ import annotations

from typing import Any

from gunicorn.http.wsgi import Response

_COPIED = 2**16


class Answer(Response):
    """gunicorn's answer, whose head waits for the beginning of its body and leaves together with that.

    It is one call less, and a worker that is killed leaves no head behind without its body: a proxy that has
    seen nothing of an answer may ask another worker.
    """

    headers_sent: bool
    _held = b""
    _holds = True

    def send_headers(self) -> None:
        if not self._holds:
            super().send_headers()
        elif not self.headers_sent:
            lines = [
                *self.default_headers(),
                *(f"{name}: {value}\r\n" for name, value in self.headers),
                "\r\n",
            ]
            self._held = "".join(lines).encode("latin-1")
            self.headers_sent = True

    def _emit_body(self, arg: bytes) -> None:
        if self._held and not self.chunked and len(arg) < _COPIED:
            arg, self._held = self._held + arg, b""
        self._let_go()
        super()._emit_body(arg)

    def sendfile(self, respiter: Any) -> bool:
        # It writes to the socket itself.
        self._holds = False
        try:
            sent: bool = super().sendfile(respiter)
            return sent
        finally:
            self._holds = True

    def close(self) -> None:
        self.send_headers()
        self._let_go()
        super().close()

    def _let_go(self) -> None:
        if self._held:
            head, self._held = self._held, b""
            self.sock.sendall(head)
