"""The application factory, and the settings of the service's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import debonair

if TYPE_CHECKING:
    from flask import Flask


class CheckIns(debonair.Section, name="checkins"):
    """Check-ins."""

    max_user_length = debonair.option(
        int, default=80, min=1, max=200, help="The longest name of a user that is accepted."
    )


SECTIONS = (CheckIns,)


def create_app(settings: debonair.Settings) -> Flask:
    """Return the application with these settings."""
    # Imported here, so that a command which only reads the configuration does not wait for them.
    from {{ cookiecutter.__package_name }} import views

    app = debonair.create_app(__name__, settings)
    app.register_blueprint(views.checkins)
    return app
