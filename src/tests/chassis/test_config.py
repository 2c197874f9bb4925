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
    name_of,
    option,
    options_of,
    values_of,
)

Load = Callable[..., config.Configuration]


@pytest.fixture
def load(orders: ModuleType, tmp_path: Path) -> Load:
    """Return a function that loads text as the INI file of the service ``orders``."""

    def do(text: str | bytes = "", environ: dict[str, str] | None = None, *overrides: str) -> Any:
        file = tmp_path / "config.ini"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return config.load(
            Service.of("orders"),
            rooms.sections(*rooms.declared(orders)),
            file=file,
            environ=environ or {},
            overrides=overrides,
        )

    return do


@pytest.fixture
def faults(load: Load, tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that loads text and returns its faults, paths shortened to names."""

    def do(*arguments: Any) -> list[str]:
        with pytest.raises(ConfigError) as raised:
            load(*arguments)
        return [str(fault).replace(f"{tmp_path}/", "") for fault in raised.value.faults]

    return do


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


@pytest.mark.parametrize("text", ["0123", "1.10", "no", "off", "pa$word", "50%", "a;b", "a=b: c", "$$"])
def test_text_reaches_the_service_as_it_was_written(load: Load, text: str) -> None:
    written = text.replace("$$", "$$$$")
    assert value(load(f"[orders]\napi_token = {written}\n"), "orders", "api_token") == text


@pytest.mark.parametrize(
    "data",
    [
        b"[server]\nport = 81",
        b"[server]\r\nport = 81\r\n",
        b"\xef\xbb\xbf[server]\nport = 81\n",
        b"# comment\n\n[server]\n  port: 81\n",
    ],
    ids=["no newline at the end", "CRLF", "byte-order mark", "indented, with a colon"],
)
def test_file_of_another_editor_is_read(load: Load, data: bytes) -> None:
    assert load(data).settings[ServerSection].port == 81


def test_list_may_stand_on_several_lines(load: Load) -> None:
    colors = value(load("[orders]\ncolors =\n    green\n    dark blue\n"), "orders", "colors")
    assert colors == ["green", "dark blue"]


def test_environment_variable_is_put_in(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "a$b%c${d}")
    assert value(load("[orders]\napi_token = ${SOME_TOKEN}!\n"), "orders", "api_token") == "a$b%c${d}!"


def test_variable_of_default_is_put_in_and_makes_no_key(load: Load) -> None:
    text = "[DEFAULT]\nbase = gre\n[orders]\ncolors = ${DEFAULT:base}en\n"
    assert value(load(text), "orders", "colors") == ["green"]


def test_extends_fills_and_overrides_replaces(load: Load, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "base.ini").write_text("[server]\nport = 1\nhost = base\n[log]\nlevel = DEBUG\n")
    (tmp_path / "last.ini").write_text("[server]\nworkers = 9\n")
    configuration = load(
        "[DEFAULT]\nextends = shared/base.ini\noverrides = last.ini\n[server]\nport = 2\nworkers = 3\n"
    )
    server = configuration.settings[ServerSection]
    assert (server.port, server.host, server.workers) == (2, "base", 9)
    assert configuration.settings[LogSection].level == "DEBUG"
    assert configuration.origins["server", "host"].endswith("shared/base.ini:3")
    assert configuration.origins["server", "workers"].endswith("last.ini:2")


def test_extends_may_be_nested(load: Load, tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text("[DEFAULT]\nextends = b.ini\n")
    (tmp_path / "b.ini").write_text("[server]\nport = 7\n")
    assert load("[DEFAULT]\nextends = a.ini\n").settings[ServerSection].port == 7


def test_all_faults_are_told_at_once_in_the_order_of_the_file(faults: Any) -> None:
    found = faults("[server]\nport = many\nhots = x\nworkers = 0\n[sevrer]\na = 1\n[log]\nlevel = LOUD\n")
    assert found == [
        "config.ini:2: port: 'many' is not a whole number",
        "config.ini:3: unknown key 'hots' in [server]: did you mean 'host'?",
        "config.ini:4: workers: 0 is less than 1",
        "config.ini:5: unknown section [sevrer]: did you mean 'server'?",
        "config.ini:8: level: 'LOUD' is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
    ]


def test_fault_in_an_extended_file_is_told_of_that_file(faults: Any, tmp_path: Path) -> None:
    (tmp_path / "base.ini").write_text("# base\n[server]\nport = x\n[lgo]\n")
    assert faults("[DEFAULT]\nextends = base.ini\n") == [
        "base.ini:3: port: 'x' is not a whole number",
        "base.ini:4: unknown section [lgo]: did you mean 'log'?",
    ]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"port = 1\n", "config.ini:1: no section yet: a line such as [server] must come first"),
        (b"[server]\nport\n", "config.ini:2: is neither [section], nor key = value, nor # comment"),
        (b"[server]\n; old style\n", "config.ini:2: is neither [section], nor key = value, nor # comment"),
        (b"[server]\nport = 1\nport = 2\n", "config.ini:3: port stands here a second time: the first is"),
        (b"[log]\n[server]\n[log]\n", "config.ini:3: section [log] stands here a second time"),
        (b"[server]\nhost = \xff\n", "config.ini:2: is not text in UTF-8"),
        (b"[server]\nhost = a\0b\n", "config.ini:2: is not text: it has a zero byte"),
        (b"#" * 10_000_000, "config.ini: is larger than 1 MiB"),
        (b"[orders]\napi_token = ${NOWHERE}\n", "config.ini:2: api_token: ${NOWHERE} is not set in the"),
        (b"[orders]\napi_token = ${a:b}\n", "config.ini:2: api_token: ${a:b} names no key of this file"),
        (b"[orders]\napi_token = a${b\n", "config.ini:2: api_token: a ${ here does not end"),
        (b"[DEFAULT]\nextends = no.ini\n", "config.ini:2: no.ini is named here, but there is no such file"),
        (b"[DEFAULT]\nextends = config.ini\n", "config.ini:2: config.ini leads back to this file"),
        (b"[DEFAULT]\nport = 80\n", "config.ini:2: port has no effect in [DEFAULT]: move it to its section"),
        (b"[nothing]\n", "config.ini:1: unknown section [nothing] (known: service, flask"),
        (b"[log]\nport = 80\n", "config.ini:2: unknown key 'port' in [log]: it belongs in [server]"),
        (b"[database]\npool_size =\n", "config.ini:2: pool_size: '' is not a whole number"),
    ],
)
def test_hostile_file_has_one_clear_fault(faults: Any, data: bytes, fault: str) -> None:
    found = faults(data)
    assert len(found) == 1, found
    assert found[0].startswith(fault)


def test_circle_of_files_is_told(faults: Any, tmp_path: Path) -> None:
    (tmp_path / "other.ini").write_text("[DEFAULT]\nextends = config.ini\n")
    assert faults("[DEFAULT]\nextends = other.ini\n") == [
        "other.ini:2: config.ini leads back to this file: take it out of the circle"
    ]


def test_missing_file_and_directory_are_told(orders: ModuleType, tmp_path: Path) -> None:
    for file, reason in ((tmp_path / "no.ini", "no such file"), (tmp_path, "is a directory")):
        with pytest.raises(ConfigError, match=reason):
            config.load(Service.of("orders"), rooms.sections(*rooms.declared(orders)), file=file, environ={})


def test_value_of_a_secret_is_in_no_fault(faults: Any) -> None:
    found = faults("[flask]\nSECRET_KEY = ${hush}\n[orders]\napi_tokn = hush2\n", {}, "flask.SECRET_KY=hush3")
    assert len(found) == 3
    assert not any("hush2" in fault or "hush3" in fault for fault in found)


def test_misspelt_variable_is_a_fault(faults: Any) -> None:
    assert faults("", {"ORDERS_SERVER_PROT": "1", "OTHER_SERVER_PROT": "1"}) == [
        "environment ORDERS_SERVER_PROT: stands for no key of any section: did you mean 'ORDERS_SERVER_PORT'?"
    ]


def test_variables_of_an_orchestrator_for_a_service_of_this_name_are_left_alone(load: Load) -> None:
    load("", {"ORDERS_SERVICE_HOST": "10.0.0.1", "ORDERS_PORT_80_TCP": "tcp://10.0.0.1:80"})


@pytest.mark.parametrize("item", ["port=1", "server.port", "sever.port=1", "server.prot=1"])
def test_misspelt_command_line_is_a_fault(faults: Any, item: str) -> None:
    assert faults("", {}, item)[0].startswith("command line: ")


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


def test_file_is_found_by_the_variable(package: Path, tmp_path: Path) -> None:
    service = Service.of("orders")
    assert config.configuration_file(service, {"ORDERS_CONFIG": "/x.ini"}) == Path("/x.ini")
    assert config.configuration_file(service, {}) is None


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
        assert f"[{name_of(section)}]" in text
        for key, item in options_of(section).items():
            assert f"#{key} =" in text
            assert item.help in text


def test_shown_values_have_origins_and_no_secrets(load: Load) -> None:
    configuration = load("[orders]\napi_token = hush\n[database]\nuri = postgresql://u:hush@h/d\n")
    shown = "\n".join(config.shown(configuration, lambda *parts: " ".join(parts)))
    assert "hush" not in shown
    assert "postgresql://u:********@h/d" in shown
    assert "config.ini:2" in shown
