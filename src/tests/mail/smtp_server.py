"""An SMTP server of the tests' own, which keeps what it accepts and responds as a test says."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

USER, PASSWORD = "orders", "correct-horse-battery"


@dataclass
class Accepted:
    """A message that the server has accepted."""

    sender: str
    recipients: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return cast(EmailMessage, message_from_bytes(self.content, policy=default))


@dataclass
class Handler:
    """What the server does.

    :param responses: the responses to come, by what they respond to: a recipient's address, or a command such
        as ``DATA``; what has none is accepted.
    """

    responses: dict[str, list[str]] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    on_accepted: Callable[[], None] = field(default=lambda: None)

    def _response(self, key: str, usual: str = "250 OK") -> str:
        waiting = self.responses.get(key)
        return waiting.pop(0) if waiting else usual

    # aiosmtpd looks for methods of these names.

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        response = self._response("MAIL")
        if response.startswith("2"):
            envelope.mail_from = address
        return response

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        response = self._response(address)
        if response.startswith("2"):
            envelope.rcpt_tos.append(address)
        return response

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        response = self._response("DATA")
        if response.startswith("2"):
            self.accepted.append(Accepted(envelope.mail_from, envelope.rcpt_tos, envelope.content))
            self.on_accepted()
        return response

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        return self._response("QUIT", "221 Bye")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=known, handled=False)


def context(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    """Return what a server with a certificate for a name needs."""
    found = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(found)
    return found


@contextmanager
def smtp_server(handler: Handler | None = None, port: int | None = None, **options: Any) -> Iterator[Any]:
    """Run a server; its ``handler`` has what it accepts, ``settings`` is how to reach it without TLS."""
    controller: Any = Controller(handler or Handler(), "127.0.0.1", port or free_port(), **options)
    controller.start()
    controller.settings = {"host": "localhost", "port": controller.port, "tls": "none", "timeout": "10s"}
    try:
        yield controller
    finally:
        controller.stop()
