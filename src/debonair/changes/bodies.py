"""The JSON body of a request: its media type, its text, and its limits."""

from __future__ import annotations

import json
from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

MAX_DEPTH = 100
"""How deep arrays and objects may be nested."""


def json_body(*media_types: str) -> Any:
    """Return the value of the request's body.

    :param media_types: what ``Content-Type`` may be.
    :raises UnsupportedMediaType: for another one. :raises BadRequest: for a body that is not JSON (RFC 8259),
        is nested too deep, or names a member twice in one object.
    """
    if request.mimetype not in media_types:
        raise UnsupportedMediaType(f"Send the body with Content-Type: {' or '.join(media_types)}.")
    return parsed(request.get_data())


def parsed(body: bytes) -> Any:
    """Return the value of a JSON text. :raises BadRequest: as :func:`json_body`."""
    try:
        text = body.decode()
        value = _DECODER.decode(text)
    except UnicodeDecodeError:
        raise BadRequest("The body is not JSON: it is not UTF-8.") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(value):
        raise _too_deep()
    return value


def _too_deep() -> BadRequest:
    return BadRequest(f"The body is nested too deep: at most {MAX_DEPTH} levels.")


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        level = inner
    return any(isinstance(each, dict | list) for each in level)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member {twice[:80]!r} is given twice")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:80]} is out of range")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_number)
