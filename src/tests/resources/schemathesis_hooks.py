"""What schemathesis must know beyond the document, as OpenAPI cannot say it.

It is loaded by the command ``schemathesis`` of ``test_schemathesis.py``. The texts of an expression and of a
token have no pattern; a change of many rows needs a filter or ``all=true``.
"""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies

EXPRESSIONS = ["id__gt=3", 'not(id__in="1,2")', 'or(id=1,and(id__isnull=false,not(id__between="2,3")))']

schemathesis.openapi.format("filter-expression", strategies.sampled_from(EXPRESSIONS))
schemathesis.openapi.format("keyset-token", strategies.just(""))


@schemathesis.hook
def map_query(context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the query with a filter, where one is needed."""
    query = dict(query or {})
    operation = context.operation
    if operation.method.upper() in ("PATCH", "DELETE") and "{key}" not in operation.path and not query:
        query["all"] = "true"
    return query
