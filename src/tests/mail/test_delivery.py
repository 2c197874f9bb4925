"""Delivery to real SMTP servers: those that accept, refuse, encrypt, hang, are away and come back."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

import pytest
import trustme
from flask import Flask

import debonair
from tests.mail.conftest import rows, states, work, work_at_once
from tests.mail.smtp_server import PASSWORD, USER, authenticate, context, free_port, smtp_server


@pytest.fixture
def send(make_orders: Callable[..., Flask]) -> Callable[..., Flask]:
    """A function that enqueues a message for a server, and returns the application."""

    def do(settings: dict[str, Any], to: str = "ann@example.org", **changed: Any) -> Flask:
        app = make_orders(**settings)
        with app.app_context():
            values = {"name": "Ann", "number": 7, "price": "5 €", **changed}
            debonair.send_mail(debonair.render_email("receipt", to=to.split(), **values))
            debonair.db.session.commit()
        return app

    return do


Send = Callable[..., Flask]

# aiosmtpd does not count TLS from the beginning of a connection as TLS.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")


def errors(app: Flask) -> list[str | None]:
    return [row.error and row.error.strip().rpartition("\n")[2] for row in rows(app)]


def test_message_is_delivered_as_it_was_rendered(server: Any, send: Send) -> None:
    files = [("Rechnung für Ann.pdf", b"%PDF\x00\xff", "application/pdf")]
    app = send(server.settings, "Zoë<zoe@example.org>", subject="Grüße", attachments=files,
               price="\n.\n..\n" + "x" * 2000)  # fmt: skip
    work(app)
    assert states(app) == ["done"]
    (accepted,) = server.handler.accepted
    assert (accepted.sender, accepted.recipients) == ("orders@example.org", ["zoe@example.org"])
    message = accepted.message
    assert (message["Subject"], message["To"].addresses[0].display_name) == ("Grüße", "Zoë")
    text = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert "\n.\n..\n" + "x" * 2000 in text
    (attachment,) = message.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == files[0][:2]


def test_hidden_recipients_are_in_the_envelope_only(server: Any, send: Send) -> None:
    work(send(server.settings, cc="bob@example.org", bcc=["eve@example.org"]))
    (accepted,) = server.handler.accepted
    assert accepted.recipients == ["ann@example.org", "bob@example.org", "eve@example.org"]
    assert b"eve@" not in accepted.content


def test_response_that_asks_to_try_later_is_obeyed(server: Any, send: Send) -> None:
    server.handler.responses = {"DATA": ["451 Later"], "MAIL": ["250 OK", "421 Too busy"]}
    app = send(server.settings)
    work(app)
    assert (states(app), server.handler.accepted) == (["waiting"], [])
    assert "451" in str(errors(app)[0])
    work_at_once(app)
    assert states(app) == ["waiting"]
    work_at_once(app)
    assert states(app) == ["done"]
    assert len(server.handler.accepted) == 1


@pytest.mark.parametrize(
    ("responses", "error"),
    [
        ({"MAIL": ["550 Unknown sender"]}, "refuses the sender orders@example.org: 550 Unknown sender"),
        ({"DATA": ["554 No spam"]}, "refuses the message: 554 No spam"),
        ({"ann@example.org": ["550 No such user"]},
         "refuses 1 of 1 recipients: ann@example.org: 550 No such user"),
    ],
)  # fmt: skip
def test_refusal_for_good_is_not_tried_again(
    server: Any, send: Send, responses: dict[str, list[str]], error: str
) -> None:
    server.handler.responses = responses
    app = send(server.settings)
    work(app)
    assert states(app) == ["dead"]
    assert errors(app) == [f"localhost {error}"]


def test_refused_recipients_are_reported_and_the_others_get_it_once(server: Any, send: Send) -> None:
    server.handler.responses = {
        "bob@example.org": ["550 No such user"] * 2,
        "carol@example.org": ["451 Greylisted"],
        "dave@example.org": ["552 Too many recipients"],
    }
    app = send(server.settings, "ann@example.org bob@example.org carol@example.org dave@example.org")
    work(app)
    assert states(app) == ["done", "queued", "waiting"]
    work_at_once(app)
    assert states(app) == ["done", "dead", "done"]
    assert errors(app)[1] == "localhost refuses 1 of 1 recipients: bob@example.org: 550 No such user"
    received = [recipient for accepted in server.handler.accepted for recipient in accepted.recipients]
    assert received == ["ann@example.org", "carol@example.org", "dave@example.org"]
    assert len({str(accepted.message["Message-ID"]) for accepted in server.handler.accepted}) == 1


def test_recipients_that_are_all_refused_differently_are_told_apart(server: Any, send: Send) -> None:
    server.handler.responses = {
        "ann@example.org": ["450 Busy"] * 2,
        "bob@example.org": ["550 No such user"] * 2,
    }
    app = send(server.settings, "ann@example.org bob@example.org")
    work(app)
    work_at_once(app)
    assert states(app) == ["done", "dead", "waiting"]
    work_at_once(app)
    assert states(app) == ["done", "dead", "done"]
    assert [accepted.recipients for accepted in server.handler.accepted] == [["ann@example.org"]]


def test_server_that_closes_among_the_recipients_is_tried_again(server: Any, send: Send) -> None:
    server.handler.responses = {"bob@example.org": ["421 Closing"]}
    app = send(server.settings, "ann@example.org bob@example.org")
    work(app)
    assert states(app) == ["waiting"]
    work_at_once(app)
    assert [accepted.recipients for accepted in server.handler.accepted] == [
        ["ann@example.org", "bob@example.org"]
    ]


def test_how_the_connection_ends_does_not_repeat_a_message(server: Any, send: Send) -> None:
    server.handler.responses = {"QUIT": ["500 What?"]}
    app = send(server.settings)
    work(app)
    assert states(app) == ["done"]


def test_server_that_is_away_delays_mail(send: Send) -> None:
    port = free_port()
    app = send({"host": "localhost", "port": port, "tls": "none"})
    work(app)
    assert states(app) == ["waiting"]
    assert "ConnectionRefusedError" in str(errors(app)[0])
    with smtp_server(port=port) as server:
        work_at_once(app)
        assert states(app) == ["done"]
        assert len(server.handler.accepted) == 1


@contextmanager
def silent_server() -> Iterator[int]:
    """Accept connections and never respond."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_server_that_hangs_delays_mail(send: Send, tls: str) -> None:
    with silent_server() as port:
        app = send({"host": "127.0.0.1", "port": port, "tls": tls, "timeout": "100ms"})
        work(app)
    assert states(app) == ["waiting"]
    assert "timed out" in str(errors(app)[0])


@pytest.fixture
def tls_server(authority: trustme.CA) -> Callable[..., Any]:
    """A function that returns a server with TLS and a login, as a context."""

    def make(tls: str, name: str = "localhost") -> Any:
        options: dict[str, Any] = {"authenticator": authenticate, "auth_required": True}
        if tls == "implicit":
            return smtp_server(ssl_context=context(authority, name), auth_require_tls=False, **options)
        return smtp_server(tls_context=context(authority, name), require_starttls=True, **options)

    return make


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_message_is_delivered_over_tls_with_a_login(
    send: Send, tls_server: Callable[..., Any], tls: str, ca: str
) -> None:
    with tls_server(tls) as server:
        login = {"user": USER, "password": PASSWORD, "tls": tls, "ca": ca}
        app = send({**server.settings, **login})
        work(app)
        assert errors(app) == [None]
        assert len(server.handler.accepted) == 1


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("fault", ["unknown authority", "other name"])
def test_server_that_cannot_prove_its_name_gets_nothing(
    send: Send, tls_server: Callable[..., Any], tls: str, ca: str, fault: str
) -> None:
    with tls_server(tls, "localhost" if fault == "unknown authority" else "other.example") as server:
        trusted = {} if fault == "unknown authority" else {"ca": ca}
        app = send({**server.settings, "tls": tls, "user": USER, "password": PASSWORD, **trusted})
        work(app)
        assert (states(app), server.handler.accepted) == (["waiting"], [])
        assert "CERTIFICATE_VERIFY_FAILED" in str(errors(app)[0])


def test_server_without_starttls_gets_nothing(server: Any, send: Send) -> None:
    app = send({**server.settings, "tls": "starttls"})
    work(app)
    assert (states(app), server.handler.accepted) == (["waiting"], [])
    assert "STARTTLS" in str(errors(app)[0])


def test_wrong_password_delays_mail_until_it_is_corrected(
    send: Send, tls_server: Callable[..., Any], ca: str
) -> None:
    with tls_server("starttls") as server:
        app = send({**server.settings, "tls": "starttls", "ca": ca, "user": USER, "password": "wrong"})
        work(app)
        assert (states(app), server.handler.accepted) == (["waiting"], [])
        assert "535" in str(errors(app)[0])
        assert "wrong" not in str(rows(app)[0].error)


def test_request_does_not_wait_for_the_server(make_orders: Callable[..., Flask]) -> None:
    with silent_server() as port:
        app = make_orders(host="127.0.0.1", port=port, tls="none")

        @app.post("/orders")
        def order() -> tuple[str, int]:
            message = EmailMessage()
            message["From"], message["To"] = "me@example.org", "ann@example.org"
            message.set_content("Hi.")
            debonair.send_mail(message)
            debonair.db.session.commit()
            return "ordered", 201

        assert app.test_client().post("/orders").status_code == 201
        assert states(app) == ["queued"]
