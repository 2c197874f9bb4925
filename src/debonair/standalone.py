"""The chassis as a service of its own: what ``debonair`` serves with no code of yours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debonair.manage import Manager

if TYPE_CHECKING:
    from flask import Flask

    from debonair.settings import Settings


def create_app(settings: Settings) -> Flask:
    """Return the chassis's own application."""
    from debonair import application

    return application.create_app(__name__, settings)


manager = Manager("debonair", __name__)
