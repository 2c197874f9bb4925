"""The values of headers, encoded (RFC 2047) and folded (RFC 5322).

Python's own folding of new headers, up to 3.13, doubles blanks in long values that are not ASCII, and takes
``=?utf-8?q?...?=`` in a text for an encoded word. So values are written here and kept as they are.
Python's reading of long names, such as in ``message["To"]``, adds blanks too.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.header import Header
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import formataddr

POLICY = SMTP.clone(cte_type="7bit", refold_source="none")
"""How messages are written: in ASCII, since a server on the way may accept nothing else."""

_LINE = 76
_LONGEST_WORD = 60


def text(value: str, name: str) -> str:
    """Return the value of a header with a text.

    :param value: the text, without line breaks. :param name: the name of the header.
    """
    return Header(value, "us-ascii" if _is_plain(value) else "utf-8", _LINE, name).encode()


def mailboxes(addresses: Iterable[Address]) -> str:
    """Return the value of a header with mailboxes."""
    return ",\n ".join(map(_mailbox, addresses))


def _mailbox(address: Address) -> str:
    name = address.display_name
    if _is_plain(name):
        return formataddr((name, address.addr_spec))
    return f"{Header(name, 'utf-8', _LINE).encode()}\n <{address.addr_spec}>"


def _is_plain(value: str) -> bool:
    """Return whether a text is the same after it was folded at its blanks."""
    words = value.split(" ")
    kept = value.isascii() and "=?" not in value and (all(words) or not value)
    return kept and all(len(word) <= _LONGEST_WORD for word in words)
