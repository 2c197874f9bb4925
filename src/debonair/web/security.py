"""Security: what is believed of a proxy, how much a request may bring, and the headers of answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix

from debonair.settings import ServerSection

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# OWASP's recommendations for an API; a view that serves pages sets its own policy.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

_HOST = re.compile(r"([\w.~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(:\d*)?", re.ASCII)


def init_app(app: Flask, settings: ServerSection) -> None:
    """Believe the configured proxies, refuse bodies that are too large, and set safe headers."""
    app.config["MAX_CONTENT_LENGTH"] = int(settings.max_body)
    hops = settings.trusted_hops
    if hops:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops
        )
    app.wsgi_app = _SafeHeaders(app.wsgi_app)  # type: ignore[method-assign]
    app.before_request(_refuse_malformed)


class _SafeHeaders:
    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            present = {name.title() for name, _ in headers}
            headers += [item for item in HEADERS.items() if item[0] not in present]
            return start_response(status, headers, exc_info)

        return self._inner(environ, start)


def _refuse_malformed() -> None:
    environ = request.environ
    host = environ.get("HTTP_HOST")
    if host is None and environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
        raise BadRequest("A request of HTTP/1.1 names the host that it asks (RFC 9112, 3.2).")
    if host and not _HOST.fullmatch(host):
        raise BadRequest("Host is neither a name nor an address, with or without a port (RFC 3986, 3.2.2).")
    # Werkzeug refuses a body when it is read. One that no view reads is the caller's error too, be it
    # too large, cut off or not the JSON that it says it is.
    if "CONTENT_LENGTH" not in environ and "HTTP_TRANSFER_ENCODING" not in environ:
        return
    length, limit = request.content_length or 0, request.max_content_length
    if limit is not None and length > limit:
        raise RequestEntityTooLarge(f"The body is larger than the {limit} bytes that are accepted.")
    if not request.is_json:
        return
    received = len(request.get_data())
    if received < length:
        raise BadRequest(f"The body ended after {received} of {length} bytes.")
    if received:
        try:
            request.get_json()
        except RecursionError:
            raise BadRequest("The JSON body is nested too deeply.") from None
