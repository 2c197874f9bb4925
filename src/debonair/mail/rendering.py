"""``render_email``: a message out of templates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

from flask import current_app
from jinja2 import Environment, StrictUndefined, TemplateNotFound

from debonair.mail import headers
from debonair.mail.addresses import Mailbox, address_of, addresses_of
from debonair.mail.setup import mail_of
from debonair.settings.mail_addresses import is_one_line

_DIRECTORY = "mail"
_ENVIRONMENT = "debonair_mail_templates"
_MEDIA_TYPE = r"([\w!#$&^.+-]+)/([\w!#$&^.+-]+)"


def render_email(
    template: str,
    /,
    *,
    to: Mailbox | Iterable[Mailbox],
    subject: str | None = None,
    cc: Mailbox | Iterable[Mailbox] = (),
    bcc: Mailbox | Iterable[Mailbox] = (),
    reply_to: Mailbox | None = None,
    sender: Mailbox | None = None,
    attachments: Iterable[tuple[str, bytes, str]] = (),
    **context: Any,
) -> EmailMessage:
    """Return a message out of the service's templates; :func:`debonair.send_mail` sends it.

    ``templates/mail/<template>.txt`` is its text, ``<template>.html``, if there is such a file, the same as
    HTML, with values escaped. Without ``subject``, ``<template>.subject.txt`` is its subject. A name that a
    template uses must be given.

    :param template: the name of the templates, such as ``receipt``.
    :param to: a recipient, ``ann@example.org`` or ``Ann Example <ann@example.org>``, or several as a list.
    :param cc: recipients of a copy. :param bcc: those whom the other recipients do not see.
    :param reply_to: where responses go. :param sender: who sends it; default ``[mail] sender``.
    :param attachments: files: the name, the content and the media type of each.
    :param context: values for the templates.
    :raises ValueError: when an address is malformed or the value of a header has a line break.
    :raises jinja2.TemplateError: when a template is missing or uses a name that is not given.
    """
    message = _message(address_of(sender, "sender") if sender else _default_sender())
    for header, mailboxes in (("To", to), ("Cc", cc), ("Bcc", bcc), ("Reply-To", reply_to or ())):
        if found := addresses_of(mailboxes, header.lower().replace("-", "_")):
            message.set_raw(header, headers.mailboxes(found))
    templates = _environment()
    name, values = f"{_DIRECTORY}/{template}", dict(context)
    current_app.update_template_context(values)
    if subject is None:
        subject = templates.get_template(f"{name}.subject.txt").render(values).strip()
    message.set_raw("Subject", headers.text(_one_line(subject, "subject").strip(), "Subject"))
    message.set_content(templates.get_template(f"{name}.txt").render(values))
    html = _rendered_if_there(templates, f"{name}.html", values)
    if html is not None:
        message.add_alternative(html, subtype="html")
    for attachment in attachments:
        _attach(message, *attachment)
    return message


def _message(sender: Address) -> EmailMessage:
    """Return a message without recipients and content."""
    message = EmailMessage(policy=headers.POLICY)
    message.set_raw("From", headers.mailboxes([sender]))
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=sender.domain)
    # RFC 3834: programs, such as those for holidays, do not respond to it.
    message["Auto-Submitted"] = "auto-generated"
    return message


def _default_sender() -> Address:
    sender = mail_of(current_app).settings.sender
    if not sender:
        raise ValueError("the message has no sender: set [mail] sender, or give sender=")
    return address_of(sender, "[mail] sender")


def _environment() -> Environment:
    """Return Flask's environment of templates, except that a name which is not given is an error."""
    extensions = current_app.extensions
    if _ENVIRONMENT not in extensions:
        extensions[_ENVIRONMENT] = current_app.jinja_env.overlay(undefined=StrictUndefined)
    found: Environment = extensions[_ENVIRONMENT]
    return found


def _rendered_if_there(templates: Environment, name: str, values: dict[str, Any]) -> str | None:
    try:
        template = templates.get_template(name)
    except TemplateNotFound as error:
        if error.name == name:
            return None
        raise
    return template.render(values)


def _attach(message: EmailMessage, name: str, content: bytes, media_type: str) -> None:
    """Add a file to a message.

    :raises ValueError: when its name or media type is none. :raises TypeError: when the content is no bytes.
    """
    if not isinstance(content, bytes):
        raise TypeError(f"the attachment {name!r} must be bytes, and not {type(content).__name__}")
    match = re.fullmatch(_MEDIA_TYPE, media_type, re.ASCII)
    if match is None:
        raise ValueError(f"the attachment {name!r}: {media_type!r} is no media type such as application/pdf")
    message.add_attachment(
        content, maintype=match[1], subtype=match[2], filename=_one_line(name, "the name of an attachment")
    )


def _one_line(text: str, what: str) -> str:
    if not is_one_line(text):
        raise ValueError(f"{what} has a line break or another control character: {text[:100]!r}")
    return text
