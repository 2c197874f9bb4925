"""Resources over HTTP: the routes, and the responses to reads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Flask, Request, Response
from flask import request as proxied
from werkzeug.exceptions import BadRequest, NotAcceptable, NotFound

from debonair.api.representations import choose, formats_of
from debonair.changes.bodies import JSON, json_body
from debonair.descriptions.description import Catalog, Relation, Resource
from debonair.descriptions.options import nearest
from debonair.queries.expression import joined_names
from debonair.queries.parameters import FaultyQuery
from debonair.queries.query import Within
from debonair.resources.keys import key_of, missing
from debonair.statements.plans import Page
from debonair.statements.reading import Reader, written
from debonair.web.lean_flask import response_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from debonair.api.openapi import Part


LONGEST_LINK = 4000
"""Characters of the header Link. A longer one is left out: clients and proxies refuse long headers."""


@dataclass(frozen=True)
class Representation:
    """Another media type in which resources are read.

    :param name: the value of the parameter ``format`` that selects it.
    :param media_type: what selects it in ``Accept``.
    :param collection: returns the response for the rows that a query string selects. It is called with the
        resource, the query string, and the row whose related rows they are, or None.
    :param one: returns the response for an object: called with the resource, its key and the query string;
        None when objects have no such representation.
    """

    name: str
    media_type: str
    collection: Callable[[Resource, str, Within | None], Response]
    one: Callable[[Resource, tuple[Any, ...], str], Response] | None = None


def current() -> Request:
    """Return the request itself: each access through Flask's proxy takes as long as several calls."""
    found: Request = proxied._get_current_object()  # type: ignore[attr-defined]
    return found


class Views:
    """The views of the resources of an application."""

    def __init__(self, app: Flask, catalog: Catalog, reader: Reader) -> None:
        self.app = app
        self.catalog = catalog
        self.reader = reader
        self.representations: list[Representation] = []
        self.additions: list[Callable[[Views, Resource, str], None]] = []
        self._formats = formats_of(app)
        self.prefixes: dict[str, str] = {}
        """What the path of each resource has before its name, by the name."""
        self._described: tuple[Any, Part] | None = None

    def renewed(self, app: Flask) -> Views:
        """Return views of other resources, with the same database, representations and additions."""
        views = Views(app, Catalog(), Reader(self.reader.engine))
        views.representations, views.additions = self.representations, self.additions
        return views

    def add(self, resource: Resource, prefix: str) -> None:
        """Add the routes of a resource, and those of ``additions``, which write it."""
        self.prefixes[resource.name] = prefix
        rule, endpoint = f"{prefix}/{resource.name}", f"resources.{resource.name}"

        def add(rule: str, endpoint: str, view: Callable[..., Response], methods: list[str]) -> None:
            def bound(**arguments: str) -> Response:
                return view(resource, **arguments)

            self.app.add_url_rule(rule, endpoint, bound, methods=methods)

        readable = "GET" in resource.options.verbs
        if readable:
            add(rule, endpoint, self.collection, ["GET", "QUERY"])
        if readable and resource.addressable:
            add(f"{rule}/<key>", f"{endpoint}.one", self.one, ["GET"])
            add(f"{rule}/<key>/<relation>", f"{endpoint}.related", self.related, ["GET", "OPTIONS"])
        for addition in self.additions:
            addition(self, resource, prefix)

    def described(self, taken: Collection[str]) -> Part:
        """Return the resources' part of the OpenAPI document, which is made again when they have changed."""
        from debonair.resource_document import document, operations

        others = tuple(
            operations.Other(of.name, of.media_type, of.one is not None) for of in self.representations
        )
        key = (tuple(self.catalog.resources.values()), others, taken)
        if self._described is None or self._described[0] != key:
            part = document.describe(self.catalog, lambda of: self.prefixes.get(of.name, ""), others, taken)
            self._described = (key, part)
        return self._described[1]

    def collection(self, resource: Resource, within: Within | None = None) -> Response:
        """Return a page; with the method QUERY (RFC 10008) the query is the JSON of the body."""
        request = current()
        if request.method == "QUERY":
            body = json_body(JSON)
            if not isinstance(body, dict):
                raise BadRequest("The body of QUERY must be a JSON object with the parameters of a page.")
            if body.get("format", "json") != "json":
                raise FaultyQuery({"format": ["must be json: QUERY has no other representation"]})
            try:
                plan = self.reader.plan(resource, list(body.items()), within)
            except FaultyQuery as error:
                if error.is_too_complex:
                    error.code = 422  # The body fits its schema, which cannot say how large it may be.
                raise
            return self.respond(page_body(self.reader.read(plan, as_json=True)))
        text = request.query_string.decode(errors="surrogateescape")
        representation = self._negotiated(request)
        if representation is not None:
            return representation.collection(resource, text, within)
        page = self.reader.page(resource, text, within, as_json=True)
        if within is not None and not page.number and not self._exists(within):
            raise missing(within.parent, within.key)
        return self.respond(page_body(page), links(page, path_of(request.environ)))

    def one(self, resource: Resource, key: str) -> Response:
        """Return an object."""
        request = current()
        text = request.query_string.decode(errors="surrogateescape")
        values = key_of(resource, key)
        representation = self._negotiated(request)
        if representation is not None and representation.one is not None:
            return representation.one(resource, values, text)
        found = self.reader.one(resource, values, text)
        if found is None:
            raise missing(resource, values)
        return self.respond(found)

    def related(self, resource: Resource, key: str, relation: str) -> Response:
        """Return the page of a to-many relation of a row, or the object of a to-one relation."""
        found = resource.relations.get(relation)
        if found is None:
            raise NotFound(f"{resource.name} has no relation {relation[:80]!r}.")
        request = current()
        if request.method == "OPTIONS":
            response: Response = self.app.response_class()
            response.allow.update(methods_of(found))
            return response
        within = Within(resource, relation, key_of(resource, key))
        if found.many:
            return self.collection(found.target, within)
        representation = self._negotiated(request)
        text = request.query_string.decode(errors="surrogateescape")
        page = self.reader.related(found.target, text, within)
        if not page.rows:
            if not self._exists(within):
                raise missing(resource, within.key)
            raise NotFound(f"This row of {resource.name} has no {relation}.")
        if representation is not None and representation.one is not None and found.target.pages_by_key:
            names = found.target.order_key
            fields = f"fields={quote(joined_names(names))}"
            values = self.reader.related(found.target, fields, within).objects()[0]
            joined = ",".join(quote(str(values[name]), safe="") for name in names)
            return representation.one(found.target, key_of(found.target, joined), text)
        return self.respond(page.objects()[0])

    def respond(self, value: Any, link: str | None = None) -> Response:
        """Return the response with the JSON of a value, or 304 when the client has it (RFC 9110, 13.1.2)."""
        body = written(value)
        etag = etag_of(body)
        headers = [("Content-Type", "application/json"), ("ETag", etag)]
        if link is not None and len(link) <= LONGEST_LINK:
            headers.append(("Link", link))
        if self.representations:
            headers.append(("Vary", "Accept"))
        given = current().environ.get("HTTP_IF_NONE_MATCH")
        if given is not None and (given.strip() == "*" or etag in given):
            return self.app.response_class(status=304, headers=headers[1:])
        return response_of(self.app, body, headers)

    def _exists(self, within: Within) -> bool:
        return self.reader.one(within.parent, within.key, "") is not None

    def _negotiated(self, request: Request) -> Representation | None:
        """Return the representation that the client asks for; None for JSON and what is converted from it.

        :raises NotAcceptable: when the service offers more than JSON, and nothing that the client accepts.
        """
        if b"format=" in request.query_string and (name := request.args.get("format")) is not None:
            return self._named(name)
        accept = request.environ.get("HTTP_ACCEPT")
        if len(self._formats) == 1 and (
            accept is None or accept == "*/*" or accept.startswith("application/json")
        ):
            return None
        others = [each.media_type for each in self.representations]
        best = request.accept_mimetypes.best_match([*self._formats.values(), *others])
        if best is None and accept and len(self._formats) > 1:
            raise NotAcceptable(f"Accept one of {', '.join([*self._formats.values(), *others])}.")
        return next((each for each in self.representations if each.media_type == best), None)

    def _named(self, name: str) -> Representation | None:
        """Return the representation that the parameter ``format`` names.

        :raises FaultyQuery: when it is unknown.
        """
        if name in self._formats:
            choose(name)
            return None
        for each in self.representations:
            if each.name == name:
                return each
        known = [*self._formats, *(each.name for each in self.representations)]
        raise FaultyQuery({"format": [f"must be one of {', '.join(known)}{nearest(name, known)}"]})


def methods_of(relation: Relation) -> list[str]:
    """Return the methods of the URL of a relation of a row."""
    creates = relation.many and relation.writable and "POST" in relation.target.options.verbs
    return ["GET", "HEAD", "OPTIONS", *(["POST"] if creates else [])]


def path_of(environ: WSGIEnvironment) -> str:
    """Return the path of a request, percent-encoded."""
    return _quoted(environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", ""))


@lru_cache(maxsize=1000)
def _quoted(root: str, path: str) -> str:
    # Both have the bytes as Latin-1 (PEP 3333). What is no UTF-8 is replaced, as Werkzeug does.
    text = f"{root.rstrip('/')}/{path.lstrip('/')}"
    return quote(text.encode("latin-1").decode(errors="replace"))


def etag_of(body: bytes) -> str:
    """Return the entity tag of a representation: a strong one (RFC 9110, 8.8.3)."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def page_body(page: Page) -> dict[str, Any]:
    """Return the members of a page."""
    query = page.plan.query
    body: dict[str, Any] = {"num_results": page.num_results, "objects": page.written()}
    if query.after is None:
        body["page"], body["total_pages"] = query.page, page.total_pages
    else:
        body["page"], body["total_pages"], body["after"] = None, None, page.token
    if page.timed_out:
        body["count"] = "timeout"
    if page.estimated:
        body["count"] = "estimated"
    return body


def links(page: Page, path: str) -> str:
    """Return the header Link of a page (RFC 8288)."""
    query, total = page.plan.query, page.total_pages
    start = f"<{path}?{page.plan.link}&" if page.plan.link else f"<{path}?"
    if query.after is not None:
        found = [f'{start}after=>; rel="first"']
        if page.token is not None:
            found.append(f'{start}after={page.token}>; rel="next"')
        return ", ".join(found)
    found = [f'{start}page=1>; rel="first"']
    if query.page > 1:
        found.append(f'{start}page={query.page - 1}>; rel="prev"')
    if page.number == query.page_size if total is None else query.page < total:
        found.append(f'{start}page={query.page + 1}>; rel="next"')
    if total is not None:
        found.append(f'{start}page={max(total, 1)}>; rel="last"')
    return ", ".join(found)
