"""One membership of a many-to-many relation over HTTP: PUT adds it, and DELETE removes it."""

from __future__ import annotations

from operator import itemgetter

from flask import Response, request
from werkzeug.exceptions import MethodNotAllowed, NotFound

from debonair.changes import preconditions
from debonair.changes.graph import Graph
from debonair.changes.writing import transaction
from debonair.descriptions.description import Resource
from debonair.resources.keys import key_of, missing
from debonair.resources.views import Views


class Memberships:
    """The views of memberships. :param views: those that read the resources."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def write(self, resource: Resource, key: str, relation: str, member: str) -> Response:
        """Add a row to a relation of another row, or remove it; the rows themselves remain.

        It is a PATCH of the row with the relation, so hooks and validators of the row are called.
        """
        found = resource.relations.get(relation)
        if found is None or not resource.has_memberships(relation):
            raise NotFound(f"{resource.name} has no many-to-many relation {relation!r}.")
        if not found.writable:
            raise MethodNotAllowed(["OPTIONS"])
        self._views.reader.check_one(resource, request.query_string.decode(errors="replace"))
        own, other = key_of(resource, key), key_of(found.target, member)
        with transaction(self._views.reader, self._views.catalog) as work:
            # Both, and in one order: the same membership may be written from the other side meanwhile.
            places = sorted(
                [(resource.name, own, resource), (found.target.name, other, found.target)],
                key=itemgetter(0, 1),
            )
            rows = {(name, key): work.lookup.locked(each, key) for name, key, each in places}
            for name, values, each in places:
                if rows[name, values] is None:
                    raise missing(each, values)
            row, target = rows[resource.name, own], rows[found.target.name, other]
            members = work.members(row, relation)
            preconditions.check_member(target in members)
            if request.method == "DELETE" and target not in members:
                raise NotFound(f"The row {member!r} of {found.target.name} is not among {relation}.")
            if request.method == "DELETE" or target not in members:
                changed = [each for each in members if each is not target]
                changed += [target] if request.method == "PUT" else []
                work.change_values(Graph(work.lookup), resource, row, {relation: changed}, "PATCH")
        response: Response = self._views.app.response_class(status=204)
        del response.headers["Content-Type"]
        return response
