"""A filter tree, as JSON or parsed from text, validated against the resource."""

from __future__ import annotations

from typing import Any

from debonair.descriptions.description import Column, Relation, Resource
from debonair.descriptions.kinds_of_text import checked_text
from debonair.descriptions.options import nearest
from debonair.queries.expression import MAX_DEPTH, MAX_TERMS, Text, TooComplexError, split
from debonair.queries.query import Condition, Junction, Negation, Node, Related, Steps

OPERATORS = (
    "eq", "ne", "lt", "le", "gt", "ge", "in", "nin", "like", "ilike", "contains", "startswith", "isnull",
    "between"
)  # fmt: skip
MAX_VALUES = 500
MAX_PATTERN = 1000
"""Characters of the value of a textual operator: the time of LIKE grows with the pattern."""
MAX_STEPS = 6
"""Relations in a path."""


def filter_of(resource: Resource, tree: Any) -> Node:
    """Return the validated tree.

    :param tree: as JSON has it; values of type :class:`~debonair.queries.expression.Text`, or of the
        parameters of a URL, are parsed by the kind of their column.
    :raises ValueError: with what is wrong: an unknown name or operator, or a value that does not fit.
    """
    return _Validator().node(resource, tree, 0)


class _Validator:
    def __init__(self) -> None:
        self._terms = 0

    def node(self, resource: Resource, tree: Any, depth: int) -> Node:
        if not isinstance(tree, dict) or not tree:
            raise ValueError("a filter must be an object with a condition, or with and, or, not")
        if depth > 2 * MAX_DEPTH:
            raise TooComplexError(f"must be nested at most {MAX_DEPTH} deep")
        parts = [self._member(resource, name, value, depth) for name, value in tree.items()]
        return parts[0] if len(parts) == 1 else Junction("and", tuple(parts))

    def _member(self, resource: Resource, name: str, value: Any, depth: int) -> Node:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise TooComplexError(f"must have at most {MAX_TERMS} terms")
        if name in ("and", "or") and isinstance(value, list):
            if not value:
                raise ValueError(f"{name} needs a part")
            return Junction(name, tuple(self.node(resource, part, depth + 1) for part in value))
        if name == "not" and isinstance(value, dict):
            return Negation(self.node(resource, value, depth + 1))
        if name in ("and", "or", "not") and name not in resource.columns:
            raise ValueError(f"{name} needs {'an object' if name == 'not' else 'an array of objects'}")
        return self._condition(resource, name, name, value)

    def _condition(self, resource: Resource, path: str, whole: str, value: Any, passed: int = 0) -> Node:
        steps: list[str] = []
        current = resource
        while True:
            column, operator = _column(current, path)
            if column is not None:
                if not column.filterable:
                    raise ValueError(f"{whole!r} cannot be filtered by")
                return Condition(tuple(steps), column, operator, _values(column, operator, value))
            relation, quantifier, rest = _relation(current, path, whole)
            if len(steps) + passed == MAX_STEPS:
                raise ValueError(f"{whole[:80]!r} is deeper than {MAX_STEPS} relations")
            if quantifier:
                part = self._condition(relation.target, rest, whole, value, passed + len(steps) + 1)
                return Related(tuple(steps), relation.name, quantifier, part)
            steps.append(relation.name)
            current, path = relation.target, rest


def _column(resource: Resource, path: str) -> tuple[Column | None, str]:
    if path in resource.columns:
        return resource.columns[path], "eq"
    name, separator, operator = path.rpartition("__")
    if separator and name in resource.columns:
        if operator not in OPERATORS:
            raise ValueError(f"unknown operator {operator!r}{nearest(operator, OPERATORS)}")
        return resource.columns[name], operator
    return None, ""


def _relation(resource: Resource, path: str, whole: str) -> tuple[Relation, str, str]:
    for name, relation in resource.relations.items():
        for quantifier in ("any", "none") if relation.many else ("",):
            start = f"{name}__{quantifier}." if quantifier else f"{name}."
            if path.startswith(start):
                return relation, quantifier, path[len(start) :]
        if relation.many and (path == name or path.startswith((f"{name}.", f"{name}__"))):
            raise ValueError(f"{name!r} has many rows: write {name}__any.… or {name}__none.…")
        if path == name or path.startswith(f"{name}__"):
            raise ValueError(f"{name!r} is a relation: compare a column of it, as {name}.…")
    name = path.rpartition("__")[0] or path
    known = [*resource.columns, *resource.relations]
    shown = name.partition(".")[0][:80]
    raise ValueError(f"unknown column {shown!r} of {resource.name}{nearest(name[:200], known)}")


def _values(column: Column, operator: str, value: Any) -> tuple[Any, ...]:
    kind = column.kind
    if operator not in kind.operators:
        known = ", ".join(name for name in OPERATORS if name in kind.operators)
        raise ValueError(f"{operator} cannot be used for {kind.name}: use {known}")
    text = isinstance(value, Text)
    read = kind.parse if text else kind.load
    if operator == "isnull":
        return (_boolean(value),)
    if operator in ("in", "nin", "between"):
        parts = split(value) if text else value
        if not isinstance(parts, list) or (operator == "between" and len(parts) != 2):
            raise ValueError("must be two values" if operator == "between" else "must be a list of values")
        if not 1 <= len(parts) <= MAX_VALUES:
            raise ValueError(f"must be from 1 to {MAX_VALUES} values")
        return tuple(_read(read, part) for part in parts)
    if operator in ("like", "ilike", "contains", "startswith"):
        return (_pattern(operator, value),)
    return (_read(read, str(value) if text else value),)


def _pattern(operator: str, value: Any) -> str:
    text = checked_text(value)
    if len(text) > MAX_PATTERN:
        raise ValueError(f"must have at most {MAX_PATTERN} characters")
    if operator in ("like", "ilike") and (len(text) - len(text.rstrip("\\"))) % 2:
        raise ValueError("must not end with a single \\, which escapes the next character")
    return text


def _read(read: Any, value: Any) -> Any:
    if value is None:
        raise ValueError("must not be null: use isnull")
    return read(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, Text) and value.lower() in ("true", "1", "false", "0"):
        return value.lower() in ("true", "1")
    raise ValueError("must be true or false")


__all__ = ["OPERATORS", "Steps", "filter_of"]
