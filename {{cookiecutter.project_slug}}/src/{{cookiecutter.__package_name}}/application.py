"""The application factory, and the service's own settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import debonair

if TYPE_CHECKING:
    from flask import Flask

{% if cookiecutter.sample == "yes" %}
class CheckIns(debonair.Section, name="checkins"):
    """Check-ins."""

    max_user_length = debonair.option(
        int, default=80, min=1, max=200, help="The longest name of a user that is accepted."
    )


SECTIONS = (CheckIns,)
{%- else %}
SECTIONS: tuple[type[debonair.Section], ...] = ()
{%- endif %}


def create_app(settings: debonair.Settings) -> Flask:
    """Return the application with these settings."""
    # Imported here, so that a command that only reads the configuration need not import them.
    from {{ cookiecutter.__package_name }} import models, views{{ "" if cookiecutter.sample == "yes" else "  # noqa: F401" }}

    app = debonair.create_app(__name__, settings)
    app.register_blueprint(views.{{ "checkins" if cookiecutter.sample == "yes" else "api" }})
    {%- if cookiecutter.sample == "yes" %}
    debonair.expose(app, models.CheckIn, name="check-ins", verbs=["GET"])
    {%- endif %}
    return app
