"""The section ``[database]``."""

from __future__ import annotations

from debonair.settings.database_uri import check_database_uri
from debonair.settings.options import option
from debonair.settings.section import Section
from debonair.settings.value_types import Duration, Uri


class DatabaseSection(Section, name="database"):
    """The database."""

    uri = option(
        Uri,
        default=lambda service: Uri(f"sqlite:///{service.state_directory / service.name}.db"),
        default_help="SQLite in the state directory",
        check=check_database_uri,
        help="SQLAlchemy's URL of the database, such as postgresql+psycopg://user:password@host/name.",
    )
    password = option(str, default=None, secret=True, help="The password, when the URI does not contain it.")
    pool_size = option(
        int, default=5, min=1, max=1000,
        help="Connections that each worker keeps open (not for SQLite).",
    )  # fmt: skip
    timeout = option(
        Duration, default="5s", min="100ms", max="5m",
        help="Longest time to wait for a connection, or for SQLite's lock.",
    )  # fmt: skip
    echo = option(bool, default=False, help="Log every SQL statement.")
