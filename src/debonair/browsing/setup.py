"""The room's part in an application: pages are offered when resources are added.

What makes the pages is imported with the first of them: many services are read by programs only.

The list of resources and the style sheet have no routes: they are returned instead of the 404 for their URL.
So any route of the service precedes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from debonair.names import Service
from debonair.resources.additions import VIEWS, add_later, views_now
from debonair.settings import ApiSection, Settings
from debonair.web.problems import PAGE
from debonair.web.welcome import HOME

if TYPE_CHECKING:
    from debonair.resources.views import Views

STYLES = "/_browse/"
"""What the path of the style sheet has after the prefix of the resources."""


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Offer the resources as pages, unless ``[api] browse`` is off."""
    if not settings[ApiSection].browse:
        return

    def page(error: HTTPException) -> Response | None:
        if not (wanted() or STYLES in request.path) or _views(app, error) is None:
            return None
        from debonair.browsing.pages import Pages

        return Pages(app).instead_of(error)

    def offer(views: Views) -> None:
        from debonair.resources.views import Representation

        def made(name: str) -> Callable[..., Response]:
            def page(*arguments: Any) -> Response:
                from debonair.browsing.pages import Pages

                response: Response = getattr(Pages(app), name)(*arguments)
                return response

            return page

        views.representations.append(Representation("html", "text/html", made("collection"), made("one")))

    def has_home() -> bool:
        views = views_now(app)
        return views is not None and "" in views.prefixes.values()

    add_later(app, offer)
    app.extensions[PAGE] = page
    app.extensions[HOME] = has_home


def _views(app: Flask, error: HTTPException) -> Views | None:
    """Return the views of the resources; for a path that may be that of the list, as they are now."""
    if error.code == 404 and request.path.endswith("/"):
        return views_now(app)
    views: Views | None = app.extensions.get(VIEWS)
    return views


def wanted() -> bool:
    """Return whether the client prefers a page."""
    if "format" in request.args:
        return request.args["format"] == "html"
    return request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html"
