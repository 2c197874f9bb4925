"""Security: which proxies are trusted, how large a body may be, and the headers of every response."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from flask import Flask, Request, request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

from debonair.names import Service
from debonair.settings import FlaskSection, ServerSection, Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# OWASP's recommendations for an API (OWASP REST Security Cheat Sheet). A view that serves pages sets its own
# policy.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

_HEADERS = [(name.lower(), (name, value)) for name, value in HEADERS.items()]


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Limit a request's body, let probes pass ``[flask] TRUSTED_HOSTS``, and protect the session cookie."""
    app.config["MAX_CONTENT_LENGTH"] = int(settings[ServerSection].max_body)
    app.request_class = _Request
    if settings[FlaskSection].SESSION_COOKIE_SECURE is None:
        app.session_interface = _Sessions()


def trust_proxies(inner: WSGIApplication, settings: Settings) -> tuple[WSGIApplication, tuple[str, ...]]:
    """Return a layer that reads ``[server] trusted_headers`` of ``[server] trusted_hops`` proxies.

    The second result names the variables of the WSGI environment that it reads: a request without them does
    not need it.
    """
    section = settings[ServerSection]
    trusted = {f"x_{name}": section.trusted_hops for name in section.trusted_headers}
    if not section.trusted_hops:
        return inner, ()
    # Werkzeug trusts two of the headers unless it is told otherwise.
    layer = ProxyFix(inner, **{"x_for": 0, "x_proto": 0, **trusted})
    return layer, tuple(f"HTTP_X_FORWARDED_{name.upper()}" for name in section.trusted_headers)


class _Sessions(SecureCookieSessionInterface):
    """Flask's sessions, whose cookie a client that uses HTTPS sends over HTTPS only."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie has the attribute Secure; ``trust_proxies`` has set the scheme."""
        return super().get_cookie_secure(app) or request.is_secure


class _Request(Request):
    """A request that any host name may probe: health checks and Prometheus use the server's address."""

    _probes = frozenset(("/health/live", "/health/ready", "/metrics"))
    _trusted_hosts: list[str] | None = None

    @property
    def trusted_hosts(self) -> list[str] | None:
        """The host names that the request may have, as Flask sets them; None for any."""
        hosts = self._trusted_hosts
        return None if hosts is None or self.path in self._probes else hosts

    @trusted_hosts.setter
    def trusted_hosts(self, value: list[str] | None) -> None:
        self._trusted_hosts = value


@lru_cache(maxsize=256)
def missing_headers(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return those of :data:`HEADERS` that a response with headers of these names does not have."""
    present = {name.lower() for name in names}
    return [item for name, item in _HEADERS if name not in present]
