"""The page at ``/`` in development, for a service without one: its routes, and what comes next."""

from __future__ import annotations

from flask import Flask, request, url_for
from markupsafe import Markup, escape
from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule

from debonair.names import Service
from debonair.settings import Settings

_PAGE = Markup("""<!doctype html> <html lang="en"> <meta charset="utf-8"> <meta name="viewport"
content="width=device-width, initial-scale=1"> <title>{name}</title> <h1>{name} {version}</h1> <p>This page
is shown in development only, while the service has no route <code>/</code>.</p> <h2>Routes</h2> <ul>
{routes} </ul> <h2>What comes next</h2> <ul> <li>Write models in <code>models.py</code>, then <code>{name}
db migrate -m "what changed"</code>.</li> <li>Write views in <code>views.py</code>; the server reloads
them.</li> <li><code>{name} routes</code>, <code>{name} show-config</code> and <code>{name} shell</code>
show what there is.</li> </ul> </html>
""")


HOME = "debonair.home"
"""The application's extension that returns whether the service has a page at ``/`` without a route."""


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Show the page in development; in production nothing is added."""
    if not service.production:
        app.before_request(lambda: _page(app, service))


def _page(app: Flask, service: Service) -> str | None:
    if request.path != "/" or not isinstance(request.routing_exception, NotFound):
        return None
    if request.accept_mimetypes.best_match(("application/json", "text/html")) != "text/html":
        return None
    if (has_home := app.extensions.get(HOME)) is not None and has_home():
        return None
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)
    routes = Markup("\n").join(_item(rule) for rule in rules)
    return _PAGE.format(name=service.name, version=service.version, routes=routes)


def _item(rule: Rule) -> Markup:
    methods = " ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
    shown = Markup("<code>{} {}</code>").format(methods, rule.rule)
    if "GET" in methods.split() and not rule.arguments:
        shown = Markup('<a href="{}">{}</a>').format(escape(url_for(rule.endpoint)), shown)
    return Markup("<li>{}</li>").format(shown)
