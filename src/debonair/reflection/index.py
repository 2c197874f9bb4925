"""The list of the resources as JSON, at the root of an API without code."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound

from debonair.api.openapi import Part, add_part
from debonair.names import Service
from debonair.resources.additions import views_now
from debonair.settings import ApiSection, Settings

_LINK = {"type": "string", "format": "uri-reference"}

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name", "version", "resources", "openapi"],
    "properties": {
        "name": {"type": "string", "description": "The name of the service."},
        "version": {"type": "string", "description": "Its version."},
        "resources": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "href"],
                "properties": {"name": {"type": "string"}, "href": _LINK},
            },
        },
        "openapi": _LINK | {"description": "The document that describes the resources."},
        "docs": _LINK | {"description": "The page that shows the document, where there is one."},
    },
}


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Add the list at ``<[api] prefix>/``. For a browser it is the page of this list."""
    section = settings[ApiSection]
    root = section.prefix.rstrip("/")

    def index() -> Response:
        best = request.accept_mimetypes.best_match(("application/json", "text/html"))
        named = request.args.get("format", "html" if best == "text/html" else "json")
        views = views_now(app)
        if (section.browse and named == "html") or views is None:
            raise NotFound  # The page for people stands in the place of this error.
        base = quote(request.script_root)
        body: dict[str, Any] = {
            "name": service.name,
            "version": service.version,
            "resources": [
                {"name": name, "href": f"{base}{views.prefixes[name]}/{quote(name)}"}
                for name, resource in sorted(views.catalog.resources.items())
                if "GET" in resource.options.verbs
            ],
            "openapi": f"{base}/openapi.json",
        }
        if section.docs:
            body["docs"] = f"{base}/docs"
        return views.respond(body)

    for rule in {f"{root}/", root} - {""}:
        app.add_url_rule(rule, "resources.index", index, methods=["GET"])
    add_part(app, lambda taken: Part({f"{root}/": {"get": _operation()}}, {}, []))


def _operation() -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "operationId": "index",
        "summary": "The list of the resources.",
        "responses": {
            "200": {
                "description": "The resources, with their URLs.",
                "headers": {"ETag": {"description": "Of the list.", "schema": {"type": "string"}}},
                "content": {"application/json": {"schema": _SCHEMA}},
            },
            "304": {"description": "The client has the current list."},
            "default": {"description": "A problem.", "content": problem},
        },
        "parameters": [
            {
                "name": "If-None-Match", "in": "header", "schema": {"type": "string"},
                "description": "Entity tags that the client has: 304 when one is current.",
            }
        ],
    }  # fmt: skip
