"""The section ``[mail]``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from debonair import config, rooms
from debonair.errors import ConfigError
from debonair.names import Service
from debonair.settings import MailSection

PRODUCTION = "[service]\nenvironment = production\n[mail]\n"


@pytest.fixture
def faults(package: Path, tmp_path: Path) -> Callable[[str], list[str]]:
    """A function that returns the faults of a configuration."""

    def do(text: str) -> list[str]:
        file = tmp_path / "config.ini"
        file.write_text(text)
        try:
            config.load(Service.of("orders"), rooms.sections(), file=file, environ={})
        except ConfigError as error:
            return [str(fault).replace(f"{tmp_path}/", "") for fault in error.faults]
        return []

    return do


Faults = Callable[[str], list[str]]


def test_sender_without_a_server_is_a_fault_in_production_only(faults: Faults) -> None:
    assert faults(PRODUCTION + "sender = orders@example.org\n") == [
        "config.ini:4: sender: no mail can be sent in production without [mail] host: "
        "set it, or leave sender out"
    ]
    assert faults("[mail]\nsender = orders@example.org\n") == []
    assert faults(PRODUCTION + "sender = orders@example.org\nhost = smtp.example.org\n") == []


def test_password_without_encryption_is_a_fault_in_production(faults: Faults) -> None:
    text = PRODUCTION + "host = {}\nuser = orders\npassword = secret\ntls = {}\n"
    (fault,) = faults(text.format("smtp.example.org", "none"))
    assert fault.startswith(
        "config.ini:5: user: the password would go to smtp.example.org without encryption"
    )
    assert faults(text.format("smtp.example.org", "starttls")) == []
    for host in ("localhost", "127.0.0.1", "::1"):
        assert faults(text.format(host, "none")) == []


def test_faulty_option_is_reported_alone(faults: Faults) -> None:
    (fault,) = faults(PRODUCTION + "sender = orders@example.org\nhost = smtp example\n")
    assert fault.startswith("config.ini:5: host: 'smtp example'")


def test_secret_is_not_shown() -> None:
    assert "hush" not in repr(MailSection(Service("orders", Path()), password="hush"))


@pytest.mark.parametrize("sender", ["orders", "Orders <orders@example.org", "a@example.org, b@example.org"])
def test_malformed_sender_is_a_fault(faults: Faults, sender: str) -> None:
    (fault,) = faults(f"[mail]\nsender = {sender}\n")
    assert fault.startswith(f"config.ini:2: sender: '{sender}' ")


def test_sender_in_development_is_the_service() -> None:
    service = Service("orders", Path(), environment="development")
    assert MailSection(service).sender == "orders@localhost"
    assert MailSection(service.in_environment("production")).sender == ""
