"""The fixture ``outbox`` of a service's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

import debonair
from debonair.errors import CommandError
from debonair.testing import rolled_back
from debonair.testing.outbox import Outbox, collecting
from tests.mail.conftest import work
from tests.mail.smtp_server import free_port


@pytest.fixture
def outbox(make_orders: Callable[..., Flask]) -> Iterator[Outbox]:
    """The outbox of a test of the service, with a server that nobody must reach."""
    app = make_orders(host="127.0.0.1", port=free_port())
    with rolled_back(app), collecting(app) as found:
        yield found


def send(**changed: Any) -> None:
    values = {"to": "ann@example.org", "name": "Ann", "number": 7, "price": "5 €", **changed}
    debonair.send_mail(debonair.render_email("receipt", **values))


def test_outbox_is_empty_until_something_is_sent(outbox: Outbox) -> None:
    assert outbox == []
    send()
    debonair.db.session.commit()
    assert len(outbox) == 1


def test_messages_are_in_their_order_and_as_they_were_rendered(outbox: Outbox) -> None:
    send(number=1)
    send(number=2, bcc="eve@example.org", attachments=[("a.csv", b"a\r\nb", "text/csv")])
    debonair.db.session.commit()
    first, second = outbox
    assert [message["Subject"] for message in outbox[:2]] == ["Your order 1", "Your order 2"]
    assert first.get_body(("plain",)).get_content() == "Dear Ann,\n\nyour order 1 costs 5 €.\n"
    assert "<b>5 €</b>" in first.get_body(("html",)).get_content()
    assert (first["Bcc"], second["Bcc"]) == (None, "eve@example.org")
    assert [part.get_filename() for part in second.iter_attachments()] == ["a.csv"]
    assert repr(outbox) == "[<to ann@example.org: Your order 1>, <to ann@example.org: Your order 2>]"


def test_message_of_a_transaction_that_is_rolled_back_is_not_in_it(outbox: Outbox) -> None:
    send(number=1)
    debonair.db.session.commit()
    send(number=2)
    debonair.db.session.rollback()
    assert [message["Subject"] for message in outbox] == ["Your order 1"]


def test_nothing_is_delivered(make_orders: Callable[..., Flask]) -> None:
    app = make_orders(host="127.0.0.1", port=free_port())
    with app.app_context(), collecting(app) as outbox:
        send()
        debonair.db.session.commit()
        work(app)
        assert len(outbox) == 1


def test_tests_of_an_installed_service_need_no_settings_of_mail(make_orders: Callable[..., Flask]) -> None:
    app = make_orders("production", sender="")
    with app.app_context(), collecting(app) as outbox:
        send()
        assert [message["From"] for message in outbox] == ["sender@localhost"]
    with app.app_context(), pytest.raises(CommandError, match=r"\[mail\] host"):
        send(sender="me@example.org")


def test_service_without_jobs_has_no_outbox(make_orders: Callable[..., Flask], service: Any) -> None:
    (service / "jobs.py").unlink()
    with pytest.raises(CommandError, match="has no jobs"), collecting(make_orders()):
        pass
