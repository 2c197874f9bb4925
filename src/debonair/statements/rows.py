"""Rows become objects: each row of a result is a flat tuple, of which an object is made."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

import orjson

Row = Sequence[Any]
Convert = Callable[[Any], Any]


@dataclass
class Layout:
    """Where the members of an object are in a row.

    :param names: the members that are columns, which stand side by side from ``start``.
    :param converters: what is applied to a member that is not None.
    :param ones: embedded objects: name, layout, and the index of a column that is None when there is no row.
    :param manys: embedded lists: name, index of the JSON array of rows, and the layout of each.
    """

    names: tuple[str, ...]
    start: int = 0
    converters: list[tuple[str, Convert]] = field(default_factory=list)
    ones: list[tuple[str, Layout, int]] = field(default_factory=list)
    manys: list[tuple[str, int, Layout]] = field(default_factory=list)


def builder(layout: Layout) -> Callable[[Row], dict[str, Any]]:
    """Return a function that makes the object of a row.

    It is compiled from a syntax tree, as ``dataclasses`` does from text: for each row of a page it is several
    times as fast as loops over the layout. Names become constants of the tree and are never parsed.
    """
    values: dict[str, Any] = {}
    function: Callable[[Row], dict[str, Any]] = _function("row", _object(layout, values), values)
    return function


def builder_of_many(layout: Layout) -> Callable[[Iterable[Row]], list[dict[str, Any]]]:
    """Return a function that makes the objects of rows. See :func:`builder`."""
    values: dict[str, Any] = {}
    rows = ast.comprehension(ast.Name("row", ast.Store()), ast.Name("rows", ast.Load()), [], 0)
    objects = ast.ListComp(_object(layout, values), [rows])
    function: Callable[[Iterable[Row]], list[dict[str, Any]]] = _function("rows", objects, values)
    return function


def _function(argument: str, result: ast.expr, values: dict[str, Any]) -> Any:
    """Return a function of one argument that returns the expression; ``values`` are its global names."""
    arguments = ast.arguments([], [ast.arg(argument)], None, [], [], None, [])
    function = ast.Expression(ast.Lambda(arguments, result))
    code = compile(ast.fix_missing_locations(function), "<layout of a row>", "eval")
    inner = next(constant for constant in code.co_consts if isinstance(constant, CodeType))
    return FunctionType(inner, values)


def _object(layout: Layout, values: dict[str, Any]) -> ast.expr:
    """Return the expression for an object; the functions that it calls are added to ``values``."""
    converters = dict(layout.converters)
    members: list[tuple[str, ast.expr]] = []
    for index, name in enumerate(layout.names, layout.start):
        value = _at(index)
        if name in converters:
            value = _unless_none(index, _call(converters[name], value, values))
        members.append((name, value))
    for name, inner, index in layout.ones:
        members.append((name, _unless_none(index, _object(inner, values))))
    for name, index, inner in layout.manys:
        members.append((name, _call(_lists(builder(inner)), _at(index), values)))
    return ast.Dict([ast.Constant(name) for name, _ in members], [value for _, value in members])


def _at(index: int) -> ast.expr:
    return ast.Subscript(ast.Name("row", ast.Load()), ast.Constant(index), ast.Load())


def _unless_none(index: int, value: ast.expr) -> ast.expr:
    is_none = ast.Compare(_at(index), [ast.Is()], [ast.Constant(None)])
    return ast.IfExp(is_none, ast.Constant(None), value)


def _call(function: Convert, argument: ast.expr, values: dict[str, Any]) -> ast.expr:
    name = f"f{len(values)}"
    values[name] = function
    return ast.Call(ast.Name(name, ast.Load()), [argument], [])


def _lists(each: Callable[[Row], dict[str, Any]]) -> Convert:
    return lambda value: [each(flat(row)) for row in rows_of(value)]


def rows_of(value: Any) -> list[Any]:
    """Return the rows of an embedded list, as the database wrote them."""
    if isinstance(value, str | bytes):
        value = orjson.loads(value)
    return value or []


def flat(chunks: list[list[Any]]) -> list[Any]:
    """Return an embedded row, which is written in chunks since a function has at most 100 arguments."""
    return chunks[0] if len(chunks) == 1 else [value for chunk in chunks for value in chunk]
