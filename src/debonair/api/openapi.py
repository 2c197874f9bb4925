"""The OpenAPI document, made by flask-smorest from the blueprints and their schemas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import flask_smorest
from flask import Flask, Request
from marshmallow import Schema, fields
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException, UnsupportedMediaType

from debonair.web.problems import MEDIA_TYPE

F = TypeVar("F", bound=Callable[..., Any])


class ProblemErrorSchema(Schema):
    """One fault of a request."""

    pointer = fields.String(metadata={"description": "Where it is: a JSON pointer, or query:name."})
    message = fields.String(metadata={"description": "What is wrong."})


class ProblemSchema(Schema):
    """A problem, as RFC 9457 defines it, with the request id."""

    type = fields.String(metadata={"description": "A URI that names the kind of problem."})
    title = fields.String(metadata={"description": "The kind of problem in a few words."})
    status = fields.Integer(metadata={"description": "The HTTP status."})
    detail = fields.String(metadata={"description": "What went wrong this time."})
    instance = fields.String(metadata={"description": "The path of the request."})
    request_id = fields.String(metadata={"description": "The id to find it by in the logs."})
    errors = fields.List(fields.Nested(ProblemErrorSchema))


class _Parser(FlaskParser):
    """webargs' parser, which says so when a body is not declared to be JSON, rather than miss every field."""

    def load_json(self, req: Request, schema: Schema) -> Any:
        if not req.is_json and req.get_data():
            raise UnsupportedMediaType("Send the body with Content-Type: application/json.")
        return super().load_json(req, schema)

    def load_json_or_form(self, req: Request, schema: Schema) -> Any:
        return super().load_json(req, schema) if req.is_json else self.load_form(req, schema)


class Blueprint(flask_smorest.Blueprint):
    """flask-smorest's blueprint, described in the document by a plain ``app.register_blueprint``."""

    ARGUMENTS_PARSER = _Parser()

    def register(self, app: Flask, options: dict[str, Any]) -> None:
        super().register(app, options)
        name = options.get("name", self.name)
        api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
        app.extensions["flask-smorest"]["blp_name_to_api"][name] = api
        self.register_views_in_doc(api, app, api.spec, name=name, parameters=None)
        api.spec.tag({"name": name, "description": self.description})

    def raises(self, *problems: type[HTTPException]) -> Callable[[F], F]:
        """Return a decorator that describes the problems a view may raise, by status and title."""

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
    """flask-smorest's Api, which leaves errors to the module ``problems`` of ``web``."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        pass

    def _register_responses(self) -> None:
        self.DEFAULT_RESPONSE_CONTENT_TYPE = MEDIA_TYPE
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE


def init_app(app: Flask, title: str, version: str) -> None:
    """Add ``/openapi.json``, which describes every :class:`Blueprint` that is registered later."""
    app.config.setdefault("API_TITLE", title)
    app.config.setdefault("API_VERSION", version)
    app.config.setdefault("OPENAPI_VERSION", "3.1.0")
    app.config.setdefault("OPENAPI_URL_PREFIX", "/")
    app.config.setdefault("OPENAPI_JSON_PATH", "openapi.json")
    _Api(app)
