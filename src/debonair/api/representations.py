"""Representations: the same result as JSON, XML or YAML, as the header ``Accept`` asks.

Off until ``[api] formats`` names more than JSON. Results of a :class:`~debonair.Blueprint` and problems are
converted after the view. A client that accepts none of the formats gets 406 before the view runs. Resources
choose with :func:`choose` and refuse by themselves, as they have further media types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import NotAcceptable

from debonair.api.openapi import Blueprint
from debonair.errors import CommandError
from debonair.web import problems

_TYPES = {"json": "application/json", "xml": "application/xml", "yaml": "application/yaml"}
_PROBLEMS = {
    "json": problems.MEDIA_TYPE,
    "xml": "application/problem+xml",
    "yaml": "application/problem+yaml",
}
_UNSAFE = ("POST", "PATCH", "PUT", "DELETE")
_EXTENSION = "debonair_formats"


def init_app(app: Flask, formats: list[str]) -> None:
    """Offer the formats that the settings name.

    :raises CommandError: when YAML is a format and PyYAML is not installed.
    """
    app.extensions[_EXTENSION] = {name: _TYPES[name] for name in formats}
    if set(formats) <= {"json"}:
        return
    writers = _writers(formats)
    offered = [_TYPES[name] for name in formats]

    def refuse() -> None:
        if not isinstance(current_app.blueprints.get(request.blueprint or ""), Blueprint) and not _writes():
            return
        if request.accept_mimetypes and request.accept_mimetypes.best_match(offered) is None:
            raise NotAcceptable(f"Accept one of {', '.join(offered)}.")

    def asked() -> str:
        chosen: str | None = g.get(_EXTENSION)
        if chosen is not None:
            return chosen
        best = request.accept_mimetypes.best_match(offered, default=offered[0])
        return next((name for name in formats if _TYPES[name] == best), "json")

    def convert(response: Response) -> Response:
        problem = response.mimetype == _PROBLEMS["json"]
        if response.status_code == 304 and asked() != "json":
            _weaken(response)
        if response.mimetype != _TYPES["json"] and not problem:
            return response
        response.vary.add("Accept")
        name = asked()
        if name != "json":
            root = "problem" if problem else "result"
            try:
                response.set_data(writers[name](response.get_json(), root))
            except RecursionError:
                return response  # nested too deeply for the writer: it stays JSON (RFC 9110, 12.4.1)
            response.mimetype = (_PROBLEMS if problem else _TYPES)[name]
            _weaken(response)
        return response

    app.before_request(refuse)
    app.after_request(convert)


def _writes() -> bool:
    """Return whether the request writes to a resource: it is refused before that."""
    return (request.endpoint or "").startswith("resources.") and request.method in _UNSAFE


def _weaken(response: Response) -> None:
    """Make the entity tag weak: the strong one is that of the JSON (RFC 9110, 8.8.3)."""
    etag, weak = response.get_etag()
    if etag is not None and not weak:
        response.set_etag(etag, weak=True)


def formats_of(app: Flask) -> dict[str, str]:
    """Return the media types of the formats that the application offers, by name."""
    formats: dict[str, str] = app.extensions[_EXTENSION]
    return formats


def choose(name: str) -> None:
    """Return the response of this request in a format, whatever its header Accept says.

    :param name: one of :func:`formats_of`.
    """
    setattr(g, _EXTENSION, name)


def _writers(formats: list[str]) -> dict[str, Callable[[Any, str], str | bytes]]:
    writers: dict[str, Callable[[Any, str], str | bytes]] = {}
    if "xml" in formats:
        from debonair.api.xml_writer import to_xml

        writers["xml"] = to_xml
    if "yaml" in formats:
        try:
            import yaml
        except ImportError:
            raise CommandError("[api] formats has yaml: install debonair[yaml]") from None
        writers["yaml"] = lambda value, root: yaml.safe_dump(value, allow_unicode=True, sort_keys=False)
    return writers
