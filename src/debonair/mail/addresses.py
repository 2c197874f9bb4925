"""Mailboxes, as the headers of a message have them."""

from __future__ import annotations

from collections.abc import Iterable
from email.headerregistry import Address

from debonair.settings.mail_addresses import split_mailbox

Mailbox = str | Address
"""``ann@example.org``, ``Ann Example <ann@example.org>``, or the Address of ``email.headerregistry``."""


def address_of(mailbox: Mailbox, where: str) -> Address:
    """Return a mailbox, checked.

    :param where: what it is given as, for the message.
    :raises ValueError: when it is malformed. :raises TypeError: when it is of another type.
    """
    if isinstance(mailbox, Address):
        mailbox = f"{mailbox.display_name} <{mailbox.addr_spec}>"
    if not isinstance(mailbox, str):
        raise TypeError(f"{where} is a text such as ann@example.org, and not {type(mailbox).__name__}")
    try:
        name, address = split_mailbox(mailbox)
    except ValueError as error:
        raise ValueError(f"{where}: {mailbox[:100]!r} {error}") from None
    return Address(name, addr_spec=address)


def addresses_of(mailboxes: Mailbox | Iterable[Mailbox], where: str) -> tuple[Address, ...]:
    """Return one mailbox or several, checked; a text is one mailbox.

    :raises ValueError: and TypeError, as :func:`address_of`.
    """
    if isinstance(mailboxes, str | Address):
        mailboxes = (mailboxes,)
    return tuple(address_of(mailbox, where) for mailbox in mailboxes)
