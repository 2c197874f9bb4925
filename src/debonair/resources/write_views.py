"""Writes of resources over HTTP: the conditions of a request, and the responses."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from flask import Response, request
from werkzeug.exceptions import MethodNotAllowed, NotFound

from debonair.changes import bulk, preconditions, violations
from debonair.changes.bodies import JSON, MERGE_PATCH, json_body
from debonair.changes.columns import is_client_key
from debonair.changes.graph import MOST
from debonair.changes.idempotency import Idempotency, Stored, key_of_request
from debonair.changes.insertion import Insertions
from debonair.changes.writing import Work, transaction
from debonair.descriptions.description import Relation, Resource
from debonair.descriptions.faults import Faults, Path
from debonair.resources.keys import key_of, key_text, missing
from debonair.resources.membership_views import Memberships
from debonair.resources.views import Views, etag_of, methods_of
from debonair.statements.reading import written
from debonair.web.lean_flask import response_of


class Writes:
    """The views that write the resources of an application.

    :param views: those that read them.
    """

    def __init__(self, views: Views) -> None:
        self._views = views
        self._reader = views.reader
        self._insertions = Insertions(views.reader, views.catalog)
        self.write_membership = Memberships(views).write
        for resource in views.catalog.resources.values():
            self.watch(resource)

    def watch(self, resource: Resource) -> None:
        """Let errors of the database name the object of a resource."""
        if resource.addressable:
            violations.watch(resource)

    def create(self, resource: Resource) -> Response:
        """Insert an object, or each of an array: all or none."""
        return self._create(resource, None)

    def create_related(self, resource: Resource, key: str, relation: str) -> Response:
        """Insert an object, or each of an array, in a to-many relation of a row."""
        found = resource.relations.get(relation)
        if found is None:
            raise NotFound(f"{resource.name} has no relation {relation!r}.")
        if "POST" not in (methods := methods_of(found)):
            raise MethodNotAllowed(methods)
        return self._create(found.target, (resource, found, key_of(resource, key)))

    def _create(
        self, resource: Resource, parent: tuple[Resource, Relation, tuple[Any, ...]] | None
    ) -> Response:
        data, key = json_body(JSON), key_of_request()
        if parent is None and key is None:
            text = _query_string()
            inserted = self._insertions.create(resource, data, text)
            if inserted is not None:
                return self._response(self._stored(resource, written(inserted[0]), inserted[1], text))
        with transaction(self._reader, self._views.catalog) as work:
            idempotency = None if key is None else Idempotency(work.session, key)
            stored = None if idempotency is None else idempotency.begin()
            if stored is not None:
                response = self._response(stored)
                response.headers["Idempotency-Replayed"] = "true"
                return response
            within = None
            if parent is not None:
                row = work.lookup.rows(parent[0], [parent[2]]).get(parent[2])
                if row is None:
                    raise missing(parent[0], parent[2])
                within = (parent[0], parent[1], row)
            made = self._created(work, resource, data, within)
            if idempotency is not None:
                idempotency.keep(made)
        return self._response(made)

    def _created(self, work: Work, resource: Resource, data: Any, parent: Any) -> Stored:
        text = _query_string()
        many = isinstance(data, list)
        if many and len(data) > MOST:
            faults = Faults()
            faults.add((), f"must have at most {MOST} objects")
            faults.raise_if_any()
        items: list[tuple[Any, Path]] = [(data, ())]
        if many:
            items = [(each, (index,)) for index, each in enumerate(data)]
        rows = work.create(resource, items, parent)
        found = [work.read(resource, row, text) for row in rows]
        if many:
            if not rows:
                self._reader.check_one(resource, text)
            return Stored(201, {"Content-Type": JSON}, written(found))
        return self._stored(resource, written(found[0]), sa.inspect(rows[0]).identity, text)

    def _stored(self, resource: Resource, body: bytes, key: tuple[Any, ...], text: str) -> Stored:
        """Return the response for a new object."""
        headers = {"Content-Type": JSON, "Location": self._url(resource, key)}
        if not text:
            # The tag belongs to the URL of Location, which returns every member.
            headers["ETag"] = etag_of(body)
        return Stored(201, headers, body)

    def write(self, resource: Resource, key: str) -> Response:
        """Change, replace, or delete a row; PUT creates it where clients choose the key."""
        method, text, values = request.method, _query_string(), key_of(resource, key)
        data = None
        if method == "DELETE":
            self._reader.check_one(resource, text)
        else:
            data = json_body(JSON, MERGE_PATCH) if method == "PATCH" else json_body(JSON)
        with transaction(self._reader, self._views.catalog) as work:
            row = work.lookup.locked(resource, values, propagated=method != "DELETE")
            if row is None:
                if method != "PUT":
                    raise missing(resource, values)
                stored = self._put_new(work, resource, values, data)
            else:
                preconditions.check(resource, lambda: etag_of(written(work.found(resource, values, text))))
                if method == "DELETE":
                    work.delete(resource, row)
                    stored = Stored(204, {}, b"")
                else:
                    work.change(resource, row, data, whole=method == "PUT")
                    body = written(work.read(resource, row, text))
                    stored = Stored(200, {"Content-Type": JSON, "ETag": etag_of(body)}, body)
        return self._response(stored)

    def _put_new(self, work: Work, resource: Resource, key: tuple[Any, ...], data: Any) -> Stored:
        preconditions.check_absent()
        if not is_client_key(resource):
            raise missing(resource, key)
        if isinstance(data, dict):
            faults = Faults()
            for name, value in zip(resource.key, key, strict=True):
                kind = resource.columns[name].kind
                written_value = value if kind.dump is None else kind.dump(value)
                if data.setdefault(name, _plain(written_value)) != _plain(written_value):
                    faults.add((name,), "does not agree with the key in the URL")
            faults.raise_if_any()
        return self._created(work, resource, data if isinstance(data, dict) else None, None)

    def change_many(self, resource: Resource) -> Response:
        """Change or delete the rows that a filter selects."""
        data = json_body(JSON, MERGE_PATCH) if request.method == "PATCH" else None
        query = bulk.selected(resource, _query_string())
        with transaction(self._reader, self._views.catalog) as work:
            if request.method == "PATCH":
                count = bulk.change(work, resource, query, data)
            else:
                count = bulk.delete(work, resource, query)
        return self._response(Stored(200, {"Content-Type": JSON}, written({"num_results": count})))

    def _url(self, resource: Resource, key: tuple[Any, ...]) -> str:
        path = f"{request.script_root}{self._views.prefixes[resource.name]}/{resource.name}"
        return f"{quote(path)}/{key_text(key)}"

    def _response(self, stored: Stored) -> Response:
        app = self._views.app
        if stored.body:
            return response_of(app, stored.body, list(stored.headers.items()), stored.status)
        response: Response = app.response_class(stored.body, status=stored.status)
        del response.headers["Content-Type"]
        response.headers.update(stored.headers)
        return response


def _query_string() -> str:
    return request.query_string.decode(errors="replace")


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    import json

    return json.loads(written(value))
