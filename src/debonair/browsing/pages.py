"""The pages over HTTP: the list of resources, the rows of one, one row, and the pages of errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast
from urllib.parse import quote

from flask import Flask, Response, redirect, request, url_for
from werkzeug.exceptions import HTTPException

from debonair.browsing import details, facets, failures, filters, index, paging, tables
from debonair.browsing.addresses import FACET, Address, items_in, url_of, url_of_row
from debonair.browsing.cells import Cell
from debonair.browsing.rendering import rendered, style_name, style_response
from debonair.browsing.setup import STYLES, wanted
from debonair.descriptions.description import Resource
from debonair.queries.parameters import query_of
from debonair.queries.query import Within
from debonair.queries.query_string import items_of
from debonair.resources.additions import VIEWS
from debonair.resources.keys import missing
from debonair.resources.views import Views
from debonair.statements.reading import Reader

FORMATS = {"json": "JSON", "csv": "CSV", "ndjson": "NDJSON", "xml": "XML", "yaml": "YAML"}


class Pages:
    """The pages of the resources of an application, as they are at the time of a request."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    @property
    def views(self) -> Views:
        """The views of the resources."""
        views: Views = self.app.extensions[VIEWS]
        return views

    @property
    def reader(self) -> Reader:
        """What reads the database."""
        return self.views.reader

    def instead_of(self, error: HTTPException) -> Response | None:
        """Return the list of resources or the style sheet, whose URLs have no route, or the page of an error.

        None when it is the error of something else than a resource, or when the client prefers JSON.
        """
        routed = request.endpoint if request.routing_exception is None else None
        if error.code == 404 and request.method in ("GET", "HEAD") and (routed is None or _open(routed)):
            for prefix in set(self.views.prefixes.values()):
                if request.path == f"{prefix}{STYLES}{style_name()}":
                    return style_response()
                if request.path in (f"{prefix}/", prefix) and wanted():
                    return self.index()
        if (routed is not None and not _open(routed)) or not wanted():
            return None
        return self.failure(error)

    def index(self) -> Response:
        """Return the list of the resources."""
        resources = index.shown_resources(self.views.catalog.resources.values())
        entries = index.entries_of(self.reader, resources, url_of)
        return self._page("index.html", title="Resources", entries=entries)

    def collection(self, resource: Resource, text: str, within: Within | None) -> Response:
        """Return the page with a table of rows."""
        address = Address(quote(request.script_root + request.path), items_in(text))
        sent = filters.sent_items(address.items)
        if sent is not None:
            return self._redirected(address.url(sent))
        query = query_of(resource, [item for item in items_of(text) if item[0] != FACET])
        columns = query.selection.columns if "fields" in dict(address.items) else None
        shown = tables.shown_of(resource, columns)
        selection = tables.selection_for(resource, shown)
        plan = self.reader.plan_of(resource, replace(query, selection=selection, within=within))
        page = self.reader.read(plan)
        found, offers = facets.facets_of(self.reader, plan, address)
        searched = next((value for name, value in address.items if name == "q"), "")
        return self._page(
            "collection.html",
            title=within.relation if within is not None else resource.name,
            resource=resource,
            crumbs=self._crumbs(within) if within is not None else [],
            comment=index.comment_of(resource),
            table=tables.table_of(resource, shown, page.objects(), url_of, query.sort, address),
            paging=paging.paging_of(page, address),
            facets=found,
            offers=offers,
            form=filters.form_of(resource, address.items),
            chips=filters.chips_of(resource, address),
            cleared=address.path,
            search=searched if resource.searchable else None,
            kept=[item for item in address.items if item[0] not in ("q", "page", "after")],
            formats=self._formats(address),
        )

    def one(self, resource: Resource, key: tuple[Any, ...], text: str) -> Response:
        """Return the page of a row."""
        query_of(resource, items_of(text))
        detail = details.detail_of(self.reader, resource, key, url_of)
        if detail is None:
            raise missing(resource, key)
        address = Address(quote(request.script_root + request.path), items_in(text))
        return self._page(
            "detail.html",
            title=detail.title.text,
            resource=resource,
            crumbs=[(Cell(resource.name), url_of(resource))],
            detail=detail,
            formats=[("JSON", address.data("json"))],
        )

    def failure(self, error: HTTPException) -> Response:
        """Return the page of an error."""
        address = Address(quote(request.script_root + request.path), _items())
        failure = failures.failure_of(error, address)
        paths = {f"{prefix}/{name}": name for name, prefix in self.views.prefixes.items()}
        steps = request.path.split("/")
        starts = ["/".join(steps[:count]) for count in range(len(steps), 0, -1)]
        known = [start for start in starts if start in paths]
        crumbs = [(Cell(paths[start]), quote(request.script_root + start)) for start in known]
        return self._page(
            "failure.html", error.code or 500, title=failure.title, failure=failure, crumbs=crumbs[:1]
        )

    def _page(self, template: str, status: int = 200, **values: Any) -> Response:
        app = self.app
        prefixes = list(self.views.prefixes.values())
        known = [prefix for prefix in prefixes if request.path.startswith(f"{prefix}/")]
        prefix = request.script_root + (max(known, key=len) if known else prefixes[0] if prefixes else "")
        values.setdefault("crumbs", [])
        return rendered(
            template,
            status,
            service=app.name,
            home=quote(f"{prefix}/"),
            style=quote(f"{prefix}{STYLES}{style_name()}"),
            docs=url_for("docs") if "docs" in app.view_functions else None,
            document=next((url_for(name) for name in _DOCUMENT if name in app.view_functions), None),
            **values,
        )

    def _crumbs(self, within: Within) -> list[tuple[Cell, str | None]]:
        parent = within.parent
        label = details.read_label(self.reader, parent, within.key)
        if label is None:
            raise missing(parent, within.key)
        values = dict(zip(parent.key, within.key, strict=True))
        return [(Cell(parent.name), url_of(parent)), (label, url_of_row(url_of(parent), parent, values))]

    def _formats(self, address: Address) -> list[tuple[str, str]]:
        offered = ["json", *(each.name for each in self.views.representations if each.name != "html")]
        return [(FORMATS.get(name, name.upper()), address.data(name)) for name in offered]

    @staticmethod
    def _redirected(url: str) -> Response:
        return cast(Response, redirect(url, 303))


def _open(endpoint: str) -> bool:
    """Return whether a route is one of resources."""
    return endpoint == "reflection" or endpoint.startswith("resources.")


_DOCUMENT = ("api-docs.openapi_json", "openapi_json", "openapi")


def _items() -> tuple[tuple[str, str], ...]:
    return items_in(request.query_string.decode(errors="replace"))
