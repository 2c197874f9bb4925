"""Flask's JSON by orjson, where orjson writes what Flask would write.

Only the responses of ``jsonify``, and of views that return a dict or a list, are written by orjson. Whatever
it would write otherwise is left to Flask: text that is not ASCII (``ensure_ascii``), NaN and infinity, and
with them None, keys that are no text, integers of more than 64 bits, classes that inherit from dict or list,
indented output. Dates, decimals and dataclasses go through Flask's ``default``. A float in exponent form is
the same number in another spelling: ``1e16`` for ``1e+16``.
"""

from __future__ import annotations

from typing import Any

import flask
import orjson
from flask.json.provider import DefaultJSONProvider

from debonair.web.lean_flask import response_of

_OPTIONS = (
    orjson.OPT_APPEND_NEWLINE
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


class JSONProvider(DefaultJSONProvider):
    """Flask's provider with all of its options: ``app.json.sort_keys``, ``ensure_ascii``, ``compact``,
    ``mimetype``, ``default``."""

    def response(self, *args: Any, **kwargs: Any) -> flask.Response:
        """Return a response with the arguments as JSON, as Flask does."""
        value = kwargs if not args else args[0] if len(args) == 1 and not kwargs else None
        body = self._quickly(value) if args or kwargs else None
        if body is None:
            response: flask.Response = super().response(*args, **kwargs)  # type: ignore[assignment]
            return response
        return response_of(self._app, body, [("Content-Type", "application/json")])  # type: ignore[arg-type]

    def _quickly(self, value: Any) -> bytes | None:
        """Return the value as Flask writes it; None where that is left to Flask."""
        if (
            (type(value) is not dict and type(value) is not list)
            or self.compact is False
            or (self.compact is None and self._app.debug)
            or self.mimetype != "application/json"
        ):
            return None
        options = _OPTIONS | orjson.OPT_SORT_KEYS if self.sort_keys else _OPTIONS
        try:
            body = orjson.dumps(value, default=self.default, option=options)
        except TypeError:
            return None
        # orjson writes NaN as null, and DEL as it is.
        if b"null" in body or (self.ensure_ascii and (not body.isascii() or b"\x7f" in body)):
            return None
        return body
