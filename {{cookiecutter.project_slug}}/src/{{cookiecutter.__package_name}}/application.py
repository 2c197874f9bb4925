"""The application: the settings of its own, and the factory that puts it together."""

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


def create_app(settings: debonair.Settings | None = None) -> Flask:
    """Return the application.

    :param settings: its settings; left out, they are loaded from files and environment.
    """
    # Imported here, so that commands which only look at the configuration do not wait for them.
    from {{ cookiecutter.__package_name }} import views

    app = debonair.create_app(__name__, settings)
    app.register_blueprint(views.checkins)
    return app
