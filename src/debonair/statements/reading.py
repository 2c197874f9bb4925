"""A page and one object: from the parameters of a request to the bytes of the response.

What a query string asks for is planned once: the plan is kept by the resource and the text, and its statement
by the shape of the query, so that another value costs no compilation.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import orjson
import sqlalchemy as sa
from sqlalchemy import Engine

from debonair.database.engine import driver_connection
from debonair.descriptions.description import Resource
from debonair.queries import sorting
from debonair.queries.parameters import FaultyQuery, query_of
from debonair.queries.query import Condition, Junction, Query, Within, shape_of
from debonair.queries.query_string import items_of
from debonair.statements import json_pages, statement
from debonair.statements.binding import parameters_of
from debonair.statements.counting import Count, Estimate, Exact
from debonair.statements.execution import Cache, Statement
from debonair.statements.plans import Compiled, Page, Plan
from debonair.statements.rows import Row, builder
from debonair.statements.wire import without_nan, written_by_default

ONE = ("fields", "include", "format")
"""The parameters of a single object."""

LONGEST = 1000
"""Query strings of more characters are planned each time."""


_KEY = [f"v{index}" for index in range(2000)]
"""The parameters for a key: no table has a key of more columns."""


class Reader:
    """Reads the resources of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect = engine.dialect
        self._plans: Cache[Plan] = Cache(500)
        self._compiled: Cache[Compiled] = Cache(500)

    def page(
        self, resource: Resource, text: str, within: Within | None = None, *, as_json: bool = False
    ) -> Page:
        """Return the page that a query string asks for.

        :param within: the row whose related rows they are. :param as_json: whether its JSON is enough.
        :raises FaultyQuery: with every fault.
        """
        if within is not None:
            plan = self.plan(resource, items_of(text), within)
        else:
            plan = self._kept((resource, text), lambda: self.plan(resource, items_of(text)))
        return self.read(plan, as_json=as_json)

    def related(self, resource: Resource, text: str, within: Within) -> Page:
        """Return the page with the row of a to-one relation; it is empty when there is none.

        :param text: the query string, with ``fields`` and ``include``. :raises FaultyQuery: with every fault.
        """
        items = _of_one(items_of(text))
        return self.read(self.plan(resource, [*items, ("count", "none")], within))

    def one(
        self, resource: Resource, key: tuple[Any, ...], text: str, connection: Any = None
    ) -> dict[str, Any] | None:
        """Return the object with a key, or None.

        :param text: the query string, with ``fields`` and ``include``.
        :param connection: the driver's connection of a transaction that is open.
        """
        plan = self._kept((resource, text, "one"), lambda: self._plan_one(resource, text))
        read = plan.compiled.read
        values = plan.values.copy()
        for index, value in enumerate(key):
            values[_KEY[index]] = value
        own = None if connection is not None else driver_connection(self.engine)
        try:
            rows = read.rows(own or connection, read.bound(values))
        finally:
            if own is not None:
                own.close()
        found = plan.objects(rows)
        return found[0] if found else None

    def check_one(self, resource: Resource, text: str) -> None:
        """Check the query string of a single object. :raises FaultyQuery: with every fault."""
        query_of(resource, _of_one(items_of(text)))

    def read(self, plan: Plan, *, as_json: bool = False) -> Page:
        """Run the statements of a plan.

        :param as_json: whether the JSON of the page is enough.
        :raises FaultyQuery: when they are too complex for the database.
        """
        try:
            return self._read(plan, as_json)
        except sa.exc.DBAPIError as error:
            if plan.query.after and _of_statement(error) and not self._takes_token(plan):
                raise FaultyQuery({"after": [sorting.NO_TOKEN]}) from error
            if refused(error):
                raise FaultyQuery(
                    {"query": ["has a value or a complexity that the database refuses"]}
                ) from error
            raise

    def _takes_token(self, plan: Plan) -> bool:
        """Return whether the database takes the values of the token: it reads no row, and has no filter."""
        bare = self.plan_of(plan.resource, replace(plan.query, filter=None, count="none"))
        read = bare.compiled.read
        connection = driver_connection(self.engine)
        try:
            read.rows(connection, read.bound(bare.values | {"limit": 0}))
        except sa.exc.DBAPIError as error:
            if _of_statement(error):
                return False
            raise
        finally:
            connection.close()
        return True

    def _read(self, plan: Plan, as_json: bool) -> Page:
        query, compiled = plan.query, plan.compiled
        connection = driver_connection(self.engine)
        try:
            rows, written, token = [], None, None
            json = compiled.json if as_json and query.page_size >= json_pages.LEAST else None
            if json is not None:
                written = json.read(connection, plan.json_parameters)
            if written is not None:
                text, number = written
            else:
                rows, text = compiled.read.rows(connection, plan.parameters), None
                number = len(rows)
                if json is not None:
                    json.give_up()
            count = self._count(plan, number, connection)
        finally:
            connection.close()
        if query.after is not None and number > query.page_size:
            token = _token(plan, rows[query.page_size - 1])
            rows, number = rows[: query.page_size], query.page_size
        return Page(plan, number, rows, text, count.number, count.timed_out, count.estimated, token)

    def _count(self, plan: Plan, number: int, connection: Any) -> Count:
        """Return the number of all rows, of which the page has some."""
        query, counting = plan.query, plan.compiled.count
        seen = (query.page - 1) * query.page_size + number
        if query.after is None and number < query.page_size and (number or query.page == 1):
            return Count(seen)
        if counting is None:
            return Count(None)
        count = counting.counted(connection, plan.count_parameters, plan.resource.options.count_deadline)
        return count.at_least(seen)

    def plan(self, resource: Resource, items: list[tuple[str, Any]], within: Within | None = None) -> Plan:
        """Return how the page is read that the parameters of a request ask for.

        :param items: names and values, as :func:`~debonair.queries.parameters.query_of` takes them.
        :param within: the row whose related rows they are. :raises FaultyQuery: with every fault.
        """
        query = replace(query_of(resource, items), within=within)
        link = urlencode([item for item in items if item[0] not in ("page", "after")])
        return self._planned(resource, query, link)

    def plan_of(self, resource: Resource, query: Query) -> Plan:
        """Return how the page of a validated query is read. The plan is for this request only."""
        return self._planned(resource, query, "")

    def _kept(self, key: tuple[Any, ...], make: Callable[[], Plan]) -> Plan:
        plan = self._plans.get(key)
        if plan is None:
            plan = make()
            if not plan.compiled.restricted and len(key[1]) <= LONGEST:
                self._plans.put(key, plan)
        return plan

    def _plan_one(self, resource: Resource, text: str) -> Plan:
        query = query_of(resource, _of_one(items_of(text)))
        nodes = tuple(Condition((), resource.column(name), "eq", (None,)) for name in resource.key)
        query = replace(query, filter=Junction("and", nodes), sort=(), page_size=1, after=None, count="none")
        return self._planned(resource, query, "")

    def _planned(self, resource: Resource, query: Query, link: str) -> Plan:
        size = query.page_size + (query.after is not None)
        values = parameters_of(query, self.dialect.name)
        values |= {"limit": size, "offset": (query.page - 1) * query.page_size}
        within = None
        if query.within is not None:
            within = (query.within.parent, query.within.relation)
        after = None if query.after is None else tuple(value is None for value in query.after)
        shape = (resource, query.selection, query.sort, shape_of(query.filter), after, query.count, within)
        compiled = self._compiled.get(shape)
        if compiled is None:
            compiled = self._compile(resource, query)
            if not compiled.restricted:
                self._compiled.put(shape, compiled)
        count = compiled.count.bound(values) if compiled.count is not None else None
        return Plan(resource, query, compiled, values, compiled.read.bound(values), count, link)

    def _compile(self, resource: Resource, query: Query) -> Compiled:
        paged = statement.Paged(resource, query, self.dialect)
        select, restricted = statement.restricted(paged.select(*paged.columns), paged.binds)
        json = None
        if not restricted and json_pages.is_possible(resource, query, self.dialect):
            by_key = query.sort == sorting.sort_of(resource, "")
            json = json_pages.JsonPage(json_pages.select_of(paged, by_key), self.dialect)
        count: Exact | Estimate | None = None
        if query.count != "none":
            counting, binds = statement.count_of(resource, query, self.dialect)
            counting = statement.restricted(counting, binds)[0]
            if query.count == "exact":
                count = Exact(counting, self.dialect)
            else:
                whole = query.filter is None and query.within is None and not restricted
                count = Estimate(counting, _table_of(resource) if whole else None, self.dialect)
        read = Statement(select, self.dialect)
        return Compiled(read, json, builder(paged.layout), paged.sort, count, restricted)


def _table_of(resource: Resource) -> str | None:
    """Return the table that holds the rows of a resource; None when it is none of the default schema."""
    table = resource.mapper.local_table
    alone = isinstance(table, sa.Table) and not table.schema and resource.mapper.inherits is None
    return str(table.name) if alone and isinstance(table, sa.Table) else None


def _of_one(items: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the parameters for a single object. :raises FaultyQuery: when one is for pages only."""
    message = "is no parameter of a single object: use fields and include"
    faults = {name: [message] for name, _ in items if name not in ONE}
    if faults:
        raise FaultyQuery(faults)
    return items


def _token(plan: Plan, row: Row) -> str:
    values = tuple(row[index] for index in plan.compiled.sort)
    return sorting.encode(plan.resource, plan.query.sort, values)


def refused(error: sa.exc.DBAPIError) -> bool:
    """Return whether the query is the reason of a database's error, not its state."""
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        # A value that does not fit (22), what a type has no operator for (42883), a limit of PostgreSQL (54).
        return state[:2] in ("22", "54") or state == "42883"
    return isinstance(error, sa.exc.DataError) or any(text in str(error.orig) for text in _LIMITS)


def _of_statement(error: sa.exc.DBAPIError) -> bool:
    """Return whether the database refused a statement or its values, not the whole connection."""
    # Some types, such as regclass, report a text that they do not know as a name (42).
    state = getattr(error.orig, "sqlstate", None)
    return refused(error) or (state is not None and state[:2] == "42")


_LIMITS = ("too many", "too complex", "too large", "too deep", "parser stack overflow", "at most 64 tables")
"""What SQLite says when a statement is beyond its limits."""


def written(value: Any) -> bytes:
    """Return the JSON of a value."""
    try:
        return orjson.dumps(value, default=written_by_default)
    except TypeError:
        # An integer of more than 64 bits, or half of a surrogate pair: a JSON column can hold both.
        return json.dumps(without_nan(value), default=written_by_default, separators=(",", ":")).encode()
