"""The page ``/docs``: Swagger UI, which shows the OpenAPI document and sends requests that a person fills in.

The files of Swagger UI come from the installed package ``flask_swagger_ui``, the others from the folder
``docs`` of this package. None is read before it is requested. The page loads nothing from another host. Its
URLs are relative, so that it works below a prefix.
"""

from __future__ import annotations

from importlib import resources

from flask import Flask, redirect, request, send_file
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the page and its files. Images in responses are shown as ``blob:``."""

_FILES = {
    "swagger-ui.css": "flask_swagger_ui",
    "swagger-ui-bundle.js": "flask_swagger_ui",
    "page.css": "debonair.api",
    "start.js": "debonair.api",
}
"""Every file that is served, and the package that has it."""

_FOLDERS = {"flask_swagger_ui": "dist", "debonair.api": "docs"}


def init_app(app: Flask) -> None:
    """Add the page ``/docs`` and its files."""
    app.add_url_rule("/docs", "docs", _page, strict_slashes=False)
    app.add_url_rule("/docs/<file>", "docs_file", _file)


def _page() -> Response:
    if request.path.endswith("/"):
        # The URLs in the page are relative to /docs. So is this one: a proxy may add an unknown prefix.
        return _with_policy(redirect("../docs"))
    return _send("debonair.api", "index.html")


def _file(file: str) -> Response:
    if file not in _FILES:
        raise NotFound(f"The page /docs has no file {file!r}.")
    return _send(_FILES[file], file)


def _send(package: str, file: str) -> Response:
    """Return a file with its ETag. A browser may keep it, but asks each time whether it has changed."""
    path = resources.files(package) / _FOLDERS[package] / file
    return _with_policy(send_file(str(path)))


def _with_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    return response
