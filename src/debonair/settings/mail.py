"""The section ``[mail]``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from debonair.settings.hosts import check_host, is_address
from debonair.settings.mail_addresses import check_mailbox
from debonair.settings.options import option
from debonair.settings.section import Section
from debonair.settings.value_types import Duration, Size

STARTTLS = "starttls"
IMPLICIT = "implicit"


def _check_host(host: str) -> None:
    if host:
        check_host(host)


def _unfit_for_production(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the values of the section together: an option and a message."""
    host = given.get("host", "")
    if given.get("sender") and not host:
        yield "sender", "no mail can be sent in production without [mail] host: set it, or leave sender out"
    if given.get("user") and given.get("tls") == "none" and not _is_this_machine(host):
        yield "user", f"the password would go to {host} without encryption: set tls to starttls or implicit"


def _is_this_machine(host: str) -> bool:
    return host in ("localhost", "::1") or (host.startswith("127.") and is_address(host))


class MailSection(Section, name="mail", unfit_for_production=_unfit_for_production):
    """Mail that the worker sends."""

    host = option(
        str, default="", check=_check_host,
        help="The SMTP server that accepts the service's mail. Without it, mail is a file in the state "
        "directory and a line in the log; production needs it.",
    )  # fmt: skip
    port = option(
        int, default=587, min=1, max=65535,
        help="Its port: usually 587 with starttls, 465 with implicit, 25 with none.",
    )  # fmt: skip
    tls = option(
        str, default=STARTTLS, choices=(STARTTLS, IMPLICIT, "none"),
        help="How the connection is encrypted: after STARTTLS, from its beginning, or not at all.",
    )  # fmt: skip
    ca = option(
        str, default="",
        help="File (PEM) with the authorities that may certify the server; empty for those of the system.",
    )  # fmt: skip
    user = option(str, default="", help="The user as which to log in; empty for no login.")
    password = option(str, default=None, secret=True, help="The password of this user.")
    sender = option(
        str, default=lambda service: "" if service.production else f"{service.name}@localhost",
        default_help="none in production, <service>@localhost in development", check=check_mailbox,
        help="The sender of mail that names no other, such as Orders <orders@example.org>.",
    )  # fmt: skip
    timeout = option(
        Duration, default="1m", min="100ms", max="10m",
        help="Longest time to wait for each response of the server.",
    )  # fmt: skip
    max_size = option(
        Size, default="10MiB", min="1KiB", max="100MiB",
        help="The largest message, attachments included, as it is sent: they take 4 bytes for each 3.",
    )  # fmt: skip
