"""The URL rule of a request: logs and metrics name it, since rules are few and paths are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

UNMATCHED = "<unmatched>"
"""The rule of a request that no route matched."""


def rule_of(environ: WSGIEnvironment) -> str:
    """Return the rule that matched, once Flask has matched the request; else :data:`UNMATCHED`."""
    # Werkzeug puts the request that Flask made into the environ (``populate_request``).
    matched = getattr(environ.get("werkzeug.request"), "url_rule", None)
    return UNMATCHED if matched is None else matched.rule
