"""The mail that code under test has sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload
from unittest import mock

import sqlalchemy as sa
from flask import Flask

from debonair.database.engine import db
from debonair.mail.setup import EXTENSION, mail_of
from debonair.settings import MailSection, values_of

if TYPE_CHECKING:
    from email.message import EmailMessage

_SENDER = "sender@localhost"
"""Who sends, where the settings of the tests say nothing."""


class Outbox(Sequence["EmailMessage"]):
    """The messages whose delivery is enqueued, in their order; each look at it reads the database.

    A message has a header ``Bcc`` with the recipients whom the others do not see.
    """

    @overload
    def __getitem__(self, index: int) -> EmailMessage: ...
    @overload
    def __getitem__(self, index: slice) -> list[EmailMessage]: ...
    def __getitem__(self, index: Any) -> Any:
        return _messages()[index]

    def __len__(self) -> int:
        return len(_messages())

    def __eq__(self, other: object) -> bool:
        return list(self) == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(f"<to {item['To'] or item['Bcc']}: {item['Subject']}>" for item in self)
        return f"[{shown}]"


def _messages() -> list[EmailMessage]:
    from email import message_from_string
    from email.policy import default

    from debonair.jobs.table import JOBS
    from debonair.mail.delivery import deliver

    query = sa.select(JOBS.c.arguments).where(JOBS.c.name == deliver.name).order_by(JOBS.c.id)
    found = []
    for text in db.session.connection().execute(query).scalars():
        arguments = json.loads(text)
        message: Any = message_from_string(arguments["message"], policy=default)
        visible = [address.addr_spec for header in ("To", "Cc") if header in message
                   for address in message[header].addresses]  # fmt: skip
        if hidden := [address for address in arguments["recipients"] if address not in visible]:
            message["Bcc"] = ", ".join(hidden)
        for part in message.walk():
            if part.get_content_maintype() == "text" and not part.is_attachment():
                # On the way, lines end by CR LF.
                part.set_content(part.get_content().replace("\r\n", "\n"), part.get_content_subtype())
        found.append(message)
    return found


@contextmanager
def collecting(app: Flask) -> Iterator[Outbox]:
    """Deliver no mail during the block; what is sent is in the value."""
    from debonair.jobs.setup import service_of

    service_of(app)  # without jobs, it says how a service gets them
    mail = mail_of(app)
    settings = MailSection(
        mail.service, **{**values_of(mail.settings), "sender": mail.settings.sender or _SENDER}
    )
    with mock.patch.dict(app.extensions, {EXTENSION: replace(mail, settings=settings, collected=True)}):
        yield Outbox()
