"""The table of faults in the docs names every test of a fault, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.sample import ROOT

PAGE = ROOT / "docs" / "source" / "explanation" / "faults.rst"
OWN = Path(__file__)


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


def test_table_names_every_test_of_a_fault_once() -> None:
    sources = [path.read_text() for path in sorted(OWN.parent.glob("test_*.py")) if path != OWN]
    tests = [name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.MULTILINE)]
    in_table = [name for row in rows() for name in sorted(named(row[3]))]
    assert sorted(in_table) == sorted(tests)
