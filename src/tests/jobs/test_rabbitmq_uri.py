"""The URI of RabbitMQ: one for each host, faults that ``check-config`` reports, and the password."""

from __future__ import annotations

import importlib.util

import pytest

from debonair.settings.broker_uri import brokers, check_broker_uri
from debonair.testing import settings_for
from debonair.worker.rabbitmq_connection import parameters_of


def test_each_host_of_the_uri_is_a_broker() -> None:
    assert brokers("amqp://me:secret@one,two:5673,[::1]/jobs?heartbeat=5") == [
        "amqp://me:secret@one/jobs?heartbeat=5",
        "amqp://me:secret@two:5673/jobs?heartbeat=5",
        "amqp://me:secret@[::1]/jobs?heartbeat=5",
    ]


def test_password_that_is_apart_from_the_uri_is_used() -> None:
    [one, two] = parameters_of("amqps://me@one,two:5673/%2fjobs", "top/secret", "orders worker")
    assert (one.host, one.port, two.host, two.port) == ("one", 5671, "two", 5673)
    assert (one.credentials.username, one.credentials.password) == ("me", "top/secret")
    assert one.virtual_host == "/jobs" and one.ssl_options is not None


def test_password_of_the_uri_comes_first_and_may_be_escaped() -> None:
    [only] = parameters_of("amqp://me:a%40b%2fc@one", "other", "orders worker")
    assert only.credentials.password == "a@b/c" and only.virtual_host == "/" and only.heartbeat == 20


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("http://one", "is not a URI such as amqp://"),
        ("amqp://me:a@b@one/", "is not a URI such as amqp://"),
        ("amqp://me:secret@one,,two/", "has the host '', which is empty"),
        ("amqp://me:secret@one:70000/", "has no valid host and port in 'one:70000'"),
        ("amqp://me:secret@one/v?hearbeat=5", "has the parameter 'hearbeat'; known are heartbeat"),
        ("amqp://me:secret@one/v?heartbeat=often", "has no valid value of the parameter 'heartbeat'"),
    ],
)
def test_fault_of_the_uri_is_reported_without_the_password(uri: str, fault: str) -> None:
    with pytest.raises(ValueError, match=r"\[jobs\] broker") as raised:
        settings_for("orders", jobs={"broker": uri})
    assert fault in str(raised.value)
    assert "secret" not in str(raised.value)


def test_missing_extra_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs the package pika: install debonair\[rabbitmq\]"):
        check_broker_uri("amqp://one")
