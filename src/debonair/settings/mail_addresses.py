"""The check of an option that holds the address of a mailbox; code that sends mail uses it too."""

from __future__ import annotations

import re

from debonair.settings.hosts import check_host

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = rf"{_ATOM}(\.{_ATOM})*"
_LONGEST_LOCAL_PART = 64
_LONGEST_ADDRESS = 254
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"


def is_one_line(text: str) -> bool:
    """Return whether a text can be the value of a header: no line breaks, controls or lone surrogates."""
    return re.search(_CONTROL, text) is None


def split_mailbox(text: str) -> tuple[str, str]:
    """Return the name and the address of ``ann@example.org`` or ``Ann Example <ann@example.org>``.

    The name may hold any character and needs no quotes: the address stands between the last ``<`` and ``>``.
    A domain that is not ASCII is returned in its ASCII form (IDNA). Text in quotes before the ``@``, comments
    and literal IP addresses, which RFC 5322 allows, are refused.

    :raises ValueError: when the text is no such mailbox; the message continues "'the text' …".
    """
    if not is_one_line(text):
        raise ValueError("has a line break or another control character, which no address has")
    name, bracket, address = text.strip().rpartition("<")
    if bracket:
        if not address.endswith(">"):
            raise ValueError("has no > at its end: write Ann Example <ann@example.org>")
        address = address[:-1]
    local, at, domain = address.rpartition("@")
    if not at:
        raise ValueError("is not an address such as ann@example.org")
    if not re.fullmatch(_LOCAL_PART, local) or len(local) > _LONGEST_LOCAL_PART:
        raise ValueError("is not one address with letters, digits and .!#$%&'*+/=?^_`{|}~- before the @")
    address = f"{local}@{_ascii(domain)}"
    if len(address) > _LONGEST_ADDRESS:
        raise ValueError(f"has an address of more than {_LONGEST_ADDRESS} characters")
    return _unquoted(name.strip()), address


def check_mailbox(text: str) -> None:
    """Accept an empty text, or a mailbox as :func:`split_mailbox` does.

    :raises ValueError: when it is neither; the message continues "'the text' …".
    """
    if text:
        split_mailbox(text)


def _ascii(domain: str) -> str:
    try:
        domain = domain.encode("idna").decode() if not domain.isascii() else domain
        check_host(domain)
        return domain
    except ValueError:
        raise ValueError(f"has the domain {domain!r}, which is none") from None


def _unquoted(name: str) -> str:
    if len(name) > 1 and name[0] == name[-1] == '"':
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name
