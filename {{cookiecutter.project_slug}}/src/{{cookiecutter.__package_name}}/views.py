{% if cookiecutter.sample == "yes" -%}
"""The HTTP interface."""

from __future__ import annotations

from typing import Any

from debonair import Blueprint, Problem, current_settings
from marshmallow import Schema, fields

from {{ cookiecutter.__package_name }} import models
from {{ cookiecutter.__package_name }}.application import CheckIns

checkins = Blueprint("checkins", __name__, description="When users were last seen.")


class CheckedIn(Schema):
    """The response to a check-in."""

    success = fields.Boolean(required=True)
    user = fields.String(required=True)


class LastSeen(Schema):
    """The day of a user's last visit, in UTC."""

    user = fields.String(required=True)
    date = fields.Date(required=True)


class UnfitUser(Problem):
    """The name cannot be that of a user."""

    code = 422
    title = "Invalid user name"


class NeverSeen(Problem):
    """The user has never checked in."""

    code = 404
    title = "Never seen"


def _refuse_unfit(user: str) -> None:
    # Not every database takes every character, and what was no UTF-8 comes as U+FFFD.
    longest = current_settings[CheckIns].max_user_length
    if len(user) > longest or not user.isprintable() or "\ufffd" in user:
        raise UnfitUser(f"A name has at most {longest} characters, all of them printable.")


@checkins.post("/checkin/<user>")
@checkins.response(200, CheckedIn)
@checkins.raises(UnfitUser)
def check_in(user: str) -> dict[str, Any]:
    """Record now as the last visit of the user."""
    _refuse_unfit(user)
    models.record(user)
    return {"success": True, "user": user}


@checkins.get("/last-seen/<user>")
@checkins.response(200, LastSeen)
@checkins.raises(UnfitUser, NeverSeen)
def last_seen(user: str) -> dict[str, Any]:
    """Tell the day of the user's last visit."""
    _refuse_unfit(user)
    date = models.last_seen(user)
    if date is None:
        raise NeverSeen(f"{user} has never checked in.")
    return {"user": user, "date": date}
{%- else -%}
"""The HTTP interface."""

from __future__ import annotations

from debonair import Blueprint

api = Blueprint("api", __name__)
{%- endif %}
