"""One message over SMTP (RFC 5321), by ``smtplib``."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from debonair.errors import PermanentError
from debonair.settings import MailSection
from debonair.settings.mail import IMPLICIT, STARTTLS

_TOO_MANY = 552
"""What some servers respond to a recipient that is one too many, and means for now (RFC 5321, 4.5.3.1.10)."""


_LAST_WORD = 2.0
"""Seconds to wait for the response to QUIT: a job whose time is over has little left."""


@dataclass(frozen=True)
class Refusal:
    """What the server has responded to a recipient that it does not accept.

    :param code: the code of the response, from 400 to 599. :param text: its text.
    """

    code: int
    text: str

    @property
    def permanent(self) -> bool:
        """Whether it would be refused again."""
        return self.code >= 500 and self.code != _TOO_MANY

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


def send(settings: MailSection, message: str, sender: str, recipients: Sequence[str]) -> dict[str, Refusal]:
    """Hand a message to the server; return the recipients that it has refused, which may be all.

    :param message: the message in ASCII, with lines that end by CR LF.
    :raises PermanentError: when the server refuses the sender or the message for good.
    :raises OSError: when it cannot be reached, is not the one that its certificate should name, accepts no
        login, does not respond in time, or refuses for now.
    """
    server = _connected(settings)
    try:
        return _refusals(server.sendmail(sender, recipients, message))
    except smtplib.SMTPRecipientsRefused as error:
        refusals = _refusals(error.recipients)
        # After 421 the server takes no further recipients, and they have no response.
        rest = Refusal(421, "the server has closed the connection")
        return {address: refusals.get(address, rest) for address in recipients}
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        if error.smtp_code < 500:
            raise
        refused = f"the sender {sender}" if isinstance(error, smtplib.SMTPSenderRefused) else "the message"
        raise PermanentError(
            f"{settings.host} refuses {refused}: {error.smtp_code} {_text(error.smtp_error)}"
        ) from None
    finally:
        _end(server)


def _connected(settings: MailSection) -> smtplib.SMTP:
    """Return a connection, encrypted and logged in as the settings say.

    :raises OSError: when there is none.
    """
    timeout = float(settings.timeout)
    if settings.tls == IMPLICIT:
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.host, settings.port, timeout=timeout, context=_trust(settings)
        )
    else:
        server = smtplib.SMTP(settings.host, settings.port, timeout=timeout)
    try:
        if settings.tls == STARTTLS:
            server.starttls(context=_trust(settings))
        if settings.user:
            server.login(settings.user, settings.password or "")
    except BaseException:
        server.close()
        raise
    return server


def _end(server: smtplib.SMTP) -> None:
    """End a connection. The message is the server's by now, or is not: how it ends changes nothing."""
    with suppress(OSError):
        if server.sock is not None:
            server.sock.settimeout(_LAST_WORD)
            server.quit()
    server.close()


def _trust(settings: MailSection) -> ssl.SSLContext:
    """Return what verifies the certificate of the server, and its name."""
    return ssl.create_default_context(cafile=settings.ca or None)


def _refusals(recipients: Mapping[str, tuple[int, bytes]]) -> dict[str, Refusal]:
    return {address: Refusal(code, _text(said)) for address, (code, said) in recipients.items()}


def _text(said: bytes | str) -> str:
    """Return what the server has said as one line."""
    text = said if isinstance(said, str) else said.decode(errors="replace")
    return " ".join(text.split())
