"""The routes that write resources.

The views behind them are imported with the first resource that clients may write, or else with the first
request that tries to. So a service whose resources are only read does not have them in memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from flask import Response

from debonair.descriptions.description import Resource
from debonair.resources.views import Views

if TYPE_CHECKING:
    from debonair.resources.write_views import Writes

_routes: WeakKeyDictionary[Views, WriteRoutes] = WeakKeyDictionary()


def add_writes(views: Views, resource: Resource, prefix: str) -> None:
    """Add the routes that write a resource; an addition of :class:`Views`."""
    if views not in _routes:
        _routes[views] = WriteRoutes(views)
    _routes[views].add(resource, prefix)


class WriteRoutes:
    """Adds the routes that write the resources of an application.

    :param views: those that read them.
    """

    def __init__(self, views: Views) -> None:
        self._views = views

    @cached_property
    def _writes(self) -> Writes:
        from debonair.resources.write_views import Writes

        return Writes(self._views)

    def add(self, resource: Resource, prefix: str) -> None:
        """Add the routes of a resource for the verbs that it allows. A table without a key is not written."""
        if not resource.addressable:
            return
        rule, verbs = f"{prefix}/{resource.name}", resource.options.verbs
        if verbs - {"GET"} or "_writes" in vars(self):
            # Before the workers are forked: they share what is imported.
            self._writes.watch(resource)
        changing = verbs & {"PATCH", "DELETE"} if resource.options.bulk else frozenset()
        self._route(rule, resource, "create", "create", verbs & {"POST"})
        self._route(rule, resource, "bulk", "change_many", changing)
        self._route(f"{rule}/<key>", resource, "write", "write", verbs & {"PATCH", "PUT", "DELETE"})
        self._route(f"{rule}/<key>/<relation>", resource, "create_related", "create_related", {"POST"})
        memberships = {"PUT", "DELETE"} if "PATCH" in verbs else frozenset()
        member = f"{rule}/<key>/<relation>/<member>"
        self._route(member, resource, "membership", "write_membership", memberships)

    def _route(self, rule: str, resource: Resource, name: str, view: str, methods: Iterable[str]) -> None:
        """Add a route.

        :param view: the name of a method of :class:`~debonair.resources.write_views.Writes`.
        """

        def write(**arguments: str) -> Response:
            response: Response = getattr(self._writes, view)(resource, **arguments)
            return response

        if methods:
            self._views.app.add_url_rule(
                rule, f"resources.{resource.name}.{name}", write, methods=sorted(methods)
            )
