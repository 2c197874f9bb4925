"""The table of faults in the docs names every test of this folder once, and only tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.sample import ROOT

PAGE = ROOT / "docs" / "source" / "explanation" / "faults.rst"
OWN = Path(__file__)
OTHERS = [OWN.parents[1] / name for name in ("chassis", "jobs")]
"""Tests of the server and of the worker there show faults too."""


def rows() -> list[list[str]]:
    """Return the cells of the table's rows, without its heading."""
    table = PAGE.read_text().partition(".. list-table::")[2]
    return [re.split(r"\n     - ", row) for row in re.split(r"\n   \* - ", table)[2:]]


def named(cell: str) -> set[str]:
    return set(re.findall(r"``(test_\w+)``", cell))


def test_every_row_has_four_cells_and_a_test() -> None:
    assert rows()
    for row in rows():
        assert len(row) == 4 and named(row[3]), row


def names_in(folder: Path) -> list[str]:
    sources = [path.read_text() for path in sorted(folder.glob("test_*.py")) if path != OWN]
    return [name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.MULTILINE)]


def test_table_names_every_test_of_a_fault_once() -> None:
    in_table = [name for row in rows() for name in named(row[3])]
    others = {name for folder in OTHERS for name in names_in(folder)}
    assert sorted(name for name in in_table if name not in others) == sorted(names_in(OWN.parent))
    assert len(in_table) == len(set(in_table))
