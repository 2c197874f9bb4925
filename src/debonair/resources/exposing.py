"""``expose``: models become resources of an application."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from flask import Flask

from debonair.api import openapi
from debonair.database.engine import engine_of
from debonair.errors import CommandError
from debonair.resources import export
from debonair.resources.additions import VIEWS, add_now
from debonair.resources.description import VERBS, Catalog, Options, Resource, nearest
from debonair.resources.reading import Reader
from debonair.resources.views import Views
from debonair.resources.write_views import add_writes
from debonair.settings import ResourceSection, Settings, title_of, values_of

_NAMES = ("readable", "writable", "hidden", "filterable", "sortable", "embed", "search", "label")
"""The options that name members of the model."""


def expose(
    app: Flask,
    *models: type[Any],
    name: str | None = None,
    prefix: str = "",
    verbs: Iterable[str] = VERBS,
    readable: Iterable[str] | None = None,
    writable: Iterable[str] | None = None,
    hidden: Iterable[str] = (),
    filterable: Iterable[str] | None = None,
    sortable: Iterable[str] | None = None,
    embed: Iterable[str] | None = (),
    include_depth: int = 3,
    page_size: int = 20,
    max_page_size: int = 1000,
    bulk: bool = False,
    require_if_match: bool = False,
    where: Callable[[], Any] | None = None,
    search: Iterable[str] = (),
    label: str | None = None,
    schema: Any = None,
    before: Mapping[str, Callable[..., Any]] | None = None,
    after: Mapping[str, Callable[..., Any]] | None = None,
    count_deadline: float = 1.0,
) -> None:
    """Serve models as REST resources, each at ``<prefix>/<name>``, ``…/<key>`` and ``…/<key>/<relation>``.

    A section ``[resource:NAME]`` of the INI file goes before the parameters here.

    :param app: an application of :func:`debonair.create_app`. :param models: mapped classes.
    :param name: the name in the URL; only with one model. By default it is the name of the table.
    :param prefix: what stands before the name in the URL, such as ``/api``.
    :param verbs: what a client may do: ``GET``, ``POST``, ``PATCH``, ``PUT``, ``DELETE``.
    :param readable: the only columns and relations that clients see.
    :param hidden: those that they do not see.
    :param writable: the only ones that they may set. :param filterable: the only columns to filter by.
    :param sortable: the only columns to sort by.
    :param embed: relations that every object has without ``include``; None for all to-one relations.
    :param include_depth: how deep ``include`` may nest relations.
    :param page_size: rows of a page. :param max_page_size: the largest number that a client may ask for.
    :param bulk: whether ``PATCH`` and ``DELETE`` may change all rows that a filter selects.
    :param require_if_match: whether a change needs the header ``If-Match``; without it: 428.
    :param where: returns an SQL expression on the model, or None: only rows that fulfil it exist for the
        client of the request. It is called for each request, also for one that reads the model through a
        relation.
    :param search: the columns that ``q=`` searches. :param label: the column that people know a row by.
    :param schema: a marshmallow schema of your own, which reads and writes the objects.
    :param before: by verb, a function that is called before the change.
    :param after: by verb, a function that is called after it, in its transaction.
    :param count_deadline: seconds after which an exact count is given up.
    :raises ValueError: when a name is taken or is not one of the model. :raises CommandError: when a
        section ``[resource:NAME]`` names a column or a relation that the model does not have.
    """
    options = Options(
        frozenset(verbs), _set(readable), _set(writable), frozenset(hidden), _set(filterable),
        _set(sortable), include_depth, None if embed is None else tuple(embed), page_size, max_page_size,
        bulk, require_if_match, where, tuple(search), label, schema, before or {}, after or {},
        count_deadline,
    )  # fmt: skip
    if name is not None and len(models) != 1:
        raise ValueError("name= names one model: expose each model by itself")
    if unknown := options.verbs - VERBS:
        raise ValueError(f"unknown verb {min(unknown)!r}: use some of {', '.join(sorted(VERBS))}")
    views = views_of(app)
    for model in models:
        _validate(model, options, ValueError, f"expose({model.__name__})")
        resource_name = name or str(sa.inspect(model).local_table.name)
        own = _configured(app, resource_name, model, options)
        resource = Resource(resource_name, model, own, views.reader.dialect.name, views.catalog)
        views.catalog.add(resource)
        views.add(resource, prefix)


def views_of(app: Flask) -> Views:
    """Return the views of the resources of an application, made when they are first used."""
    views: Views | None = app.extensions.get(VIEWS)
    if views is None:
        views = app.extensions[VIEWS] = Views(app, Catalog(), Reader(engine_of(app)))
        views.additions.append(add_writes)
        export.add_to(views)
        openapi.add_part(app, lambda taken: views_of(app).described(taken))
        add_now(app, views)
    return views


def _set(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _configured(app: Flask, name: str, model: type[Any], options: Options) -> Options:
    """Return the options with what the section of the resource sets."""
    settings: Settings = app.extensions["debonair"]
    section = settings.instances(ResourceSection).get(name)
    if section is None:
        return options
    given = {key: value for key, value in values_of(section).items() if value is not None}
    sets = {key: frozenset(value) for key, value in given.items() if key in ("verbs", *_NAMES[:5])}
    lists = {key: tuple(value) for key, value in given.items() if key in ("embed", "search")}
    changes = given | sets | lists
    changed = replace(options, **changes)
    _validate(model, changed, CommandError, f"[{title_of(section)}]")
    return changed


def _validate(model: type[Any], options: Options, error: Callable[[str], Exception], place: str) -> None:
    mapper = sa.inspect(model)
    known = [*mapper.column_attrs.keys(), *mapper.relationships.keys()]
    for option in _NAMES:
        named = getattr(options, option)
        for name in (named,) if isinstance(named, str) else named or ():
            if name not in known:
                raise error(f"{place} {option}: {model.__name__} has no {name!r}{nearest(name, known)}")
