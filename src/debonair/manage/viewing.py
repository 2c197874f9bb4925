"""``runserver`` of the standalone service: the database to serve is its argument."""

from __future__ import annotations

from pathlib import Path

from debonair.database.sqlite_file import is_file, require_database
from debonair.errors import CommandError
from debonair.manage.development import RunServer
from debonair.room import Argument, Context
from debonair.settings import ApiSection, DatabaseSection

_URI = "database.uri="
_ENVIRONMENT = "service.environment="


class RunDatabase(RunServer):
    """Serve a database for development."""

    arguments = (
        Argument("database", nargs="?", help="SQLite file or URL of the database to serve"),
        *RunServer.arguments,
    )

    def run(  # type: ignore[override]
        self, context: Context, database: str | None, host: str | None, port: int | None, debug: bool,
        reload: bool,
    ) -> None:  # fmt: skip
        """Serve until interrupted, as ``--set database.uri=`` with the database does.

        :raises CommandError: as for :class:`RunServer`, and when there is no such file.
        """
        if database is not None:
            if "://" not in database and not Path(database).is_file():
                raise CommandError(f"{database}: there is no such file: name an SQLite file or a URL")
            context.overrides.append(_URI + uri_of(database))
        configured = (context.file or context.service.configuration).exists()
        if not configured and not any(text.startswith(_ENVIRONMENT) for text in context.overrides):
            # Installed it is a production service, when somebody has configured it.
            context.overrides.append(_ENVIRONMENT + "development")
        super().run(context, host, port, debug, reload)

    def check(self, context: Context) -> None:
        """Check the database and ``[api] tables`` only: an application takes half of a second to make.

        :raises CommandError: when the file is missing or is no database, or lacks one of the tables.
        """
        settings = context.configuration.settings
        uri = settings[DatabaseSection].uri
        name = uri.partition("sqlite:///")[2].partition("?")[0]
        if settings[ApiSection].tables:
            super().check(context)
        elif uri != DatabaseSection.uri.default_for(context.configuration.service) and is_file(name):
            require_database(Path(context.configuration.service.state_directory, name))


def uri_of(database: str) -> str:
    """Return the URL of a database that is named by its file or its URL."""
    return database if "://" in database else f"sqlite:///{Path(database).absolute()}"


def from_here(override: str) -> str:
    """Return an override ``section.key=value`` with an absolute path, if it is of ``database.uri``."""
    start = f"{_URI}sqlite:///"
    path = override.removeprefix(start)
    if path == override or not path or path.startswith(("/", ":", "file:")):
        return override
    return f"{start}{Path(path).absolute()}"
