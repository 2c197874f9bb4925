"""The pages about resources have every parameter, operator, option and bound of the code."""

from __future__ import annotations

import re

import pytest

from debonair.changes import graph, idempotency
from debonair.changes.bodies import MAX_DEPTH
from debonair.descriptions import options
from debonair.queries import expression, filters
from debonair.queries.parameters import CONTROL
from debonair.settings import ResourceSection, options_of
from tests.project.test_docs import page

PAGE = page("reference/resources")


def rows(pattern: str) -> set[str]:
    """Return what a pattern finds in the first cells of the tables."""
    cells = "\n".join(re.findall(r"^   \* - (.*)$", PAGE, re.MULTILINE))
    return set(re.findall(pattern, cells))


def test_every_parameter_is_in_the_table() -> None:
    assert rows(r"``(\w+)=") == set(CONTROL) - {"filter", "all"}
    assert "``filter=``" in PAGE and "``all=true``" in PAGE


def test_every_operator_is_in_the_table() -> None:
    assert set(filters.OPERATORS) == rows(r"``([a-z]+)``") - {"null"}


@pytest.mark.parametrize(
    "shown",
    [
        f"up to {expression.MAX_TERMS} terms and {expression.MAX_DEPTH} levels",
        f"takes up to {filters.MAX_VALUES} values",
        f"nested more than {MAX_DEPTH}",
        f"array of up to {graph.MOST:,} objects",
        f"kept for {idempotency.KEPT // 3600} hours in the table ``{idempotency.TABLE.name}``",
    ],
)
def test_bounds_are_those_of_the_code(shown: str) -> None:
    assert " ".join(shown.split()) in " ".join(PAGE.split())


def test_every_option_of_a_section_is_a_parameter_of_expose() -> None:
    assert set(options_of(ResourceSection)) <= set(options.Exposure.__annotations__)


def test_every_hook_of_the_guide_is_one_that_the_code_calls() -> None:
    text = page("howto/resources")
    for verb in ("POST", "PATCH", "PUT", "DELETE"):
        assert f'before["{verb}"]' in text
