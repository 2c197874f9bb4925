"""INI files: their grammar, placeholders, the files that they name, and files that are hostile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from debonair import config, rooms
from debonair.errors import ConfigError
from debonair.names import Service
from debonair.settings import LogSection, ServerSection, name_of, values_of

Load = Callable[..., config.Configuration]


def value(configuration: config.Configuration, section: str, key: str) -> Any:
    return next(values_of(item)[key] for item in configuration.settings if name_of(item) == section)


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


def test_all_faults_are_reported_at_once_in_the_order_of_the_file(faults: Any) -> None:
    found = faults("[server]\nport = many\nhots = x\nworkers = 0\n[sevrer]\na = 1\n[log]\nlevel = LOUD\n")
    assert found == [
        "config.ini:2: port: 'many' is not a whole number",
        "config.ini:3: unknown key 'hots' in [server]: did you mean 'host'?",
        "config.ini:4: workers: 0 is less than 1",
        "config.ini:5: unknown section [sevrer]: did you mean 'server'?",
        "config.ini:8: level: 'LOUD' is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
    ]


def test_fault_in_an_extended_file_names_that_file(faults: Any, tmp_path: Path) -> None:
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
        (b"[server]\nport = 1\nport = 2\n", "config.ini:3: port is given twice: the first time in line 2"),
        (b"[log]\n[server]\n[log]\n", "config.ini:3: section [log] is given twice: join the two"),
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


def test_circle_of_files_is_a_fault(faults: Any, tmp_path: Path) -> None:
    (tmp_path / "other.ini").write_text("[DEFAULT]\nextends = config.ini\n")
    assert faults("[DEFAULT]\nextends = other.ini\n") == [
        "other.ini:2: config.ini leads back to this file: take it out of the circle"
    ]


def test_missing_file_and_directory_are_faults(orders: ModuleType, tmp_path: Path) -> None:
    for file, reason in ((tmp_path / "no.ini", "no such file"), (tmp_path, "is a directory")):
        with pytest.raises(ConfigError, match=reason):
            config.load(Service.of("orders"), rooms.sections(*rooms.declared(orders)), file=file, environ={})


@pytest.mark.parametrize("character", ["\u2028", "\u0085", "\v", "\f", "\r", "\x1c"])
def test_only_a_newline_ends_a_line(load: Load, character: str) -> None:
    secret = f"hush{character}[server]{character}port = 1"
    configuration = load(f"[orders]\napi_token = {secret}\n")
    assert value(configuration, "orders", "api_token") == secret
    assert configuration.settings[ServerSection].port == 5000


@pytest.mark.parametrize("character", ["\u2028", "\u0085", "\v", "\f", "\x1c", "\u00a0", " "])
def test_quotes_keep_a_blank_at_the_end_of_a_secret(load: Load, character: str) -> None:
    secret = f"hush{character}"
    assert value(load(f'[orders]\napi_token = "{secret}"\n'), "orders", "api_token") == secret


def test_value_on_several_lines_has_no_comments_and_ends_at_the_next_key(load: Load) -> None:
    text = "[orders]\ncolors =\n    red\n# not a color\n\n    blue\n\napi_token = x\n[server]\nport = 81\n"
    configuration = load(text)
    assert value(configuration, "orders", "colors") == ["red", "blue"]
    assert value(configuration, "orders", "api_token") == "x"
    assert configuration.origins["server", "port"].endswith(":10")


def test_variable_in_a_text_that_another_refers_to_is_put_in(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "a$b")
    text = "[DEFAULT]\nfirst = ${SOME_TOKEN}/c$d\n[orders]\napi_token = ${DEFAULT:first}/e$$\n"
    assert value(load(text), "orders", "api_token") == "a$b/c$d/e$"


def test_placeholder_that_fails_in_another_text_is_named(faults: Any) -> None:
    text = "[DEFAULT]\nfirst = ${NOWHERE}\n[orders]\napi_token = ${DEFAULT:first}\n"
    assert faults(text) == ["config.ini:4: api_token: ${NOWHERE} is not set in the environment"]


@pytest.mark.parametrize("key", ["extends", "overrides"])
def test_placeholder_that_fails_in_the_name_of_a_file_is_at_its_line(faults: Any, key: str) -> None:
    text = f"[DEFAULT]\n{key} = ${{NOWHERE}}/base.ini\n"
    assert faults(text) == [f"config.ini:2: {key}: ${{NOWHERE}} is not set in the environment"]


def test_comment_behind_a_value_has_a_hint(faults: Any) -> None:
    found = faults(
        "[server]\nport = 80 # the usual one\nhost = 127.0.0.1 ; here\n"
        "[log] # what is logged\nlevel = INFO\n[orders]\n"
    )
    assert found == [
        "config.ini:4: nothing may follow [log] on its line: a comment stands on a line of its own"
    ]
    found = faults("[server]\nport = 80 # the usual one\nhost = 127.0.0.1 ; here\nworkers = x # y\n")
    assert found == [
        "config.ini:2: port: '80 # the usual one' is not a whole number: "
        "a comment stands on a line of its own",
        "config.ini:3: host: '127.0.0.1 ; here' is neither an IP address nor a host name: "
        "a comment stands on a line of its own",
        "config.ini:4: workers: 'x # y' is not a whole number",
    ]


def test_diamond_of_files_is_read_once_each(load: Load, tmp_path: Path) -> None:
    for level in range(22):
        for side in "ab":
            names = f"{level + 1}a.ini\n    {level + 1}b.ini"
            (tmp_path / f"{level}{side}.ini").write_text(f"[DEFAULT]\nextends = {names}\n")
    for side in "ab":
        (tmp_path / f"22{side}.ini").write_text("[server]\nport = 7\n")
    configuration = load("[DEFAULT]\nextends = 0a.ini\n    0b.ini\n")
    assert configuration.settings[ServerSection].port == 7
    assert configuration.origins["server", "port"].endswith("22a.ini:2")


def test_files_that_are_nested_without_end_are_a_fault(faults: Any, tmp_path: Path) -> None:
    for level in range(1500):
        (tmp_path / f"{level}.ini").write_text(f"[DEFAULT]\nextends = {level + 1}.ini\n")
    (tmp_path / "1500.ini").write_text("")
    assert faults("[DEFAULT]\nextends = 0.ini\n") == [
        "48.ini:2: 49.ini is named through more than 50 files: nest fewer"
    ]


def test_too_many_files_are_a_fault(faults: Any, tmp_path: Path) -> None:
    (tmp_path / "base.ini").write_text("[server]\n")
    names = "\n".join(["    base.ini"] * 201)
    assert faults(f"[DEFAULT]\nextends =\n{names}\n") == [
        "config.ini:2: base.ini is one file too many: at most 200 may be named in all"
    ]


@pytest.mark.parametrize(
    "last",
    ["x" * 1000, "${orders:z}" * 90, ""],
    ids=["of texts", "of references", "of nothing"],
)
def test_bomb_of_placeholders_is_a_fault(faults: Any, last: str) -> None:
    lines = [f"k{level} = " + f"${{DEFAULT:k{level + 1}}}" * 50 for level in range(7)]
    text = "\n".join(["[DEFAULT]", *lines, f"k7 = {last}", "[orders]", "z = $", "api_token = ${DEFAULT:k0}"])
    found = [fault for fault in faults(text + "\n") if "api_token: " in fault]
    assert len(found) == 1
    assert "refer to too many other keys" in found[0]


def test_text_that_refers_to_itself_is_a_fault(faults: Any) -> None:
    assert faults("[orders]\napi_token = ${orders:api_token}\n") == [
        "config.ini:2: api_token: refers to itself, or through more than 10 other keys"
    ]


def test_references_do_not_cost_more_in_a_large_section(load: Load, faults: Any) -> None:
    keys = "".join(f"key{number} = ${{log:base}}\n" for number in range(20_000))
    assert len(faults(f"[log]\nbase = $\n{keys}")) == 20_001


def test_many_keys_of_default_are_looked_at_once(faults: Any) -> None:
    keys = "\n".join(f"key{number} = x" for number in range(40_000))
    assert len(faults(f"[DEFAULT]\n{keys}\n")) == 40_000


@pytest.mark.parametrize("kind", ["fifo", "device", "loop"])
def test_file_that_is_not_regular_is_a_fault(faults: Any, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "odd"
    reason = "cannot be read: not a regular file"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.symlink_to("odd")
        reason = "cannot be read: too many levels of symbolic links"
    assert faults(f"[orders]\napi_token_file = {path}\n") == [f"config.ini:2: api_token_file: odd {reason}"]
    assert faults("[DEFAULT]\nextends = odd\n") == [f"config.ini:2: odd is named here, but it {reason}"]
    with pytest.raises(ConfigError) as raised:
        config.load(Service.of("debonair"), rooms.sections(), file=path, environ={})
    assert str(raised.value) == f"{path}: {reason}"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("max_body = " + "9" * 400 + "B", "has more than 30 digits"),
        ("max_body = 99999999999999999999GiB", "is too large for a size"),
        ("max_body = 1500.3KiB", "is not a whole number of bytes"),
        ("timeout = " + "9" * 400 + "s", "has more than 30 digits"),
        ("workers = " + "9" * 5000, "has more than 100 digits"),
    ],
)
def test_number_without_end_is_a_fault(faults: Any, line: str, fault: str) -> None:
    found = faults(f"[server]\n{line}\n")
    assert len(found) == 1
    assert found[0].endswith(fault)


def test_names_in_faults_have_no_control_characters(faults: Any) -> None:
    found = faults("[\x1b[31mred]\n[orders]\n\x1b[31mkey = 1\n")
    assert len(found) == 2
    assert all("\x1b" not in fault and "\\x1b" in fault for fault in found)
