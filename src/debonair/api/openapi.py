"""The OpenAPI document, which flask-smorest makes from blueprints and their schemas.

It is made when it is asked for: a service that starts does not wait for it.

All that we use of flask-smorest beyond its documentation is in this module.
"""

from __future__ import annotations

from debonair.api import email_domain  # noqa: F401 - before anything imports marshmallow

# isort: split
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import flask
import flask_smorest
import orjson
from flask import Flask, Request, Response, request
from flask.json.provider import DefaultJSONProvider
from flask_smorest.spec import openapi_cli
from marshmallow import Schema, fields
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException, UnsupportedMediaType

from debonair.api import schemas
from debonair.web.problems import MEDIA_TYPE

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Part:
    """A part of the document that is made without blueprints, as OpenAPI has it.

    :param components: by their section, such as ``schemas``, and name.
    """

    paths: dict[str, Any]
    components: dict[str, dict[str, Any]]
    tags: list[dict[str, Any]]


class ProblemErrorSchema(Schema):
    """One fault of a request."""

    pointer = fields.String(metadata={"description": "Where it is: a JSON pointer, or query:name."})
    message = fields.String(metadata={"description": "What is wrong."})


class ProblemSchema(Schema):
    """A problem, as RFC 9457 defines it, with the request id."""

    type = fields.String(metadata={"description": "A URI that names the kind of problem."})
    title = fields.String(metadata={"description": "The kind of problem in a few words."})
    status = fields.Integer(metadata={"description": "The HTTP status."})
    detail = fields.String(metadata={"description": "What is wrong with this request."})
    instance = fields.String(metadata={"description": "The path of the request."})
    request_id = fields.String(metadata={"description": "The id under which the logs have it."})
    errors = fields.List(fields.Nested(ProblemErrorSchema))


class _Parser(FlaskParser):
    """webargs' parser, which returns 415 for a body that is not declared to be JSON.

    webargs itself ignores such a body, and reports every required field as missing.
    """

    def load_json(self, req: Request, schema: Schema) -> Any:
        if not req.is_json and req.get_data():
            raise UnsupportedMediaType("Send the body with Content-Type: application/json.")
        return super().load_json(req, schema)

    def load_json_or_form(self, req: Request, schema: Schema) -> Any:
        return super().load_json(req, schema) if req.is_json else self.load_form(req, schema)


class Blueprint(flask_smorest.Blueprint):
    """flask-smorest's blueprint, which a plain ``app.register_blueprint`` adds to the document.

    It may be nested in any blueprint, at any depth; its operations have the full dotted name as their tag.
    """

    ARGUMENTS_PARSER = _Parser()
    # Described as the JSON body that it prefers: in the document a parameter cannot be in "json_or_form".
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING = MappingProxyType(
        {
            **flask_smorest.Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING,
            "json_or_form": "application/json",
        }
    )

    def register(self, app: Flask, options: dict[str, Any]) -> None:
        """Add routes and description to the application; Flask calls this once for each registration."""
        super().register(app, options)
        # Flask gives the names of the blueprints around a nested one as a prefix.
        name = ".".join(filter(None, (options.get("name_prefix"), options.get("name", self.name))))
        app.extensions["flask-smorest"]["apis"][""]["ext_obj"].add(self, name)

    def register_blueprint(self, blueprint: flask.Blueprint, **options: Any) -> None:
        """Nest a blueprint; it describes itself when it is registered, so nothing is copied from it."""
        flask.Blueprint.register_blueprint(self, blueprint, **options)

    def raises(self, *problems: type[HTTPException]) -> Callable[[F], F]:
        """Return a decorator that adds the problems which a view may raise to the document, by status."""

        def decorate(view: F) -> F:
            for problem in problems:
                title = getattr(problem, "title", None) or problem().name
                described = self.alt_response(
                    problem.code, schema=ProblemSchema, content_type=MEDIA_TYPE, description=title
                )
                view = described(view)
            return view

        return decorate


class _Api(flask_smorest.Api):
    """flask-smorest's Api, whose description of the blueprints is made when it is first used.

    It has no error handlers: errors are left to ``debonair.web.problems``.
    """

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Flask) -> None:
        self._blueprints: list[tuple[flask_smorest.Blueprint, str]] = []
        self._making = threading.RLock()
        self._made: Any = None
        super().__init__(app)
        app.cli.add_command(openapi_cli)

    def add(self, blueprint: flask_smorest.Blueprint, name: str) -> None:
        """Describe a registered blueprint under a name, as ``register_blueprint`` does."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][name] = self
        self._blueprints.append((blueprint, name))
        self._made = None

    @property
    def spec(self) -> Any:
        """The description, by apispec."""
        with self._making:
            if self._made is None:
                try:
                    self._make()
                except BaseException:
                    self._made = None
                    raise
            return self._made

    @spec.setter
    def spec(self, made: Any) -> None:
        self._made = made

    def _init_spec(self, **options: Any) -> None:
        pass

    def _make(self) -> None:
        super()._init_spec(marshmallow_plugin=schemas.plugin())  # sets ``spec``
        self.ma_plugin.converter.add_attribute_function(schemas.decimal_properties)
        for blueprint, name in self._blueprints:
            blueprint.register_views_in_doc(self, self._app, self.spec, name=name, parameters=None)
            self.spec.tag({"name": name, "description": blueprint.description})

    def _openapi_json(self) -> Response:
        document = document_of(flask.current_app)
        if request.args.get("version") == "3.2":
            document = as_3_2(document)
        if request.script_root and "servers" not in self.spec.options:
            # The prefix of the request, which clients put before the paths.
            document = {**document, "servers": [{"url": request.script_root}]}
        # Not indented, as a document of hundreds of resources has megabytes.
        text = orjson.dumps(document, default=DefaultJSONProvider.default)
        return flask.current_app.response_class(text, mimetype="application/json")

    def _register_error_handlers(self) -> None:
        pass

    def _register_responses(self) -> None:
        self.DEFAULT_RESPONSE_CONTENT_TYPE = MEDIA_TYPE
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE


def add_part(app: Flask, make: Callable[[Collection[str]], Part]) -> None:
    """Add a part to the document, which is made whenever the document is asked for.

    :param make: called with the names of the schemas of blueprints, which the part must not use.
    """
    app.extensions["flask-smorest"].setdefault("debonair_parts", []).append(make)


def document_of(app: Flask) -> dict[str, Any]:
    """Return the document: of the blueprints, and of the parts."""
    extension = app.extensions["flask-smorest"]
    document: dict[str, Any] = extension["apis"][""]["ext_obj"].spec.to_dict()
    taken = frozenset(document.get("components", {}).get("schemas", ()))
    for make in extension.get("debonair_parts", ()):
        part = make(taken)
        document["paths"] = document["paths"] | part.paths
        known = {tag["name"] for tag in document.get("tags", ())}
        document["tags"] = [*document.get("tags", ()), *(t for t in part.tags if t["name"] not in known)]
        components = document["components"] = dict(document.get("components", {}))
        for section, found in part.components.items():
            components[section] = found | components.get(section, {})
    return document


def describe_blueprints(app: Flask) -> None:
    """Describe the blueprints now. :raises Exception: when flask-smorest or apispec cannot."""
    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()


def as_3_2(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of OpenAPI 3.1 as one of 3.2, which has operations of the method QUERY."""
    paths = {
        path: {"query" if name == "x-query" else name: value for name, value in item.items()}
        for path, item in document["paths"].items()
    }
    return {**document, "openapi": "3.2.0", "paths": paths}


def init_app(app: Flask, title: str, version: str) -> None:
    """Add ``/openapi.json``, which describes every :class:`Blueprint` that is registered later.

    :param title: the title of the document. :param version: the version of the API that it describes.
    """
    app.config.setdefault("API_TITLE", title)
    app.config.setdefault("API_VERSION", version)
    app.config.setdefault("OPENAPI_VERSION", "3.1.0")
    app.config.setdefault("OPENAPI_URL_PREFIX", "/")
    app.config.setdefault("OPENAPI_JSON_PATH", "openapi.json")
    _Api(app)
