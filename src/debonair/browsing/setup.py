"""The room's part in an application: pages are added when resources are. Nothing else is loaded at the start.

The list of resources and the style sheet have no routes: they are returned instead of the 404 for their URL.
So any route of the service precedes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from debonair.names import Service
from debonair.resources.additions import VIEWS, add_later, views_now
from debonair.settings import ApiSection, Settings
from debonair.web.problems import PAGE
from debonair.web.welcome import HOME

if TYPE_CHECKING:
    from debonair.resources.views import Views

ADDITION = "debonair.browsing.pages:add_to"


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Offer the resources as pages, unless ``[api] browse`` is off."""
    if not settings[ApiSection].browse:
        return

    def page(error: HTTPException) -> Response | None:
        views = _views(app, error)
        if views is None:
            return None
        from debonair.browsing.pages import Pages

        return Pages(app).instead_of(error)

    def has_home() -> bool:
        views = views_now(app)
        return views is not None and "" in views.prefixes.values()

    add_later(app, ADDITION)
    app.extensions[PAGE] = page
    app.extensions[HOME] = has_home


def _views(app: Flask, error: HTTPException) -> Views | None:
    """Return the views of the resources; for a path that may be that of the list, as they are now."""
    if error.code == 404 and request.path.endswith("/"):
        return views_now(app)
    views: Views | None = app.extensions.get(VIEWS)
    return views
