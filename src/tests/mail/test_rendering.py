"""Messages out of templates."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.policy import default
from pathlib import Path
from typing import Any

import jinja2
import pytest
from flask import Flask

import debonair

VALUES = {"name": "Ann", "number": 7, "price": "5 €"}


def receipt(**changed: Any) -> Any:
    return debonair.render_email("receipt", **{"to": "ann@example.org", **VALUES, **changed})


def sent(message: Any) -> Any:
    """Return a message as the recipient reads it."""
    return message_from_bytes(message.as_bytes(), policy=default)


def decoded(message: Any, name: str) -> str:
    """Return the value of a header as a mail program decodes it (RFC 2047)."""
    value = dict(message.raw_items())[name]
    if "=?" in value:
        return str(make_header(decode_header(value)))
    return re.sub(r"\r?\n ", " ", value).lstrip()


def body(message: Any, kind: str = "plain") -> str:
    return str(message.get_body((kind,)).get_content()).replace("\r\n", "\n")


@pytest.fixture(autouse=True)
def _context(unmigrated: Flask) -> None:
    """Run each test in the context of the application."""


def test_message_has_text_html_and_a_subject_from_the_templates() -> None:
    message = sent(receipt())
    assert message["Subject"] == "Your order 7"
    assert body(message) == "Dear Ann,\n\nyour order 7 costs 5 €.\n"
    assert body(message, "html") == "<p>Dear Ann, your order 7 costs <b>5 €</b>.</p>\n"
    assert message.get_content_type() == "multipart/alternative"


def test_message_without_a_template_of_html_is_text_alone() -> None:
    message = sent(debonair.render_email("plain", to="ann@example.org", subject="Hello", text="Hi."))
    assert message.get_content_type() == "text/plain"
    assert (message["Subject"], body(message)) == ("Hello", "Hi.\n")


def test_values_are_escaped_in_html_and_not_in_text() -> None:
    message = sent(receipt(name="<b>Ann & Bob</b>"))
    assert "Dear <b>Ann & Bob</b>," in body(message)
    assert "Dear &lt;b&gt;Ann &amp; Bob&lt;/b&gt;," in body(message, "html")


def test_message_is_from_the_configured_sender_and_dated() -> None:
    message = sent(receipt())
    assert message["From"] == "Orders <orders@example.org>"
    assert abs(message["Date"].datetime - datetime.now(UTC)) < timedelta(minutes=5)
    assert message["Auto-Submitted"] == "auto-generated"


def test_message_id_is_unique_and_of_the_domain_of_the_sender() -> None:
    ids = {str(receipt(sender=Address("", "me", "shop.example"))["Message-ID"]) for _ in range(100)}
    assert len(ids) == 100
    assert {text.rpartition("@")[2] for text in ids} == {"shop.example>"}


def test_recipients_may_be_one_or_several_with_or_without_a_name() -> None:
    message = sent(
        receipt(
            to=["ann@example.org", "Bob Example <bob@example.org>"],
            cc=Address("Carol, the <third>", "carol", "example.org"),
            reply_to="help@example.org",
        )
    )
    assert message["To"] == "ann@example.org, Bob Example <bob@example.org>"
    assert [address.addr_spec for address in message["To"].addresses] == [
        "ann@example.org",
        "bob@example.org",
    ]
    assert [(address.display_name, address.addr_spec) for address in message["Cc"].addresses] == [
        ("Carol, the <third>", "carol@example.org")
    ]
    assert message["Reply-To"] == "help@example.org"


@pytest.mark.parametrize(
    "name",
    [
        "Zoë",
        "安娜",
        'Ann "the" Example',
        "Ann, Bob",
        "Ann <eve@example.net>",
        "x" * 300,
        "é " * 100,
        "x" * 999,
    ],
)
def test_name_of_a_recipient_may_be_any_line_of_text(name: str) -> None:
    message = sent(receipt(to=f"{name} <ann@example.org>"))
    assert [address.addr_spec for address in message["To"].addresses] == ["ann@example.org"]
    shown = decoded(message, "To").rpartition("<")[0].strip()
    assert re.sub(r"\\(.)", r"\1", shown.strip('"')) == name.strip()


def test_domain_that_is_not_ascii_is_written_in_its_ascii_form() -> None:
    assert str(receipt(to="ann@bücher.example")["To"]) == "ann@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "text", ["Grüße aus Wien ☺", "long " * 400, "word" * 500, "ä " * 500, "=?utf-8?q?x?=", "a   b"]
)
def test_subject_and_text_arrive_as_they_were_given(text: str) -> None:
    message = sent(debonair.render_email("plain", to="ann@example.org", subject=text, text=text))
    assert decoded(message, "Subject") == text.strip()
    assert body(message).rstrip("\n") == text


def test_message_is_ascii_in_lines_that_every_server_accepts() -> None:
    content = receipt(name="ä" * 5000, price="x" * 5000, subject="ß" * 300).as_bytes()
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998


def test_attachments_have_name_type_and_content() -> None:
    files = [
        ("Rechnung für Ann.pdf", b"%PDF\x00\xff\r\n", "application/pdf"),
        ("a.csv", b"a,b\n", "text/csv"),
    ]
    message = sent(receipt(attachments=files))
    found = [
        (part.get_filename(), part.get_payload(decode=True), part.get_content_type())
        for part in message.iter_attachments()
    ]
    assert found == files
    assert body(message, "html").startswith("<p>Dear Ann")


CONTROLS = ["\n", "\r", "\r\n", "\0", "\x0b", "\x1c", "\x85", "\u2028"]
INJECTED = {
    "subject": lambda bad: {"subject": f"Hello{bad}Bcc: eve@example.net"},
    "template": lambda bad: {"number": f"7{bad}Bcc: eve@example.net"},
    "to": lambda bad: {"to": f"ann@example.org{bad}Bcc: eve@example.net"},
    "name": lambda bad: {"to": f"Ann{bad}Bcc: eve@example.net <ann@example.org>"},
    "cc": lambda bad: {"cc": [f"ann@example.org{bad}"]},
    "bcc": lambda bad: {"bcc": f"ann@example.org{bad}"},
    "reply_to": lambda bad: {"reply_to": f"ann@example.org{bad}X: y"},
    "sender": lambda bad: {"sender": f"ann@example.org{bad}X: y"},
    "attachment": lambda bad: {"attachments": [(f"a{bad}X: y.txt", b"", "text/plain")]},
    "media type": lambda bad: {"attachments": [("a.txt", b"", f"text/plain{bad}")]},
}


@pytest.mark.parametrize("bad", CONTROLS, ids=ascii)
@pytest.mark.parametrize("place", INJECTED)
def test_line_break_in_a_header_is_refused(place: str, bad: str) -> None:
    with pytest.raises(ValueError, match=r"line break or another control character|no media type"):
        receipt(**INJECTED[place](bad))


@pytest.mark.parametrize(
    ("mailbox", "message"),
    [
        ("", "is not an address"),
        ("ann", "is not an address such as ann@example.org"),
        ("@example.org", "is not one address"),
        ("ann@", "has the domain '', which is none"),
        ("ann@@example.org", "is not one address"),
        ("ann@example..org", "has the domain 'example..org'"),
        ("ann@-x.org", "has the domain"),
        ("ann@exa mple.org", "has the domain"),
        (".ann@example.org", "is not one address"),
        ("a..b@example.org", "is not one address"),
        ("zoë@example.org", "is not one address"),
        ('"a b"@example.org', "is not one address"),
        ("ann@example.org, eve@example.net", "is not one address"),
        ("ann@example.org eve@example.net", "is not one address"),
        ("Ann <ann@example.org", "has no >"),
        ("Ann <ann@example.org> <", "has no >"),
        ("a" * 65 + "@example.org", "is not one address"),
        ("a@" + "b" * 64 + ".org", "has the domain"),
        ("a" * 60 + "@" + ("b" * 60 + ".") * 3 + "example.org", "more than 254"),
    ],
)
def test_malformed_address_is_refused_by_the_name_of_its_argument(mailbox: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^to: ") as raised:
        receipt(to=[mailbox])
    assert message in str(raised.value)


def test_what_is_no_text_is_no_recipient() -> None:
    with pytest.raises(TypeError, match=r"cc is a text such as ann@example.org, and not int"):
        receipt(cc=[7])


def test_attachment_must_be_bytes() -> None:
    with pytest.raises(TypeError, match=r"'a.txt' must be bytes, and not str"):
        receipt(attachments=[("a.txt", "text", "text/plain")])


def test_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="'name' is undefined"):
        debonair.render_email("receipt", to="ann@example.org", number=7)


def test_template_that_is_missing_is_named() -> None:
    with pytest.raises(jinja2.TemplateNotFound, match=r"mail/nothing\.txt"):
        debonair.render_email("nothing", to="ann@example.org", subject="Nothing")


def test_template_that_the_html_lacks_is_an_error(service: Path) -> None:
    (service / "templates" / "mail" / "receipt.html").write_text('{% extends "mail/base.html" %}')
    with pytest.raises(jinja2.TemplateNotFound, match=r"mail/base\.html"):
        receipt()


def test_template_sees_what_context_processors_add(unmigrated: Flask) -> None:
    unmigrated.context_processor(lambda: {"text": "From the shop."})
    message = debonair.render_email("plain", to="ann@example.org", subject="Hello")
    assert body(message) == "From the shop.\n"


def test_message_needs_a_sender_in_production(make_orders: Callable[..., Flask]) -> None:
    with (
        make_orders("production", migrated=False, sender="").app_context(),
        pytest.raises(ValueError, match=r"no sender: set \[mail\] sender, or give sender="),
    ):
        receipt()
