"""A message is checked, and its delivery enqueued with the data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from email import message_from_string
from email.message import EmailMessage
from email.policy import compat32, default
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import debonair
from debonair.errors import CommandError
from debonair.mail.files import write
from tests.mail.conftest import rows, states, work
from tests.support import ROOT, chassis_settings


def written(**headers: str) -> EmailMessage:
    """Return a message that was made without templates."""
    message = EmailMessage()
    for name, value in {"From": "me@example.org", "To": "ann@example.org", **headers}.items():
        message[name] = value
    message.set_content("Hi.\n")
    return message


def enqueued(app: Flask) -> list[dict[str, Any]]:
    return [json.loads(row.arguments) for row in rows(app)]


def test_delivery_exists_when_the_transaction_is_committed(orders_app: Flask) -> None:
    debonair.send_mail(written())
    debonair.db.session.rollback()
    assert rows(orders_app) == []
    debonair.send_mail(written())
    debonair.db.session.commit()
    assert [row.name for row in rows(orders_app)] == ["debonair.mail.deliver"]


def test_message_travels_with_its_envelope_and_without_bcc(orders_app: Flask) -> None:
    message = written(Cc="bob@example.org, Ann <ann@example.org>", Bcc="eve@example.org, x@example.org")
    debonair.send_mail(message)
    debonair.db.session.commit()
    (arguments,) = enqueued(orders_app)
    assert arguments["sender"] == "me@example.org"
    assert arguments["recipients"] == [
        "ann@example.org", "bob@example.org", "eve@example.org", "x@example.org"
    ]  # fmt: skip
    assert "eve" not in arguments["message"]
    assert arguments["message"].endswith("\r\n\r\nHi.\r\n")
    assert message["Bcc"] == "eve@example.org, x@example.org"


def test_header_sender_gets_the_reports_of_failures(orders_app: Flask) -> None:
    debonair.send_mail(written(Sender="Robot <robot@example.org>"))
    debonair.db.session.commit()
    assert enqueued(orders_app)[0]["sender"] == "robot@example.org"


def test_date_and_message_id_are_set_once(orders_app: Flask) -> None:
    message = written()
    debonair.send_mail(message)
    first = (message["Date"], message["Message-ID"])
    debonair.send_mail(message)
    assert first == (message["Date"], message["Message-ID"])
    assert str(first[1]).endswith("@example.org>")


def test_message_with_a_key_is_sent_once(orders_app: Flask) -> None:
    first = debonair.send_mail(written(), once="receipt-7")
    second = debonair.send_mail(written(), once="receipt-7")
    debonair.db.session.commit()
    assert (first.new, second.new) == (True, False)
    assert len(rows(orders_app)) == 1


def test_message_may_wait(orders_app: Flask) -> None:
    debonair.send_mail(written(), delay="10m")
    debonair.db.session.commit()
    assert states(orders_app) == ["waiting"]


def test_message_that_was_parsed_can_be_sent(orders_app: Flask) -> None:
    text = (
        "From: me@example.org\nTo: \"Bob, the first\" <bob@example.org>,\n\tann@example.org\n"
        "Subject: a\n b\n\nHi.\n"
    )  # fmt: skip
    for policy in (default, compat32):
        debonair.send_mail(message_from_string(text, EmailMessage, policy=policy))
    debonair.db.session.commit()
    for arguments in enqueued(orders_app):
        assert arguments["recipients"] == ["bob@example.org", "ann@example.org"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Subject", "Hello\r\nBcc: eve@example.net"),
        ("Subject", "Hello\nBcc: eve@example.net"),
        ("Subject", "=?utf-8?q?Hello=0D=0ABcc:_eve@example.net?="),
        ("X-Order", "7\r\nBcc: eve@example.net"),
        ("X-Order\r\nBcc", "eve@example.net"),
        ("X Order", "7"),
    ],
)
def test_header_with_a_line_break_is_refused(orders_app: Flask, name: str, value: str) -> None:
    message = written()
    message.set_raw(name, value)
    with pytest.raises(ValueError, match=r"has a line break|not the name of a header"):
        debonair.send_mail(message)


def test_header_of_a_part_is_checked_too(orders_app: Flask) -> None:
    message = written()
    message.add_attachment("a", filename="a.txt")
    next(message.iter_attachments()).set_raw("X-Order", "7\r\n\r\nmore")
    with pytest.raises(ValueError, match="X-Order has a line break"):
        debonair.send_mail(message)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"To": ""}, "no recipients"),
        ({"From": ""}, "no sender"),
        ({"To": "ann"}, "To: 'ann' is not an address"),
        ({"Cc": "ann@example.org, bob@-"}, "Cc: "),
        ({"From": "zoë@example.org"}, "From: "),
    ],
)
def test_message_without_an_envelope_is_refused(
    orders_app: Flask, headers: dict[str, str], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        debonair.send_mail(written(**headers))


def test_message_has_a_largest_size(make_orders: Callable[..., Flask]) -> None:
    message = written()
    message.add_attachment(b"x" * 3000, maintype="image", subtype="png", filename="x.png")
    with make_orders(max_size="4KiB").app_context():
        with pytest.raises(ValueError, match=r"bytes, more than \[mail\] max_size = 4KiB"):
            debonair.send_mail(message)
        debonair.send_mail(written())


def test_line_that_is_too_long_for_smtp_is_refused(orders_app: Flask) -> None:
    message = written()
    message.set_payload("x" * 999)
    with pytest.raises(ValueError, match="longer than 998 characters"):
        debonair.send_mail(message)


def test_production_without_a_server_is_an_error_at_once(make_orders: Callable[..., Flask]) -> None:
    with make_orders("production").app_context(), pytest.raises(CommandError, match=r"set \[mail\] host"):
        debonair.send_mail(written())


def test_service_without_jobs_is_told_how_to_get_them(
    make_orders: Callable[..., Flask], service: Path
) -> None:
    (service / "jobs.py").unlink()
    with make_orders().app_context(), pytest.raises(CommandError, match=r"declare them in its module"):
        debonair.send_mail(written())


def test_development_without_a_server_writes_a_file_and_logs(
    orders_app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    message = debonair.render_email(
        "receipt", to="ann@example.org", bcc="bob@example.org", name="Ann", number=7, price="5 €"
    )
    debonair.send_mail(message)
    debonair.db.session.commit()
    work(orders_app)
    assert states(orders_app) == ["done"]
    (path,) = Path(orders_app.instance_path, "mail").iterdir()
    assert path.suffix == ".eml"
    found = message_from_string(path.read_text(), policy=default)
    assert (found["To"], found["Subject"]) == ("ann@example.org", "Your order 7")
    assert f"No [mail] host: mail to ann@example.org, bob@example.org is in {path}" in caplog.text
    assert "Subject: Your order 7\n\nDear Ann,\n\nyour order 7 costs 5 €." in caplog.text


def test_message_that_is_written_again_is_the_same_file(tmp_path: Path) -> None:
    text = "Date: Mon, 30 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nHi.\r\n"
    assert write(str(tmp_path), text, []) == write(str(tmp_path), text, [])
    assert [path.name[:16] for path in (tmp_path / "mail").iterdir()] == ["20261130-100000-"]


@pytest.mark.parametrize("jobs", [False, True])
def test_mail_that_is_not_used_is_not_imported(service: Path, jobs: bool) -> None:
    unused = {"smtplib", "debonair.mail.rendering", "debonair.mail.sending"}
    if not jobs:
        (service / "jobs.py").unlink()
        unused.add("debonair.mail.delivery")
    program = (
        "import sys; from debonair.testing import settings_for; import orders.application as orders;"
        "orders.create_app(settings_for('orders', database={'uri': 'sqlite://'}));"
        f"sys.exit(' '.join({unused} & set(sys.modules)) or 0)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{service.parent}:{ROOT / 'src'}"}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_server_of_mail_that_is_away_does_not_change_health() -> None:
    app = debonair.create_app(
        "debonair", chassis_settings(database={"uri": "sqlite://"}, mail={"host": "nowhere.invalid"})
    )
    assert "mail" not in debonair.monitor_of(app).run_once()["checks"]
