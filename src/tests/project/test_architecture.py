"""The architecture of the chassis, compared with what the docs claim: floors, sizes, homes, docstrings."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Container, Iterator
from pathlib import Path

import pytest

import debonair
from tests.project import sizes
from tests.project.sizes import CHASSIS, FILES, LONGEST_FUNCTION, LONGEST_MODULE, room_of
from tests.support import ROOT

ROOF = "__init__"

Function = ast.FunctionDef | ast.AsyncFunctionDef


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


def imported_modules(path: Path, modules: Container[str]) -> set[str]:
    """Return those of the modules that a file imports when it is imported, not when it runs."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("debonair"):
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found.add(submodule if submodule in modules else node.module)
    return found


def public(path: Path) -> Iterator[tuple[str, ast.ClassDef | Function]]:
    """Yield every public class and function of a module, and every public method, with its name."""
    waiting: list[tuple[str, ast.AST]] = [("", ast.parse(path.read_text()))]
    while waiting:
        prefix, node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | Function) and not child.name.startswith("_"):
                yield f"{prefix}{child.name}", child
                if isinstance(child, ast.ClassDef):
                    waiting.append((f"{prefix}{child.name}.", child))


def inherits_documentation(name: str, path: Path) -> bool:
    """Return whether a method overrides one of a base class: it is documented there."""
    module = ".".join(("debonair", *path.relative_to(CHASSIS).with_suffix("").parts))
    owner_name, _, method = name.rpartition(".")
    owner: object = importlib.import_module(module.removesuffix(".__init__"))
    for part in filter(None, owner_name.split(".")):
        owner = getattr(owner, part)
    return isinstance(owner, type) and any(method in vars(base) for base in owner.__mro__[1:])


def test_table_has_every_room_and_no_other() -> None:
    assert set(floors()) == {room_of(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHASSIS)))
def test_imports_point_down(path: Path) -> None:
    table, here = floors(), room_of(path)
    for room in imports(path) - {here}:
        assert room in table, f"{here} imports {room}, which is no room"
        assert table[room] < table[here], f"{here} (floor {table[here]}) imports {room} ({table[room]})"


def test_modules_import_each_other_in_no_circle() -> None:
    names = {
        ".".join(("debonair", *path.relative_to(CHASSIS).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): path
        for path in FILES
    }
    edges = {name: imported_modules(path, names) - {name} for name, path in names.items()}
    done: set[str] = set()

    def visit(name: str, chain: tuple[str, ...]) -> None:
        assert name not in chain, f"a circle of imports: {' -> '.join([*chain, name])}"
        if name not in done:
            for other in edges[name]:
                visit(other, (*chain, name))
            done.add(name)

    for name in names:
        visit(name, ())


def test_each_library_is_imported_in_its_own_room_only() -> None:
    homes = {
        "konfig": {"config"},
        "alembic": {"database"},
        "flask_sqlalchemy": {"database"},
        "flask_migrate": {"database"},
        "psycopg": {"database"},
        "pika": {"worker"},
        "gunicorn": {"server"},
        "prometheus_client": {"jobs", "web"},
        "flask_script_ng": {"manage"},
        "flask_smorest": {"api"},
        "orjson": {"api", "browsing", "exports", "logs", "queries", "statements", "web"},
    }
    for library, rooms in homes.items():
        pattern = re.compile(rf"^\s*(import|from) {library}\b", re.MULTILINE)
        assert {room_of(path) for path in FILES if pattern.search(path.read_text())} == rooms, library


def test_no_module_is_named_like_a_library() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    libraries = {name.lower().replace("-", "_") for name in re.findall(r"^([\w-]+)==", lock, re.MULTILINE)}
    libraries |= {"psycopg", "pytest", "requests", "yaml"}
    own = {path.stem for path in FILES} | {path.parent.name for path in FILES}
    assert len(libraries) > 20
    assert not own & (libraries | sys.stdlib_module_names - {"__main__"})


def test_public_names_are_the_ones_in_all() -> None:
    assert sorted(debonair.__all__) == debonair.__all__
    assert set(debonair._HOMES) == set(debonair.__all__)
    for name in debonair.__all__:
        home = importlib.import_module(f"debonair.{debonair._HOMES[name]}")
        assert getattr(debonair, name) is getattr(home, name)
    with pytest.raises(AttributeError):
        _ = debonair.nothing


def test_type_checkers_see_the_same_public_names() -> None:
    text = (CHASSIS / "__init__.py").read_text()
    seen = re.findall(r"^    from debonair\.([\w.]+) import (\w+) as (\w+)$", text, re.MULTILINE)
    assert {name: home for home, name, alias in seen if name == alias} == debonair._HOMES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHASSIS)))
def test_every_module_and_everything_public_is_documented(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), path
    for name, node in public(path):
        if ast.get_docstring(node) is None:
            is_overload = any("overload" in ast.unparse(item) for item in node.decorator_list)
            assert is_overload or inherits_documentation(name, path), f"{path}: {name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHASSIS)))
def test_module_can_be_read_at_a_sitting(path: Path) -> None:
    for limit, found in [
        (LONGEST_MODULE, [sizes.module(path)]),
        (LONGEST_FUNCTION, list(sizes.functions(path))),
    ]:
        for size in found:
            assert size.lines <= limit, f"{size.name}: {size.lines} lines"
