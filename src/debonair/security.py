"""Security: what is believed of a proxy, how much a request may bring, and the headers of answers."""

from __future__ import annotations

from flask import Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix

from debonair.settings import ServerSection

# OWASP's recommendations for an API; a view that serves pages sets its own policy.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def init_app(app: Flask, settings: ServerSection) -> None:
    """Believe the configured proxies, refuse bodies that are too large, and set safe headers."""
    app.config["MAX_CONTENT_LENGTH"] = int(settings.max_body)
    if settings.trusted_hops:
        hops = settings.trusted_hops
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops
        )
    app.before_request(_refuse_bad_body)
    app.after_request(_add_headers)


def _refuse_bad_body() -> None:
    # Werkzeug refuses a body when it is read. One that no view reads is the caller's error too, be it
    # too large or not the JSON that it says it is.
    length, limit = request.content_length or 0, request.max_content_length
    if limit is not None and length > limit:
        raise RequestEntityTooLarge(f"The body is larger than the {limit} bytes that are accepted.")
    if length and request.is_json:
        request.get_json()


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
