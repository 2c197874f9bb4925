"""``send_mail``: a message is checked, and its delivery enqueued in the transaction of the session."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, make_msgid

from flask import current_app

from debonair.jobs.enqueueing import Enqueued
from debonair.jobs.setup import service_of
from debonair.mail.addresses import address_of
from debonair.mail.delivery import deliver
from debonair.mail.headers import POLICY
from debonair.mail.setup import mail_of
from debonair.settings import Size
from debonair.settings.mail_addresses import is_one_line

_LONGEST_LINE = 998
"""Characters of a line without its end (RFC 5322, 2.1.1)."""

_HEADER_NAME = r"[!-9;-~]+"


def send_mail(
    message: EmailMessage, *, delay: str | float | timedelta | None = None, once: str | None = None
) -> Enqueued:
    """Send a message to the recipients in its headers: the worker does, when the transaction is committed.

    It is the job ``debonair.mail.deliver`` that is enqueued in the transaction of ``db.session``. A message
    without ``Date`` and ``Message-ID`` gets them. Nobody receives the header ``Bcc``.

    :param message: a message, usually from :func:`debonair.render_email`.
    :param delay: the time until it is sent, such as ``10m``, or a number of seconds.
    :param once: a key: while the job with this key is kept, another message with it is not sent.
    :raises ValueError: when the message has no recipients or sender, an address is malformed, a header has a
        line break, or it is larger than ``[mail] max_size``.
    :raises CommandError: when the service has no jobs, or is in production and has no ``[mail] host``.
    """
    mail = mail_of(current_app)
    service_of(current_app)  # that of a service without jobs is an error, which says what to do
    mail.require_way()
    _check_headers(message)
    sender = _sender(message)
    recipients = list(dict.fromkeys(_recipients(message)))
    if not recipients:
        raise ValueError("the message has no recipients: give it a header To, Cc or Bcc")
    if "Date" not in message:
        message["Date"] = format_datetime(datetime.now(UTC))
    if "Message-ID" not in message:
        message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    text = _text(message, mail.settings.max_size)
    return deliver.enqueue(text, sender, recipients, delay=delay, once=once)


def _check_headers(message: EmailMessage) -> None:
    for part in message.walk():
        for (name, raw), (_, value) in zip(part.raw_items(), part.items(), strict=True):
            # A header that was parsed may have been folded (RFC 5322, 2.2.3).
            texts = (re.sub(r"(\r?\n)?[ \t]+", " ", str(text)) for text in (raw, value))
            if not re.fullmatch(_HEADER_NAME, name):
                raise ValueError(f"{name[:100]!r} is not the name of a header")
            if not all(map(is_one_line, texts)):
                raise ValueError(f"the header {name} has a line break or another control character")


def _sender(message: EmailMessage) -> str:
    """Return the address to which the mail system reports failures: that of Sender, else of From."""
    for header in ("Sender", "From"):
        for address in _addresses(message, header):
            return address
    raise ValueError("the message has no sender: give it a header From")


def _recipients(message: EmailMessage) -> Iterator[str]:
    for header in ("To", "Cc", "Bcc"):
        yield from _addresses(message, header)


def _addresses(message: EmailMessage, header: str) -> Iterator[str]:
    for value in message.get_all(header, []):
        parsed = getattr(value, "addresses", None)  # no policy but the old one leaves it as a text
        found = getaddresses([value]) if parsed is None else [("", item.addr_spec) for item in parsed]
        for _, address in found:
            yield address_of(address, header).addr_spec


def _text(message: EmailMessage, largest: Size) -> str:
    """Return the message as the server gets it, in ASCII and without the header ``Bcc``.

    :raises ValueError: when it is too large, or has a line that is too long.
    """
    visible = copy.copy(message)
    del visible["Bcc"]
    content = visible.as_bytes(policy=POLICY)
    if len(content) > largest:
        raise ValueError(f"the message has {len(content)} bytes, more than [mail] max_size = {largest}")
    if max(map(len, content.split(b"\r\n"))) > _LONGEST_LINE:
        raise ValueError(
            f"a line of the message is longer than {_LONGEST_LINE} characters: use set_content() for its text"
        )
    return content.decode("ascii")
