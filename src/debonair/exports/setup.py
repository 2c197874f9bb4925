"""The room's part in an application: exports are added when resources are, and imported when one is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response

from debonair.names import Service
from debonair.resources.additions import add_later
from debonair.settings import Settings

if TYPE_CHECKING:
    from debonair.resources.views import Views

CSV = "text/csv"
NDJSON = "application/x-ndjson"


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Offer the rows of resources as CSV and NDJSON."""
    add_later(app, _offer)


def _offer(views: Views) -> None:
    from debonair.resources.views import Representation

    for name, media_type in (("csv", CSV), ("ndjson", NDJSON)):
        views.representations.append(Representation(name, media_type, _export(views, name)))


def _export(views: Views, name: str) -> Callable[..., Response]:
    """Return the method of this name of the application's :class:`~debonair.exports.export.Exports`."""

    def export(*arguments: Any) -> Response:
        from debonair.exports.export import exports_of

        response: Response = getattr(exports_of(views), name)(*arguments)
        return response

    return export
