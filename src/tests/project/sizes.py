"""The sizes of the chassis: lines by room, the longest modules and functions.

usage: python -m tests.project.sizes
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support import ROOT

CHASSIS = ROOT / "src" / "debonair"
FILES = sorted(CHASSIS.rglob("*.py"))

LONGEST_MODULE = 300
"""Lines that a module may have."""

LONGEST_FUNCTION = 50
"""Lines that a function may have, its docstring included."""


class Size(NamedTuple):
    """The lines of a module or function."""

    lines: int
    name: str


def room_of(path: Path) -> str:
    return path.relative_to(CHASSIS).parts[0].removesuffix(".py")


def module(path: Path) -> Size:
    return Size(len(path.read_text().splitlines()), str(path.relative_to(CHASSIS)))


def functions(path: Path) -> Iterator[Size]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{path.relative_to(CHASSIS)}:{node.name}"
            yield Size((node.end_lineno or 0) - node.lineno + 1, name)


def main() -> None:
    rooms: Counter[str] = Counter()
    for path in FILES:
        rooms[room_of(path)] += module(path).lines
    for room, lines in rooms.most_common():
        print(f"{lines:6} {room}")
    print(f"{rooms.total():6} in all")
    print(f"\nThe longest modules (at most {LONGEST_MODULE} lines):")
    for size in sorted(map(module, FILES), reverse=True)[:5]:
        print(f"{size.lines:6} {size.name}")
    print(f"\nThe longest functions (at most {LONGEST_FUNCTION} lines):")
    for size in sorted((size for path in FILES for size in functions(path)), reverse=True)[:5]:
        print(f"{size.lines:6} {size.name}")


if __name__ == "__main__":
    main()
