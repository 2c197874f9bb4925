"""The chassis as a service of its own: ``debonair`` serves a database with no code of yours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debonair.manage import Manager
from debonair.reflection import ROOM
from debonair.room import Command

if TYPE_CHECKING:
    from flask import Flask

    from debonair.manage.adapter import CommandApp
    from debonair.settings import Settings


def create_app(settings: Settings) -> Flask:
    """Return the chassis's own application.

    :raises CommandError: when ``[database] uri`` names a file that is missing or is no database.
    """
    from debonair import application

    return application.create_app(__name__, settings, rooms=(ROOM,))


class _Standalone(Manager):
    """The commands of ``debonair``: a path of a database begins in the working directory."""

    def __init__(self) -> None:
        super().__init__("debonair", __name__)
        self.add_command(
            "runserver",
            Command(
                "debonair.manage.viewing:RunDatabase", "Serve a database for development, with the debugger."
            ),
        )

    def __call__(self, app: Any = None, **options: Any) -> CommandApp:
        from debonair.manage.viewing import from_here

        made = super().__call__(app, **options)
        self.overrides = [from_here(override) for override in self.overrides]
        return made


manager = _Standalone()
