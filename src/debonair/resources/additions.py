"""What other features add to the resources of an application; it loads nothing before there are resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask

from debonair.errors import CommandError
from debonair.room import resolve
from debonair.settings import ResourceSection

if TYPE_CHECKING:
    from debonair.resources.views import Views

VIEWS = "debonair.resources"
"""The application's extension that holds the views of its resources."""

_ADDITIONS = "debonair.resources.additions"
_REFRESH = "debonair.resources.refresh"


def add_later(app: Flask, target: str | Callable[[Views], None]) -> None:
    """Call a function with the views of the resources when they are made.

    :param target: ``module:function``, which is imported then, or a function.
    """
    app.extensions.setdefault(_ADDITIONS, []).append(target)


def add_now(app: Flask, views: Views) -> None:
    """Call the functions that were added, with the views of the resources."""
    for target in app.extensions.get(_ADDITIONS, ()):
        resolve(target)(views)


def refresh_with(app: Flask, refresh: Callable[[], object]) -> None:
    """Call a function before all resources are listed: it makes them when they follow a schema."""
    app.extensions[_REFRESH] = refresh


def check_sections(app: Flask) -> None:
    """Check that each section ``[resource:NAME]`` names a resource; call it when all models are exposed.

    Resources that follow a schema are checked when it is read.

    :raises CommandError: for the first one that does not.
    """
    views: Views | None = app.extensions.get(VIEWS)
    known = [] if views is None else list(views.catalog.resources)
    for name in () if _REFRESH in app.extensions else app.extensions["debonair"].instances(ResourceSection):
        if name not in known:
            from debonair.descriptions.options import nearest

            raise CommandError(f"[resource:{name}] is of no resource that is exposed{nearest(name, known)}")


def views_now(app: Flask) -> Views | None:
    """Return the views of the resources as they are now; None when there are no resources.

    :raises sqlalchemy.exc.SQLAlchemyError: when the schema cannot be read.
    """
    refresh = app.extensions.get(_REFRESH)
    if refresh is not None:
        refresh()
    views: Views | None = app.extensions.get(VIEWS)
    return views
