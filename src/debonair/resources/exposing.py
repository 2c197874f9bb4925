"""``expose``: models become resources of an application."""

from __future__ import annotations

from typing import Any

from flask import Flask

from debonair.database.engine import engine_of
from debonair.resources.additions import VIEWS, add_now
from debonair.resources.description import Catalog, Options, Resource
from debonair.resources.reading import Reader
from debonair.resources.views import Views


def expose(app: Flask, *models: type[Any], name: str | None = None, prefix: str = "", **options: Any) -> None:
    """Serve models as REST resources."""
    views = views_of(app)
    for model in models:
        backend = views.reader.dialect.name
        resource = Resource(name or model.__table__.name, model, Options(**options), backend, views.catalog)
        views.catalog.add(resource)
        views.add(resource, prefix)


def views_of(app: Flask) -> Views:
    """Return the views of the resources of an application, made when they are first used."""
    views: Views | None = app.extensions.get(VIEWS)
    if views is None:
        views = app.extensions[VIEWS] = Views(app, Catalog(), Reader(engine_of(app)))
        add_now(app, views)
    return views
