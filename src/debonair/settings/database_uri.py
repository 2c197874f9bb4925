"""The check of the database's URI, made without SQLAlchemy, so that ``check-config`` need not import it.

It refuses what SQLAlchemy cannot use, or would split in another way than its author meant.
"""

from __future__ import annotations

import re
from importlib.util import find_spec

from debonair.settings.options import did_you_mean

_DEFAULT = ""

_DRIVERS: dict[str, dict[str, tuple[str, str]]] = {
    "sqlite": {
        _DEFAULT: ("sqlite3", "Python's sqlite3"),
        "pysqlite": ("sqlite3", "Python's sqlite3"),
        "pysqlcipher": ("sqlcipher3 pysqlcipher3", "sqlcipher3"),
    },
    "postgresql": {
        _DEFAULT: ("psycopg", "debonair[postgresql]"),
        "psycopg": ("psycopg", "debonair[postgresql]"),
        "psycopg2": ("psycopg2", "psycopg2"),
        "psycopg2cffi": ("psycopg2cffi", "psycopg2cffi"),
        "pg8000": ("pg8000", "pg8000"),
    },
    "mysql": {
        _DEFAULT: ("MySQLdb", "mysqlclient"),
        "mysqldb": ("MySQLdb", "mysqlclient"),
        "pymysql": ("pymysql", "pymysql"),
        "mysqlconnector": ("mysql", "mysql-connector-python"),
        "mariadbconnector": ("mariadb", "mariadb"),
        "cymysql": ("cymysql", "cymysql"),
        "pyodbc": ("pyodbc", "pyodbc"),
    },
    "oracle": {
        _DEFAULT: ("oracledb", "oracledb"),
        "oracledb": ("oracledb", "oracledb"),
        "cx_oracle": ("cx_Oracle", "cx_Oracle"),
    },
    "mssql": {
        _DEFAULT: ("pyodbc", "pyodbc"),
        "pyodbc": ("pyodbc", "pyodbc"),
        "pymssql": ("pymssql", "pymssql"),
        "mssqlpython": ("mssql_python", "mssql-python"),
    },
}
"""SQLAlchemy's drivers by dialect and name: the module (of two, either) and the package that has it."""

_DRIVERS["mariadb"] = _DRIVERS["mysql"]

_ASYNCHRONOUS = {"asyncpg", "psycopg_async", "aiosqlite", "aiomysql", "asyncmy", "aioodbc", "oracledb_async"}

_NEEDS_DATABASE = {"postgresql", "mysql", "mariadb"}

_NAMES_OF_DATABASE = {"dbname", "database", "db", "service", "read_default_file", "odbc_connect"}
"""Keys of the query that may stand for a database in the path."""

# The grammar of SQLAlchemy's make_url; a test compares the two.
_GRAMMAR = (
    r"(?P<name>[\w+]+)://"
    r"(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?:(?:\[(?P<ipv6>[^/?]+)\]|(?P<host>[^/:?]+))?(?::(?P<port>[^/?]*))?)?"
    r"(?:/(?P<database>[^?]*))?"
    r"(?:\?(?P<query>.*))?"
)


def check_database_uri(uri: str) -> None:
    """Accept a URL that SQLAlchemy can use with a driver that is installed.

    :raises ValueError: when it is none; the message continues "'the URI' …" and holds no password.
    """
    scheme, separator, _ = uri.partition("://")
    if not separator:
        raise ValueError(
            "is not a URI: write sqlite:////path/to/file for a file of SQLite, "
            "or postgresql+psycopg://user:password@host/database"
        )
    if scheme in ("postgres", "pgsql"):
        raise ValueError(
            f"begins with {scheme}://, which SQLAlchemy does not know: write postgresql+psycopg://"
        )
    match = re.match(_GRAMMAR, uri, flags=re.DOTALL)
    if match is None:
        raise ValueError(
            f"begins with {scheme}://, which is not dialect+driver://, such as postgresql+psycopg://"
        )
    dialect, _, driver = scheme.partition("+")
    _check_parts(match, dialect)
    _check_driver(dialect, driver)


def _check_parts(match: re.Match[str], dialect: str) -> None:
    """Refuse a URI that is split in another way than meant, or lacks a part that is needed."""
    if dialect == "sqlite":
        if match["host"] or match["user"] or match["port"]:
            raise ValueError(
                "has a host: a file of SQLite has three slashes and its path, such as sqlite:////srv/x.db"
            )
        return
    after_user = [match["ipv6"], match["host"], match["port"], match["database"]]
    if match.end() < len(match.string) or any("@" in part for part in after_user if part):
        raise ValueError(
            "cannot be split into user, password, host and database: in a user or password, "
            "write @ as %40, / as %2F, : as %3A and % as %25"
        )
    port = match["port"]
    if port and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536):
        raise ValueError("has a port that is not a number from 1 to 65535")
    keys = {item.partition("=")[0] for item in (match["query"] or "").split("&")}
    if dialect in _NEEDS_DATABASE and not match["database"] and not keys & _NAMES_OF_DATABASE:
        raise ValueError("names no database: add / and its name after the host")


def _check_driver(dialect: str, driver: str) -> None:
    """Refuse a dialect that SQLAlchemy does not have, and a driver that is not installed."""
    if driver in _ASYNCHRONOUS:
        raise ValueError(f"names the driver {driver}, which is for asyncio: name another driver")
    known = _DRIVERS.get(dialect, {})
    if driver not in known:
        _check_plugin(dialect, driver, known)
        return
    module, package = known[driver]
    if not any(find_spec(name) for name in module.split()):
        instead = "" if driver else f", or name another driver, such as {dialect}+{_other(known, module)}://"
        how = f"install {package}"
        if "[" in package:
            how = f"write {package} for debonair in install_requires of setup.cfg, and run make lock install"
        raise ValueError(f"needs the driver {module.split()[0]}, which is not installed: {how}{instead}")


def _other(known: dict[str, tuple[str, str]], module: str) -> str:
    return next(name for name, (other, _) in known.items() if name and other != module)


def _check_plugin(dialect: str, driver: str, known: dict[str, tuple[str, str]]) -> None:
    """Accept a dialect that another package adds to SQLAlchemy."""
    # Imported here, since this takes longer than all other checks, and is hardly ever needed.
    from importlib.metadata import entry_points

    plugins = {point.name for point in entry_points(group="sqlalchemy.dialects")}
    if plugins & {dialect, f"{dialect}.{driver}"}:
        return
    if known:
        near = did_you_mean(driver, filter(None, known))
        raise ValueError(f"names the driver {driver}, which SQLAlchemy does not have for {dialect}{near}")
    near = did_you_mean(dialect, _DRIVERS)
    raise ValueError(f"names the dialect {dialect}, which SQLAlchemy does not have{near}")
