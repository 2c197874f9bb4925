"""The pages over HTTP: the list of resources, the rows of one, one row, and the pages of errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from flask import Response, redirect, request, url_for
from werkzeug.exceptions import HTTPException, NotFound

from debonair.browsing import details, facets, failures, filters, index, paging, tables
from debonair.browsing.addresses import Address, items_in, url_of, url_of_row
from debonair.browsing.cells import Cell
from debonair.browsing.rendering import rendered, style_name, style_response
from debonair.resources.description import Resource
from debonair.resources.parameters import query_of
from debonair.resources.query import Within
from debonair.resources.reading import items_of
from debonair.resources.views import Representation, Views, missing
from debonair.web.problems import PAGE

FORMATS = {"json": "JSON", "csv": "CSV", "ndjson": "NDJSON", "xml": "XML", "yaml": "YAML"}


def add_to(views: Views) -> None:
    """Show the resources as pages."""
    pages = Pages(views)
    views.representations.append(Representation("html", "text/html", pages.collection, pages.one))
    views.added.append(pages.add)
    views.app.extensions[PAGE] = pages.failure


class Pages:
    """The pages of the resources of an application."""

    def __init__(self, views: Views) -> None:
        self.views = views
        self.reader = views.reader
        self._prefixes: list[str] = []

    def add(self, resource: Resource, prefix: str) -> None:
        """Add the list of resources and the style sheet below the prefix of a resource, once."""
        if prefix in self._prefixes:
            return
        self._prefixes.append(prefix)
        app = self.views.app
        app.add_url_rule(f"{prefix}/", f"browsing.index{prefix}", self.index)
        app.add_url_rule(f"{prefix}/_browse/<file>", f"browsing.style{prefix}", self.style)

    def index(self) -> Any:
        """Return the list of the resources, or what the service itself has at this URL."""
        for rule in self.views.app.url_map.iter_rules():
            own = rule.endpoint.startswith("browsing.index")
            if rule.rule == request.path and not own and "GET" in (rule.methods or ()):
                return self.views.app.ensure_sync(self.views.app.view_functions[rule.endpoint])()
        resources = index.shown_resources(self.views.catalog.resources.values())
        best = request.accept_mimetypes.best_match(["application/json", "text/html"])
        if request.args.get("format") == "json" or (best != "text/html" and "format" not in request.args):
            listed = [{"name": each.name, "url": url_of(each)} for each in resources]
            response = self.views.app.json.response({"resources": listed})
            response.headers["Vary"] = "Accept"
            return response
        entries = index.entries_of(self.reader, resources, url_of)
        return self._page("index.html", title="Resources", entries=entries)

    def style(self, file: str) -> Response:
        """Return the style sheet."""
        if file != style_name():
            raise NotFound(f"There is no file {file!r}.")
        return style_response()

    def collection(self, resource: Resource, text: str, within: Within | None) -> Response:
        """Return the page with a table of rows."""
        address = Address(quote(request.script_root + request.path), items_in(text))
        sent = filters.sent_items(address.items)
        if sent is not None:
            return self._redirected(address.url(sent))
        query = query_of(resource, [item for item in items_of(text) if item[0] != facets.FACET])
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

    def failure(self, error: HTTPException) -> Response | None:
        """Return the page for an error of a resource, or of a URL that is none; None for any other error."""
        endpoint = request.endpoint
        if endpoint is not None and not endpoint.startswith(("resources.", "browsing.")):
            return None
        best = request.accept_mimetypes.best_match(("application/json", "text/html"))
        if not self._prefixes or (request.args.get("format", "html" if best == "text/html" else "") != "html"):
            return None
        failure = failures.failure_of(error, Address(quote(request.script_root + request.path), _items()))
        name = endpoint.split(".")[1] if endpoint and endpoint.startswith("resources.") else None
        resource = self.views.catalog.resources.get(name) if name else None
        crumbs = [(Cell(resource.name), url_of(resource))] if resource else []
        return self._page(
            "failure.html", error.code or 500, title=failure.title, failure=failure, crumbs=crumbs
        )

    def _page(self, template: str, status: int = 200, **values: Any) -> Response:
        app = self.views.app
        prefix = self._prefixes[0]
        values.setdefault("crumbs", [])
        return rendered(
            template,
            status,
            service=app.name,
            home=url_for(f"browsing.index{prefix}"),
            style=url_for(f"browsing.style{prefix}", file=style_name()),
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
        response: Any = redirect(url, 303)
        return response


_DOCUMENT = ("api-docs.openapi_json", "openapi_json", "openapi")


def _items() -> tuple[tuple[str, str], ...]:
    return items_in(request.query_string.decode(errors="replace"))
