"""From files, environment and command line to settings; every fault with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from debonair import config, rooms
from debonair.errors import ConfigError
from debonair.names import Service
from debonair.settings import (
    DatabaseSection,
    LogSection,
    Section,
    ServerSection,
    has_instances,
    name_of,
    option,
    options_of,
    values_of,
)

Load = Callable[..., config.Configuration]


def value(configuration: config.Configuration, section: str, key: str) -> Any:
    return next(values_of(item)[key] for item in configuration.settings if name_of(item) == section)


def test_layers_are_laid_one_over_the_other(load: Load, package: Path) -> None:
    (package / "default_config.ini").write_text("[server]\nport = 1\nhost = a\nworkers = 3\nthreads = 3\n")
    configuration = load(
        "[server]\nport = 2\nhost = b\nworkers = 4\n",
        {"ORDERS_SERVER_PORT": "3", "ORDERS_SERVER_HOST": "c"},
        "server.port=4",
    )
    server = configuration.settings[ServerSection]
    assert (server.port, server.host, server.workers, server.threads) == (4, "c", 4, 3)
    assert server.backlog == 2048
    origins = {key: configuration.origins["server", key] for key in values_of(server)}
    assert origins["port"] == "command line"
    assert origins["host"] == "environment ORDERS_SERVER_HOST"
    assert origins["workers"].endswith("config.ini:4")
    assert origins["threads"].endswith("default_config.ini:5")
    assert origins["backlog"] == "default"


@pytest.mark.parametrize("item", ["port=1", "server.port", "sever.port=1", "server.prot=1"])
def test_misspelt_command_line_is_a_fault(faults: Any, item: str) -> None:
    assert faults("", {}, item)[0].startswith("command line: ")


class Client(Section, name="client", instances=True):
    """A service that is called."""

    url = option(str, help="Where it is.")
    retries = option(int, default=3, help="How often it is tried again.")


def test_section_with_instances_has_as_many_as_the_file_names(tmp_path: Path) -> None:
    file = tmp_path / "config.ini"
    file.write_text("[client:stock]\nurl = http://stock/\n[client:mail]\nurl = http://mail/\nretries = 0\n")
    environ = {"DEBONAIR_CLIENT_STOCK_RETRIES": "9"}
    service, sections = Service.of("debonair"), rooms.sections((), [Client])
    settings = config.load(service, sections, file=file, environ=environ).settings
    clients = settings.instances(Client)
    assert {name: (client.url, client.retries) for name, client in clients.items()} == {
        "stock": ("http://stock/", 9),
        "mail": ("http://mail/", 0),
    }
    file.write_text("[client:stock]\nretires = 1\n[client]\n[clinet:x]\n")
    with pytest.raises(ConfigError) as raised:
        config.load(service, sections, file=file, environ={})
    messages = [fault.message for fault in raised.value.faults]
    assert "unknown key 'retires' in [client:stock]: did you mean 'retries'?" in messages
    assert "unknown section [client]: did you mean 'client:NAME'?" in messages
    assert any("[client:stock] url is required" in message for message in messages)
    assert "#[client:NAME]" in config.sample(service, sections)


def test_required_value_that_is_missing_is_a_fault(tmp_path: Path) -> None:
    class Needy(Section, name="needy"):
        key = option(str, help="The key of the vault.")

    with pytest.raises(ConfigError) as raised:
        config.load(Service.of("debonair"), rooms.sections((), [Needy]), environ={})
    assert "[needy] key is required: the key of the vault. Or set DEBONAIR_NEEDY_KEY." in str(raised.value)


def test_equal_files_have_equal_digests_whatever_their_comments(load: Load) -> None:
    first = load("[server]\nport = 80\nworkers = 1\n").digest
    assert load("# changed\n[server]\nworkers=1\nport=80\n").digest == first
    assert load("[server]\nport = 81\nworkers = 1\n").digest != first
    assert load("[server]\nport = 80\nworkers = 1\n", {"ORDERS_SERVER_PORT": "9"}).digest == first


def test_environment_decides_paths(load: Load) -> None:
    configuration = load("[service]\nenvironment = production\n")
    assert configuration.settings[DatabaseSection].uri == "sqlite:////var/lib/orders/orders.db"
    assert configuration.settings[LogSection].file == "/var/log/orders/orders.log"
    assert str(configuration.service.runtime_directory()) == "/run/orders"
    beside = load("").settings[DatabaseSection].uri
    assert beside.endswith("/checkout/instance/orders.db")


def test_sample_is_in_order_and_names_every_option(orders: ModuleType, load: Load) -> None:
    sections = rooms.sections(*rooms.declared(orders))
    text = config.sample(Service.of("orders"), sections)
    load(text)
    uncommented = "\n".join(
        line[1:] if line.startswith("#") and " = " in line and not line.startswith("# ") else line
        for line in text.splitlines()
    )
    load(uncommented)
    for section in sections:
        title = f"{name_of(section)}:NAME" if has_instances(section) else name_of(section)
        assert f"[{title}]" in text
        for key, item in options_of(section).items():
            assert f"#{key} =" in text
            assert item.help in text


def test_shown_values_have_origins_and_no_secrets(load: Load) -> None:
    configuration = load("[orders]\napi_token = hush\n[database]\nuri = postgresql://u:hush@h/d\n")
    shown = "\n".join(config.shown(configuration, lambda *parts: " ".join(parts)))
    assert "hush" not in shown
    assert "postgresql://u:********@h/d" in shown
    assert "config.ini:2" in shown


def test_secret_may_be_in_a_file_of_its_own(load: Load, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("hush $ %\n")
    configuration = load(f"[orders]\napi_token_file = {secret}\n")
    assert value(configuration, "orders", "api_token") == "hush $ %"
    assert configuration.origins["orders", "api_token"].endswith("config.ini:2")
    assert load("", {"ORDERS_ORDERS_API_TOKEN_FILE": str(secret)}).settings is not None
    before = configuration.digest
    secret.write_text("another\n")
    assert load(f"[orders]\napi_token_file = {secret}\n").digest != before


def test_secret_from_a_file_that_is_missing_or_no_secret_is_a_fault(faults: Any, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert faults(f"[orders]\napi_token_file = {missing}\n") == [
        "config.ini:2: api_token_file: missing cannot be read: no such file or directory"
    ]
    assert "known" in faults("[orders]\npage_size_file = /x\n")[0]
    assert "keep one of the two" in faults("[orders]\napi_token = x\napi_token_file = /dev/null\n")[0]


def test_credential_of_systemd_is_a_layer_of_its_own(load: Load, faults: Any, tmp_path: Path) -> None:
    directory = tmp_path / "credentials"
    directory.mkdir()
    (directory / "orders.api_token").write_text("hush\n")
    (directory / "unrelated").write_text("x")
    (directory / "other.key").write_text("x")
    environ = {"CREDENTIALS_DIRECTORY": str(directory)}
    configuration = load("[orders]\napi_token = from-file\n", environ)
    assert value(configuration, "orders", "api_token") == "hush"
    assert configuration.origins["orders", "api_token"] == "credential orders.api_token"
    (directory / "orders.api_tokn").write_text("hush\n")
    assert faults("", environ) == [
        "credential orders.api_tokn: unknown key 'api_tokn' in [orders]: did you mean 'api_token'?"
    ]


def test_value_of_a_secret_is_in_no_fault(faults: Any) -> None:
    found = faults("[flask]\nSECRET_KEY = ${hush}\n[orders]\napi_tokn = hush2\n", {}, "flask.SECRET_KY=hush3")
    assert len(found) == 3
    assert not any("hush2" in fault or "hush3" in fault for fault in found)


def test_text_that_is_not_utf8_is_a_fault(faults: Any) -> None:
    assert faults("", {"ORDERS_LOG_FILE": "/x\udcff"}, "orders.colors=\udcff") == [
        "environment ORDERS_LOG_FILE: file: is not text in UTF-8",
        "command line: colors: is not text in UTF-8",
    ]


def test_sample_has_no_password_of_the_package(orders: ModuleType, package: Path) -> None:
    (package / "default_config.ini").write_text("[database]\nuri = postgresql://me:hush@host/db\n")
    text = config.sample(Service.of("orders"), rooms.sections(*rooms.declared(orders)))
    assert "#uri = postgresql://me:********@host/db" in text
    assert "hush" not in text
