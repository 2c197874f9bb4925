"""``expose``: models become resources of an application."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Unpack

from flask import Flask

from debonair.api import openapi
from debonair.database.engine import engine_of
from debonair.descriptions.checks import check_place, mapper_of, path_name, settings_of
from debonair.descriptions.description import Catalog, Resource
from debonair.descriptions.options import Exposure, options_of
from debonair.resources.additions import VIEWS, add_now, views_now
from debonair.resources.views import Views
from debonair.resources.write_routes import add_writes
from debonair.settings import ResourceSection
from debonair.statements.reading import Reader

_DESCRIBED = "debonair.resources.described"
"""The application's extension that holds the resources' part of the document."""


def expose(
    app: Flask, *models: type[Any], name: str | None = None, prefix: str = "", **options: Unpack[Exposure]
) -> None:
    """Serve models as REST resources, each at ``<prefix>/<name>``, ``…/<key>`` and ``…/<key>/<relation>``.

    :param app: an application of :func:`debonair.create_app`. :param models: mapped classes.
    :param name: the name in the URL; only with one model. By default it is the name of the table.
    :param prefix: what stands before the name in the URL, such as ``/api``.
    :param options: what clients may see and do: :class:`~debonair.descriptions.options.Exposure`.
    :raises TypeError: for what is no application of the chassis, no mapped class, or no option.
    :raises ValueError: when a name is taken or is not one of the model.
    :raises CommandError: when a section ``[resource:NAME]`` names a column or a relation that the model does
        not have.
    """
    settings = settings_of(app)
    if not models:
        raise TypeError("expose() needs a mapped class after the application, such as models.Album")
    if name is not None and len(models) != 1:
        raise ValueError("name= names one model: expose each model by itself")
    mappers = [mapper_of(model) for model in models]
    views = views_of(app)
    for model, mapper in zip(models, mappers, strict=True):
        resource_name = name if name is not None else path_name(str(getattr(mapper.local_table, "name", "")))
        check_place(app, prefix, resource_name, model)
        section = settings.instances(ResourceSection).get(resource_name)
        own = options_of(model, options, section)
        resource = Resource(resource_name, model, own, views.reader.dialect.name, views.catalog)
        views.catalog.add(resource)
        views.add(resource, prefix)


def views_of(app: Flask) -> Views:
    """Return the views of the resources of an application, made when they are first used."""
    views: Views | None = app.extensions.get(VIEWS)
    if views is None:
        views = app.extensions[VIEWS] = Views(app, Catalog(), Reader(engine_of(app)))
        views.additions.append(add_writes)
        describe(app)
        add_now(app, views)
    return views


def describe(app: Flask) -> None:
    """Add the resources to the OpenAPI document: those that there are when it is asked for."""

    def part(taken: Collection[str]) -> openapi.Part:
        views = views_now(app)
        return openapi.Part({}, {}, []) if views is None else views.described(taken)

    if app.extensions.setdefault(_DESCRIBED, part) is part:
        openapi.add_part(app, part)
