"""The templates and the style sheet, which are read when they are first used."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Response, current_app
from jinja2 import Environment, FileSystemLoader, StrictUndefined

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""The Content-Security-Policy of the pages: no script at all."""

_HERE = Path(__file__).parent


@cache
def environment() -> Environment:
    """Return the environment of the templates. Every value is escaped."""
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def style() -> bytes:
    """Return the style sheet."""
    return (_HERE / "style.css").read_bytes()


@cache
def style_name() -> str:
    """Return the file name of the style sheet, which changes with its content."""
    return f"style-{hashlib.blake2b(style(), digest_size=6).hexdigest()}.css"


def rendered(template: str, status: int = 200, **values: Any) -> Response:
    """Return the response with a page.

    :param template: the name of its file. :param values: what the template shows.
    """
    text = environment().get_template(template).render(**values)
    # A database may hold half of a surrogate pair, which has no UTF-8.
    response = current_app.response_class(text.encode(errors="replace"), status=status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Vary"] = "Accept"
    return response


def style_response() -> Response:
    """Return the response with the style sheet, which a browser need never ask for again."""
    response = current_app.response_class(style(), mimetype="text/css")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Content-Security-Policy"] = POLICY
    return response
