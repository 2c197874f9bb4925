"""An API over a database without code: the routes of its resources follow its schema.

A request finds the routes in a map of their own, which is made anew when the schema has changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from debonair.database.engine import engine_of
from debonair.database.foreign import open_foreign
from debonair.database.sqlite_file import is_file, require_database
from debonair.descriptions.checks import nearest, path_name, shadow_of
from debonair.descriptions.description import Resource
from debonair.descriptions.options import READ, VERBS, options_of
from debonair.errors import CommandError
from debonair.names import Service
from debonair.reflection import index
from debonair.reflection.catalog import Skipped
from debonair.reflection.current import Current
from debonair.reflection.reflected import Reflected
from debonair.resources.additions import VIEWS, refresh_with
from debonair.resources.exposing import describe, views_of
from debonair.settings import ApiSection, ResourceSection, Settings

_log = logging.getLogger(__name__)

EXTENSION = "debonair.reflection"
"""The application's extension that holds its :class:`Served`."""

ENDPOINT = "reflection"
"""The endpoint of every path that no other route has."""

_METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PATCH", "PUT", "DELETE", "QUERY"]


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Serve the database that ``[database] uri`` names; the service's own one when it exists.

    :raises CommandError: when the file is missing or is no database, or ``[api] tables`` or a section
        ``[resource:…]`` names what it lacks.
    """
    engine, section = engine_of(app), settings[ApiSection]
    if engine.dialect.name == "sqlite" and is_file(engine.url.database):
        path = Path(app.instance_path, engine.url.database or "")
        if path.parent == Path(app.instance_path) and not path.exists():
            return  # the default, which nobody has made
        require_database(path)
    open_foreign(engine, read_only=section.readonly)
    served = app.extensions[EXTENSION] = Served(app, section)
    refresh_with(app, served.reflected)
    index.init_app(app, settings, service)
    describe(app)
    prefix = section.prefix.rstrip("/")
    app.add_url_rule(
        f"{prefix}/<path:path>", ENDPOINT, served.view, methods=_METHODS, provide_automatic_options=False
    )
    if section.tables or settings.instances(ResourceSection):
        served.check()


class _Routes:
    """The routes of one schema. For the views it is an application, to which they add their rules."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.map = Map()
        self.views: dict[str, Callable[..., Response]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    def add_url_rule(
        self, rule: str, endpoint: str, view_func: Callable[..., Response], *, methods: list[str], **_: Any
    ) -> None:
        """Add a rule, as Flask's method of this name does."""
        self.views[endpoint] = view_func
        self.map.add(Rule(rule, endpoint=endpoint, methods=methods))


class Served:
    """The resources of a database, by its schema as it is now."""

    def __init__(self, app: Flask, section: ApiSection) -> None:
        self._app = app
        self._section = section
        self._routes = _Routes(app)
        self._unknown: list[str] = []
        self._current = Current(engine_of(app), section.tables, section.exclude, changed=self._change)

    def check(self) -> None:
        """Read the schema now, if the database responds. :raises CommandError: as for :func:`init_app`."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            self._current.current()
        except SQLAlchemyError:
            _log.warning("the database does not respond: its schema is read with the first request")
        if self._unknown:
            raise CommandError(self._unknown[0])

    def reflected(self) -> Reflected:
        """Return the classes that are served, after a look at the schema."""
        return self._current.current()

    def view(self, path: str) -> Response:
        """Respond to a request for any of the resources."""
        self._current.current()
        routes = self._routes
        adapter = routes.map.bind_to_environ(request.environ)
        if request.method == "OPTIONS":
            response = self._app.response_class()
            response.allow.update(adapter.allowed_methods())
            return response
        try:
            rule, arguments = adapter.match(return_rule=True)
        except NotFound:
            raise self._not_found(path) from None
        # For the metrics and the log, which name the route of a request.
        request.url_rule, request.view_args = rule, dict(arguments)
        return routes.views[rule.endpoint](**arguments)

    def _not_found(self, path: str) -> HTTPException:
        """Return the problem for a path that is no resource: it says what there is."""
        others = self._app.url_map.bind_to_environ(request.environ)
        methods = []
        for method in _METHODS:
            with suppress(HTTPException):
                methods += [method] if others.match(method=method)[0] != ENDPOINT else []
        if methods:
            return MethodNotAllowed(methods)
        names = self._app.extensions[VIEWS].catalog.resources
        first, _, rest = path.partition("/")
        resource = names.get(path_name(first))
        shown = path if len(path) <= 80 else f"{path[:80]}…"
        if resource is None:
            near = "" if rest else nearest(path_name(first), names)
            return NotFound(f"There is no {shown}{near or '.'}")
        if path.endswith("/"):
            return NotFound(f"There is no {shown}; did you mean {path.rstrip('/')[:80]!r}?")
        if not resource.addressable:
            return NotFound(f"{resource.name} has no key: its rows have no URL.")
        return NotFound(f"There is no {shown}.")

    def _change(self, found: Reflected) -> None:
        """Make the resources of a new schema, and serve them from now on."""
        routes = _Routes(self._app)
        engine = engine_of(self._app)
        views = views_of(self._app).renewed(routes)  # type: ignore[arg-type]
        verbs = READ if self._section.readonly else VERBS
        given: dict[str, Any] = {
            "verbs": verbs,
            "embed": None,
            "page_size": min(self._section.page_size, self._section.max_page_size),
            "max_page_size": self._section.max_page_size,
        }
        own = dict(self._app.extensions["debonair"].instances(ResourceSection))
        prefix, skipped, resources = self._section.prefix.rstrip("/"), list(found.skipped), []
        for model in found.models:
            name = path_name(model.__name__)
            if name in ("", ".", ".."):
                skipped.append(Skipped(model.__name__ or '""', "its name cannot be a segment of a URL"))
            elif reason := shadow_of(self._app, f"{prefix}/{name}"):
                skipped.append(Skipped(model.__name__, f"{reason}; set [api] prefix, such as /api"))
            else:
                options = options_of(model, given, own.pop(name, None))
                options = replace(options, verbs=options.verbs & verbs)
                resources.append(Resource(name, model, options, engine.dialect.name, views.catalog))
        names = [resource.name for resource in resources]
        self._unknown = [
            f"[resource:{name}] is of no table that is served{nearest(name, names)}" for name in own
        ]
        for resource in resources:
            views.catalog.add(resource)
        for resource in resources:
            views.add(resource, prefix)
        for name, reason in skipped:
            _log.warning("%s is not served: %s", name, reason)
        for message in self._unknown:
            _log.error("%s", message)
        self._app.extensions[VIEWS] = views
        self._routes = routes
