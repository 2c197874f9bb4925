"""The real imports of the chassis against the table of floors in the docs."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from tests.support import ROOT

CHASSIS = ROOT / "src" / "debonair"
ROOF = "__init__"


def floors() -> dict[str, int]:
    """Return the floor of each room, as ``architecture.rst`` has it."""
    text = (ROOT / "docs" / "source" / "explanation" / "architecture.rst").read_text()
    table = text.split(".. list-table:: The floors", 1)[1].split("\n\n\n", 1)[0]
    found = {}
    floor = -1
    for line in table.splitlines():
        number = re.match(r"\s+\* - (\d+|roof)\b", line)
        if number:
            floor = 99 if number[1] == "roof" else int(number[1])
        rooms = re.match(r"\s+- ((``\w+``\s*)+)$", line)
        if rooms and floor >= 0:
            found.update(dict.fromkeys(re.findall(r"``(\w+)``", rooms[1]), floor))
    return found


def room_of(path: Path) -> str:
    return path.relative_to(CHASSIS).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Return the rooms that a file imports when it runs; those for the type checker alone do not count."""
    found = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("debonair"):
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found |= {name[1] if len(name) > 1 else ROOF for name in names if name[0] == "debonair"}
        waiting += ast.iter_child_nodes(node)
    return found


FILES = sorted(CHASSIS.rglob("*.py"))


def test_table_has_every_room_and_no_other() -> None:
    assert set(floors()) == {room_of(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHASSIS)))
def test_imports_point_down(path: Path) -> None:
    table, here = floors(), room_of(path)
    for room in imports(path) - {here}:
        assert room in table, f"{here} imports {room}, which is no room"
        assert table[room] < table[here], f"{here} (floor {table[here]}) imports {room} ({table[room]})"


def test_only_config_imports_konfig_and_only_one_room_each_big_library() -> None:
    homes = {
        "konfig": {"config"},
        "alembic": {"database"},
        "flask_sqlalchemy": {"database"},
        "flask_migrate": {"database"},
        "gunicorn": {"server"},
        "prometheus_client": {"web", "server"},
        "flask_script_ng": {"manage"},
        "flask_smorest": {"api"},
        "orjson": {"logs"},
    }
    for library, rooms in homes.items():
        pattern = re.compile(rf"^\s*(import|from) {library}\b", re.MULTILINE)
        assert {room_of(path) for path in FILES if pattern.search(path.read_text())} == rooms, library


def test_public_names_are_the_ones_in_all() -> None:
    import debonair

    assert sorted(debonair.__all__) == debonair.__all__
    assert set(debonair._HOMES) == set(debonair.__all__)
    for name in debonair.__all__:
        home = importlib.import_module(f"debonair.{debonair._HOMES[name]}")
        assert getattr(debonair, name) is getattr(home, name)
    with pytest.raises(AttributeError):
        _ = debonair.nothing


def test_every_module_and_public_function_says_what_it_is() -> None:
    for path in FILES:
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
