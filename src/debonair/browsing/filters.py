"""The form of filters, and the filters that are active.

The form has a line for each column: what it sends, ``_op.<column>`` and ``_value.<column>``, becomes the
parameters of the API, and the browser is redirected to the URL with these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from debonair.browsing.addresses import FACET, Address, Items
from debonair.browsing.tables import label_column, references
from debonair.descriptions.description import Column, Resource
from debonair.descriptions.kinds import Kind
from debonair.queries.filters import OPERATORS
from debonair.queries.parameters import CONTROL

SENT = "_filter"
"""The parameter of a form that was sent."""

WORDS = {
    "contains": "contains",
    "startswith": "starts with",
    "eq": "is",
    "ne": "is not",
    "lt": "is less than",
    "le": "is at most",
    "gt": "is greater than",
    "ge": "is at least",
    "between": "is between (a,b)",
    "in": "is one of (a,b,…)",
    "nin": "is none of (a,b,…)",
    "like": "is like (with % and _)",
    "ilike": "is like, in any case",
}
_DROPPED = (SENT, "page", "after")
_WITHOUT_VALUE = {"null": ("isnull", "true"), "notnull": ("isnull", "false"), "empty": ("eq", "")}


@dataclass(frozen=True)
class Choice:
    """An option of a list."""

    value: str
    text: str
    chosen: bool = False


@dataclass(frozen=True)
class Line:
    """A line of the form.

    :param path: the column, as filters name it. :param values: the values to choose from; empty for a field
        of text. :param hint: an example of a value. :param valued: whether its operators take a value.
    """

    path: str
    operators: tuple[Choice, ...]
    value: str
    values: tuple[Choice, ...]
    hint: str
    valued: bool


@dataclass(frozen=True)
class Chip:
    """A filter that is active, and the URL without it."""

    path: str
    operator: str
    value: str
    href: str


@dataclass(frozen=True)
class Form:
    """The form. :param kept: the parameters that it sends unchanged."""

    lines: tuple[Line, ...]
    kept: Items
    active: int


def paths_of(resource: Resource) -> dict[str, Column]:
    """Return the columns that the form filters by: its own, and the labels of the rows that it refers to."""
    found = {name: column for name, column in resource.columns.items() if column.filterable}
    for relation in references(resource).values():
        label = label_column(relation.target)
        if label is not None and label.filterable:
            found.setdefault(f"{relation.name}.{label.name}", label)
    return found


def parameter(path: str, operator: str) -> str:
    """Return the parameter of a filter."""
    bare = operator == "eq" and path not in CONTROL and not path.startswith("_")
    return path if bare else f"{path}__{operator}"


def condition_in(name: str, paths: dict[str, Column]) -> tuple[str, str] | None:
    """Return path and operator of a parameter that filters by one of the paths, or None."""
    if name in CONTROL:
        return None
    if name in paths:
        return name, "eq"
    path, separator, operator = name.rpartition("__")
    return (path, operator) if separator and path in paths and operator in OPERATORS else None


def sent_items(items: Items) -> Items | None:
    """Return the parameters of the API for a form that was sent; None when none was."""
    if all(name != SENT for name, _ in items):
        return None
    values = dict(items)
    found: list[tuple[str, str]] = []
    for name, value in items:
        if name.startswith("_op."):
            path = name.removeprefix("_op.")
            given = values.get(f"_value.{path}", "")
            if value in _WITHOUT_VALUE:
                operator, given = _WITHOUT_VALUE[value]
                found.append((parameter(path, operator), given))
            elif given != "":
                found.append((parameter(path, value), given))
        elif name not in _DROPPED and not name.startswith("_value.") and (name, value) != ("q", ""):
            found.append((name, value))
    return tuple(found)


def form_of(resource: Resource, items: Items) -> Form:
    """Return the form, filled in with the filters of a query string."""
    paths = paths_of(resource)
    filled: dict[str, tuple[str, str]] = {}
    kept = []
    for name, value in items:
        condition = condition_in(name, paths)
        if condition is not None and condition[0] not in filled:
            filled[condition[0]] = (condition[1], value)
        elif name not in ("page", "after"):
            kept.append((name, value))
    lines = tuple(_line(path, column, *filled.get(path, ("", ""))) for path, column in paths.items())
    return Form(lines, tuple(kept), len(filled))


def _line(path: str, column: Column, operator: str, value: str) -> Line:
    kind, chosen = column.kind, operator
    if operator == "isnull":
        chosen, value = ("null" if value.lower() in ("true", "1") else "notnull"), ""
    elif operator == "eq" and value == "":
        chosen = "empty"
    values = values_of(kind)
    offered = [name for name in WORDS if name in kind.operators]
    if values and operator in ("", "eq", "ne", "isnull"):
        offered = ["eq", "ne"]
    elif values:
        values = ()
    choices = [(name, WORDS[name]) for name in offered]
    if "like" in kind.operators:
        choices.append(("empty", "is the empty text"))
    if column.nullable or chosen in ("null", "notnull"):
        choices += [("null", "is NULL"), ("notnull", "is not NULL")]
    if not offered:
        choices.insert(0, ("", "any"))
    operators = tuple(Choice(name, text, name == chosen) for name, text in choices)
    options = tuple(Choice(each, each, each == value) for each in values)
    return Line(path, operators, value, options, _hint(kind), valued=bool(offered))


def values_of(kind: Kind) -> tuple[str, ...]:
    """Return the values of a kind that has few; none for any other."""
    if kind.schema.get("type") == "boolean":
        return ("true", "false")
    return tuple(kind.schema.get("enum", ()))


def _hint(kind: Kind) -> str:
    hints = {"date": "2024-12-31", "date-time": "2024-12-31T18:00", "time": "18:00"}
    return hints.get(kind.schema.get("format", ""), "")


def chips_of(resource: Resource, address: Address) -> list[Chip]:
    """Return the filters that are active."""
    paths = paths_of(resource)
    found = []
    for at, (name, value) in enumerate(address.items):
        if (name in CONTROL and name not in ("q", "filter")) or name == FACET:
            continue
        condition = condition_in(name, paths)
        path, words, shown = name, "is", value
        if name in ("q", "filter"):
            path, words = {"q": "Search", "filter": "Filter"}[name], ":"
        elif condition is not None:
            path, words, shown = _worded(*condition, value)
        found.append(Chip(path, words, shown, address.without(at)))
    return found


def _worded(path: str, operator: str, value: str) -> tuple[str, str, str]:
    if operator == "isnull":
        return path, "is NULL" if value.lower() in ("true", "1") else "is not NULL", ""
    if operator == "eq" and value == "":
        return path, "is the empty text", ""
    return path, WORDS[operator].partition(" (")[0], value


def filtered(address: Address, path: str, operator: str, value: Any) -> str:
    """Return the URL with this filter in place of every other one by the same column."""
    names = {path} | {f"{path}__{name}" for name in OPERATORS}
    kept = [item for item in address.items if item[0] not in names or item[0] in CONTROL]
    return Address(address.path, tuple(kept)).added((parameter(path, operator), str(value)))
