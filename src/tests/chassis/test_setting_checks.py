"""The checks of hosts and of the database's URI, and passwords that are masked."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from debonair.settings import MASK, DatabaseSection, LogSection, ServerSection, Uri, check_host
from debonair.settings.database_uri import _DRIVERS, _GRAMMAR, check_database_uri


@pytest.mark.parametrize(
    ("uri", "masked"),
    [
        ("sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
        ("sqlite:////var/lib/a:b@c.db", "sqlite:////var/lib/a:b@c.db"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("postgresql://host:5432/db", "postgresql://host:5432/db"),
        ("postgresql://me:p:w@host/db", f"postgresql://me:{MASK}@host/db"),
        ("postgresql://:pw@host/db", f"postgresql://:{MASK}@host/db"),
        ("postgresql://me:pa/ss@host/db", f"postgresql://me:{MASK}@host/db"),
        ("postgresql://me:p@ss:hunter2@host/db", f"postgresql://me:{MASK}@host/db"),
        ("postgresql://me:p?password=x@host/db", f"postgresql://me:{MASK}"),
        ("postgresql://me@corp:pw@host/db", f"postgresql://me@corp:{MASK}@host/db"),
        ("postgresql://me:p\nw@host/db", f"postgresql://me:{MASK}@host/db"),
        (
            "postgresql://host/db?user=me&password=p@ss&a=b",
            f"postgresql://host/db?user=me&password={MASK}&a=b",
        ),
        ("postgresql://host:1/db?password=p@ss", f"postgresql://host:{MASK}"),
        ("postgresql:///db?sslpassword=x&passfile=/y", f"postgresql:///db?sslpassword={MASK}&passfile=/y"),
        ("postgresql:///db?PASS%57ORD=x", f"postgresql:///db?PASS%57ORD={MASK}"),
        ("mssql:///?odbc_connect=UID%3Dme%3BPWD%3Dx", f"mssql:///?odbc_connect={MASK}"),
        ("me:pw@host/db", f"me:{MASK}@host/db"),
        ("", ""),
    ],
)
def test_password_of_a_uri_is_masked(uri: str, masked: str) -> None:
    assert Uri(uri).masked() == masked


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///orders.db",
        "sqlite:////var/lib/a@b.db",
        "postgresql+psycopg://me:pw@host/db",
        "postgresql://me:p%40%2Fss@host:5432/db",
        "postgresql://me:pa/ss@host/db",
        "postgresql://me:pw@[::1]:5432/db",
        "postgresql:///db?host=/run/postgresql",
        "postgresql://?service=orders",
        "postgresql://me@corp:pw@host/db",
    ],
)
def test_uri_that_works_is_accepted(uri: str) -> None:
    check_database_uri(uri)
    make_url(uri)


@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("postgres://me:hunter2@host/db", "write postgresql+psycopg://"),
        ("mysql://me:hunter2@host/db", "needs the driver MySQLdb, which is not installed: install "
         "mysqlclient, or name another driver, such as mysql+pymysql://"),
        ("mysql+pymysql://me:hunter2@host/db", "needs the driver pymysql, which is not installed"),
        ("postgresql+psycpg://me:hunter2@host/db", "did you mean 'psycopg'?"),
        ("postgresql+asyncpg://me:hunter2@host/db", "is for asyncio"),
        ("oracal://me:hunter2@host/db", "names the dialect oracal, which SQLAlchemy does not have: did you"),
        ("/var/lib/orders.db", "is not a URI: write sqlite:////path/to/file"),
        ("me:hunter2@host/db", "is not a URI"),
        ("", "is not a URI"),
        ("post-gres://me:hunter2@host/db", "which is not dialect+driver://"),
        ("postgresql://me:p@hunter2@host/db", "write @ as %40, / as %2F"),
        ("postgresql://me:p@ss:hunter2@host/db", "write @ as %40, / as %2F"),
        ("postgresql://me:p@ss/hunter2@host/db", "write @ as %40, / as %2F"),
        ("postgresql://me:hunter2@host:port/db", "has a port that is not a number from 1 to 65535"),
        ("postgresql://me:hunter2@host:70000/db", "has a port that is not a number from 1 to 65535"),
        ("postgresql://me:hunter2@host", "names no database: add / and its name after the host"),
        ("postgresql://me:hunter2@host/", "names no database"),
        ("sqlite://orders.db", "a file of SQLite has three slashes"),
    ],
)  # fmt: skip
def test_uri_that_cannot_work_is_a_fault_without_its_password(faults: Any, uri: str, fault: str) -> None:
    found = faults(f"[database]\nuri = {uri}\n")
    assert len(found) == 1
    assert found[0].startswith("config.ini:2: uri: ")
    assert fault in found[0]
    assert "hunter2" not in found[0]
    with pytest.raises(ValueError, match=r"\[database\] uri: ") as raised:
        DatabaseSection(uri=uri)
    assert fault in str(raised.value) and "hunter2" not in str(raised.value)


def test_driver_that_is_not_installed_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("debonair.settings.database_uri.find_spec", lambda name: None)
    with pytest.raises(
        ValueError, match=r"driver psycopg, which is not installed: write debonair\[postgresql\]"
    ):
        check_database_uri("postgresql+psycopg://host/db")


def test_dialect_that_another_package_adds_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("cockroachdb.psycopg", "module:Class", "sqlalchemy.dialects")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: EntryPoints([point]))
    check_database_uri("cockroachdb+psycopg://host/db")
    with pytest.raises(ValueError, match="names the dialect cockroach"):
        check_database_uri("cockroach+psycopg://host/db")


@pytest.mark.parametrize(
    ("dialect", "driver", "module"),
    [
        (dialect, driver, module)
        for dialect, known in _DRIVERS.items()
        for driver, (module, _) in known.items()
    ],
)
def test_drivers_are_those_of_sqlalchemy(dialect: str, driver: str, module: str) -> None:
    url = make_url(f"{dialect}+{driver}://" if driver else f"{dialect}://")
    if importlib.util.find_spec(module.split()[0]) is not None:
        assert url.get_dialect().import_dbapi().__name__.startswith(module)
        return
    # The dialect imports its driver when it is asked to, and then names the module that is missing.
    with pytest.raises(ImportError) as raised:
        url.get_dialect().import_dbapi()
    assert (raised.value.name or module).partition(".")[0] in module.split()


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql+psycopg://me:pw@host:5432/db?a=b",
        "postgresql://me:p%40w@[::1]:5432/db",
        "postgresql://me:p:/?w@host/db",
        "postgresql:///db?host=/run/postgresql",
        "sqlite:////var/lib/x.db",
        "sqlite://",
        "mysql+pymysql://host",
    ],
)
def test_grammar_of_database_uris_is_that_of_sqlalchemy(uri: str) -> None:
    match, url = re.match(_GRAMMAR, uri, re.DOTALL), make_url(uri)
    assert match is not None
    assert match["name"] == url.drivername
    assert (match["ipv6"] or match["host"]) == url.host
    assert (match["port"] or None) == (str(url.port) if url.port else None)
    assert (match["database"] or None) == (url.database or None)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "0.0.0.0", "::", "::1", "fe80::1%eth0", "localhost", "db-1.example.org.", "my_host"]
)
def test_host_that_can_be_one_is_accepted(host: str) -> None:
    check_host(host)
    assert ServerSection(host=host).host == host


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("not a host", "'not a host' is neither an IP address nor a host name"),
        ("", "'' is empty: write 127.0.0.1 for this machine only, or 0.0.0.0 for every address of it"),
        ("[::1]", "'[::1]' has brackets, which belong in a URL: write ::1"),
        ("localhost:80", "'localhost:80' holds a port: write localhost here"),
        ("256.1.1.1", "'256.1.1.1' is not an IP address"),
        ("10.0.1", "'10.0.1' is not an IP address"),
        ("-x.org", "'-x.org' is neither an IP address nor a host name"),
        ("a..b", "'a..b' is neither an IP address nor a host name"),
        ("http://x", "'http://x' is neither an IP address nor a host name"),
        ("x" * 64, "is neither an IP address nor a host name"),
    ],
)
def test_host_that_cannot_be_one_is_a_fault(faults: Any, host: str, fault: str) -> None:
    found = faults(f"[server]\nhost = {host}\n")
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("{0}", "is a directory: name a file in it"),
        ("{0}/logs/", "is a directory: name a file in it"),
        ("{0}/file/x/orders.log", "cannot be a file: {0}/file is not a directory"),
        ("{0}/a\0b", "has a NUL character, which no path can have"),
    ],
)
def test_log_file_that_cannot_be_is_a_fault(path: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=re.escape(fault.format(tmp_path))):
        LogSection.file.parse(path.format(tmp_path))


def test_log_file_may_exist_or_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (
        "",
        f"{tmp_path}/file",
        f"{tmp_path}/new/orders.log",
        "/var/log/nowhere/orders.log",
        "orders.log",
    ):
        LogSection.file.parse(path)


def test_short_secret_key_is_refused_in_production_only(
    faults: Callable[..., list[str]], load: Callable[..., Any]
) -> None:
    production = "[service]\nenvironment = production\n[flask]\nSECRET_KEY = "
    (fault,) = faults(production + "hush-hush-hush-\n")
    assert fault.startswith(
        "config.ini:4: SECRET_KEY: the value is shorter than 16 bytes: make a key with python3 -c"
    )
    assert "hush" not in fault
    assert faults(production + "x" * 16 + "\n", {"ORDERS_FLASK_SECRET_KEY": "x"})[0].startswith(
        "environment ORDERS_FLASK_SECRET_KEY: SECRET_KEY: the value is shorter"
    )
    load(production + "x" * 16 + "\n")
    load(production + "\n")
    load("[flask]\nSECRET_KEY = x\n")
