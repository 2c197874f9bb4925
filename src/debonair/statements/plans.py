"""How a page is read, and the page that was read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from debonair.descriptions.description import Resource
from debonair.queries.query import Query
from debonair.statements import dumping
from debonair.statements.counting import Estimate, Exact
from debonair.statements.execution import Statement
from debonair.statements.json_pages import JsonPage
from debonair.statements.rows import Row


@dataclass(frozen=True)
class Compiled:
    """The statements for a shape of query.

    :param json: the statement for a page as JSON; None when the database cannot write that.
    :param sort: where the sort criteria are in a row, for the token.
    :param restricted: whether they hold the values of a row filter, so that they fit one request only.
    """

    read: Statement
    json: JsonPage | None
    build: Callable[[Row], dict[str, Any]]
    sort: list[int]
    count: Exact | Estimate | None
    restricted: bool


@dataclass(frozen=True)
class Plan:
    """How a page is read: the statements, their parameters, and the query string of its links."""

    resource: Resource
    query: Query
    compiled: Compiled
    values: dict[str, Any]
    parameters: Any
    count_parameters: Any
    link: str = ""

    @cached_property
    def json_parameters(self) -> Any:
        """The parameters of the statement for JSON."""
        return None if self.compiled.json is None else self.compiled.json.bound(self.values)

    @cached_property
    def _is_dumped(self) -> bool:
        return dumping.is_needed(self.resource, self.query.selection)

    def objects(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Return the objects of rows."""
        objects = list(map(self.compiled.build, rows))
        return dumping.dumped(self.resource, self.query.selection, objects) if self._is_dumped else objects


@dataclass
class Page:
    """A page that was read.

    :param number: the number of its rows. :param rows: its rows; none when the database wrote their JSON.
    :param json: the JSON array of its objects, as far as the database wrote it.
    :param token: the token of the next page; None at the end.
    """

    plan: Plan
    number: int
    rows: Sequence[Row]
    json: str | None
    num_results: int | None
    timed_out: bool = False
    estimated: bool = False
    token: str | None = None

    def objects(self) -> list[dict[str, Any]]:
        """Return the objects of the page, which was not read as JSON."""
        return self.plan.objects(self.rows)

    def written(self) -> Any:
        """Return what orjson writes as the array of the objects."""
        return self.objects() if self.json is None else orjson.Fragment(self.json)

    @property
    def total_pages(self) -> int | None:
        """The number of pages; None when it is not known."""
        return None if self.num_results is None else -(-self.num_results // self.plan.query.page_size)
