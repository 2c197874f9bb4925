"""A client of a running instance, with the methods of Flask's test client.

The same tests run in process and against an instance: requests go to a WSGI application that forwards them.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from flask.wrappers import Response
from werkzeug.test import Client

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_TIMEOUT = 30
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}  # RFC 9110, 7.6.1


class Remote:
    """A WSGI application that forwards every request.

    :param base_url: where the instance is, such as ``http://127.0.0.1:5000``.
    :raises ValueError: when that is no HTTP URL.
    """

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{base_url!r} is not a URL such as http://127.0.0.1:5000")
        self._connection = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers = {
            name[5:].replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_") and name != "HTTP_HOST"
        }
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        connection = self._connection(self._host, self._port, timeout=_TIMEOUT)
        try:
            connection.request(environ["REQUEST_METHOD"], self._target(environ), body, headers)
            answer = connection.getresponse()
            kept = [item for item in answer.getheaders() if item[0].lower() not in _HOP_BY_HOP]
            start_response(f"{answer.status} {answer.reason}", kept)
            return [answer.read()]
        finally:
            connection.close()

    def _target(self, environ: WSGIEnvironment) -> str:
        # PEP 3333: the path is percent-decoded, and its bytes are given as Latin-1.
        path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/:@!$&'()*+,;=~")
        query = environ.get("QUERY_STRING")
        return self._prefix + path + (f"?{query}" if query else "")


def client(base_url: str) -> Client:
    """Return a test client for the instance at ``base_url``."""
    return Client(Remote(base_url), Response)
