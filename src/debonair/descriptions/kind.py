"""What a kind of values is, and the filter operators that kinds have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Load = Callable[[Any], Any]

COMPARED = frozenset(("eq", "ne", "lt", "le", "gt", "ge", "in", "nin", "between", "isnull"))
TEXTUAL = COMPARED | {"like", "ilike", "contains", "startswith"}
EQUAL = frozenset(("eq", "ne", "in", "nin", "isnull"))
NULLNESS = frozenset(("isnull",))


@dataclass(frozen=True)
class Kind:
    """How values of a type are written and read.

    :param name: what the value is, in words for a message: "an integer".
    :param schema: its JSON Schema.
    :param load: returns the value for a member of JSON. :raises ValueError: with what is wrong.
    :param parse: returns the value for a text. :raises ValueError: with what is wrong.
    :param dump: returns what orjson writes, for a value that is not None; None when that is the value.
    :param from_text: returns the driver's value for PostgreSQL's text of it; None when JSON holds it exactly.
    :param operators: the filter operators that it has.
    :param as_text: whether PostgreSQL's own text of a value is its JSON, as for every type without a kind.
    """

    name: str
    schema: dict[str, Any]
    load: Load
    parse: Load
    dump: Load | None = None
    from_text: Load | None = None
    operators: frozenset[str] = field(default=COMPARED)
    as_text: bool = False
