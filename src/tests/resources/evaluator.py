"""An independent evaluator of filter trees over rows in memory, with SQL's three-valued logic.

It shares no code with Debonair. A condition is True, False or None (unknown); a row is selected where it is
True. A comparison with NULL is unknown. ``isnull``, ``__any`` and ``__none`` are True or False: a related
row counts where its condition is True. A column of a to-one relation is NULL where there is no related row.
"""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.resources.trees import LISTS, MUSIC, OPERATORS, Relation, Table, Tree

Row = dict[str, Any]
Truth = bool | None
Condition = Callable[[Row], Truth]

_FROM_TEXT: dict[str, Callable[[Any], Any]] = {
    "decimal": lambda value: Decimal(str(value)),
    "float": float,
    "integer": int,
    "boolean": bool,
    "date": lambda value: datetime.date.fromisoformat(value) if isinstance(value, str) else value,
    "datetime": lambda value: datetime.datetime.fromisoformat(value) if isinstance(value, str) else value,
}
"""How a value of JSON or of a driver is made comparable, by kind of column; other kinds stay as they are."""


class Rows:
    """The rows of described tables."""

    def __init__(self, rows: dict[str, list[Row]], tables: dict[str, Table] = MUSIC) -> None:
        self.tables = tables
        self.rows = {name: [self._comparable(name, row) for row in found] for name, found in rows.items()}
        self._indexes: dict[tuple[str, str], dict[Any, list[Row]]] = {}

    def _comparable(self, name: str, row: Row) -> Row:
        columns = self.tables[name].columns if name in self.tables else {}
        return {
            column: comparable(columns[column].kind, value) if column in columns else value
            for column, value in row.items()
        }

    @classmethod
    def load(cls, connection: Any, tables: dict[str, Table] = MUSIC) -> Rows:
        """Read every described table, and the tables between them, through a connection of the driver."""
        through = {r.through[0] for table in tables.values() for r in table.relations.values() if r.through}
        rows = {}
        for name in [*tables, *sorted(through)]:
            cursor = connection.cursor()
            cursor.execute(f'SELECT * FROM "{name}"')
            columns = [column[0] for column in cursor.description]
            rows[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        return cls(rows, tables)

    def _where(self, table: str, column: str, value: Any) -> list[Row]:
        if (table, column) not in self._indexes:
            index = self._indexes[table, column] = defaultdict(list)
            for row in self.rows[table]:
                index[row[column]].append(row)
        return [] if value is None else self._indexes[table, column].get(value, [])

    def related(self, relation: Relation, row: Row) -> list[Row]:
        """Return the rows that the relation leads to."""
        value = row[relation.local]
        if relation.through is None:
            return self._where(relation.table, relation.remote, value)
        table, here, there = relation.through
        between = self._where(table, here, value)
        return [
            found for link in between for found in self._where(relation.table, relation.remote, link[there])
        ]


def comparable(kind: str, value: Any) -> Any:
    """Return a value of JSON or of a driver as Python compares it."""
    return value if value is None or kind not in _FROM_TEXT else _FROM_TEXT[kind](value)


def all_of(truths: list[Truth]) -> Truth:
    """SQL's AND."""
    return False if False in truths else None if None in truths else True


def any_of(truths: list[Truth]) -> Truth:
    """SQL's OR."""
    return True if True in truths else None if None in truths else False


def negation(truth: Truth) -> Truth:
    """SQL's NOT."""
    return None if truth is None else not truth


def like(pattern: str) -> re.Pattern[str]:
    """Return the pattern of LIKE ... ESCAPE '\\' as a regular expression.

    Raises ValueError where it ends within an escape, as PostgreSQL does.
    """
    parts = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            escaped = next(characters, None)
            if escaped is None:
                raise ValueError("the pattern ends within an escape")
            parts.append(re.escape(escaped))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
    return re.compile("".join(parts), re.DOTALL)


def _fold(text: str, unicode_case: bool) -> str:
    return text.lower() if unicode_case else re.sub("[A-Z]+", lambda found: found[0].lower(), text)


def _is_in(value: Any, items: list[Any]) -> Truth:
    return any_of([None if item is None else value == item for item in items])


def comparison(operator: str, operand: Any, unicode_case: bool = False) -> Callable[[Any], Truth]:
    """Return the comparison of a value, which may be None, with the operand."""
    if operator == "isnull":
        return lambda value: (value is None) == operand
    if operator in ("in", "nin") and not operand:
        return lambda value: operator == "nin"
    if operator in ("like", "ilike"):
        folded = _fold(operand, unicode_case) if operator == "ilike" else operand
        expression = like(folded)
        test: Callable[[Any], Truth] = lambda value: (  # noqa: E731
            expression.fullmatch(_fold(value, unicode_case) if operator == "ilike" else value) is not None
        )
    else:
        test = {
            "eq": lambda value: value == operand,
            "ne": lambda value: value != operand,
            "lt": lambda value: value < operand,
            "le": lambda value: value <= operand,
            "gt": lambda value: value > operand,
            "ge": lambda value: value >= operand,
            "in": lambda value: _is_in(value, operand),
            "nin": lambda value: negation(_is_in(value, operand)),
            "between": lambda value: operand[0] <= value <= operand[1],
            "contains": lambda value: operand in value,
            "startswith": lambda value: value.startswith(operand),
        }[operator]
    if operator not in LISTS and operand is None:
        return lambda value: None
    return lambda value: None if value is None else test(value)


def _path(rows: Rows, table: str, path: str, operand: Any, unicode_case: bool) -> Condition:
    """Return the condition ``path: operand``. An empty row stands for a related row that is missing."""
    step, dot, rest = path.partition(".")
    if not dot:
        column, _, operator = (
            step.rpartition("__") if step.rpartition("__")[2] in OPERATORS else (step, "", "eq")
        )
        kind = rows.tables[table].columns[column].kind
        if operator in LISTS:
            operand = [comparable(kind, item) for item in operand]
        elif operator != "isnull":
            operand = comparable(kind, operand)
        test = comparison(operator, operand, unicode_case)
        return lambda row: test(row.get(column))
    name, _, quantifier = step.partition("__")
    relation = rows.tables[table].relations[name]
    condition = _path(rows, relation.table, rest, operand, unicode_case)
    if relation.many:
        wanted = {"any": True, "none": False}[quantifier]
        return lambda row: wanted is any(condition(found) is True for found in _related(rows, relation, row))
    return lambda row: condition(next(iter(_related(rows, relation, row)), {}))


def _related(rows: Rows, relation: Relation, row: Row) -> list[Row]:
    return rows.related(relation, row) if row else []


def condition(rows: Rows, tree: Tree, table: str = "albums", unicode_case: bool = False) -> Condition:
    """Return the tree as a function of a row of ``table``."""
    parts: list[Condition] = []
    for key, value in tree.items():
        if key in ("and", "or"):
            inner = [condition(rows, part, table, unicode_case) for part in value]
            parts.append(_joined(any_of if key == "or" else all_of, inner))
        elif key == "not":
            inner = [condition(rows, value, table, unicode_case)]
            parts.append(_joined(lambda truths: negation(truths[0]), inner))
        else:
            parts.append(_path(rows, table, key, value, unicode_case))
    return parts[0] if len(parts) == 1 else _joined(all_of, parts)


def _joined(join: Callable[[list[Truth]], Truth], parts: list[Condition]) -> Condition:
    return lambda row: join([part(row) for part in parts])


def select(rows: Rows, tree: Tree, table: str = "albums", unicode_case: bool = False) -> list[Any]:
    """Return the ids of the rows of ``table`` for which the tree is True, in order.

    ``unicode_case``: ``ilike`` ignores case in all of Unicode (PostgreSQL), not in ASCII only (SQLite).
    """
    holds = condition(rows, tree, table, unicode_case)
    return sorted(row["id"] for row in rows.rows[table] if holds(row) is True)
