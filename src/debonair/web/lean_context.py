"""The contexts and the dispatch of a request as in Flask, with less work where the usual case needs less.

Each method does what that of Flask 3.1 does, in the same order. A signal without a receiver is not sent, what
Flask looks up through its proxies is looked up once, and empty tables of functions are passed over. All that
is used here and not documented by Flask is named in ``src/tests/chassis/test_adapters_flask.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import flask
from flask.ctx import AppContext, RequestContext
from flask.globals import _cv_app, _cv_request
from flask.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)

_NOT_GIVEN: Any = object()


class LeanAppContext(AppContext):
    """Flask's application context."""

    def push(self) -> None:
        """Bind the application."""
        self._cv_tokens.append(_cv_app.set(self))
        if appcontext_pushed.receivers:
            appcontext_pushed.send(self.app, _async_wrapper=self.app.ensure_sync)

    def pop(self, exc: BaseException | None = _NOT_GIVEN) -> None:
        """Call the functions for its end, and restore the context that was bound before."""
        try:
            if len(self._cv_tokens) == 1:
                self.app.do_teardown_appcontext(sys.exc_info()[1] if exc is _NOT_GIVEN else exc)
        finally:
            context = _cv_app.get()
            _cv_app.reset(self._cv_tokens.pop())
        if context is not self:
            raise AssertionError(f"Popped wrong app context. ({context!r} instead of {self!r})")
        if appcontext_popped.receivers:
            appcontext_popped.send(self.app, _async_wrapper=self.app.ensure_sync)


class LeanDispatch(flask.Flask):
    """The methods of an application that every request calls."""

    def app_context(self) -> AppContext:
        """Return a new application context."""
        return LeanAppContext(self)

    def full_dispatch_request(self) -> flask.Response:
        """Return the response for the current request; exceptions go to their handlers."""
        self._got_first_request = True
        try:
            if request_started.receivers:
                request_started.send(self, _async_wrapper=self.ensure_sync)
            result = self.preprocess_request()
            if result is None:
                result = self.dispatch_request()
        except Exception as error:  # as Flask does
            result = self.handle_user_exception(error)
        return self.finalize_request(result)

    def preprocess_request(self) -> Any:
        """Call the functions that come before the view, until one returns a response."""
        if self.url_value_preprocessors:
            return super().preprocess_request()
        functions = self.before_request_funcs
        for name in (None, *reversed(_blueprints(_cv_request.get()))):
            for function in functions.get(name, ()):
                result = self.ensure_sync(function)()
                if result is not None:
                    return result
        return None

    def dispatch_request(self) -> Any:
        """Call the view, or raise what the routing has raised."""
        request = _cv_request.get().request
        rule: Any = request.url_rule
        if request.routing_exception is not None or request.method == "OPTIONS":
            return super().dispatch_request()
        return self.ensure_sync(self.view_functions[rule.endpoint])(**request.view_args or {})

    def make_response(self, rv: Any) -> flask.Response:
        """Return the response for what a view has returned."""
        kind = type(rv)
        if kind is self.response_class:
            made: flask.Response = rv
            return made
        if kind is dict or kind is list:
            written: Any = self.json.response(rv)
            return written  # type: ignore[no-any-return]
        return super().make_response(rv)

    def finalize_request(self, rv: Any, from_error_handler: bool = False) -> flask.Response:
        """Make the response, and call the functions that come after the view."""
        response = self.make_response(rv)
        try:
            response = self.process_response(response)
            if request_finished.receivers:
                request_finished.send(self, _async_wrapper=self.ensure_sync, response=response)
        except Exception:
            if not from_error_handler:
                raise
            self.logger.exception("Request finalizing failed with an error while handling an error")
        return response

    def process_response(self, response: flask.Response) -> flask.Response:
        """Call the functions that come after the view, and save the session."""
        context = _cv_request.get()
        for after in context._after_request_functions:
            response = self.ensure_sync(after)(response)
        for function in _functions(self.after_request_funcs, context):
            response = self.ensure_sync(function)(response)
        session: Any = context._session
        if not self.session_interface.is_null_session(session):
            self.session_interface.save_session(self, session, response)
        return response

    def do_teardown_request(self, exc: BaseException | None = _NOT_GIVEN) -> None:
        """Call the functions for the end of a request."""
        if exc is _NOT_GIVEN:
            exc = sys.exc_info()[1]
        for function in _functions(self.teardown_request_funcs, _cv_request.get()):
            self.ensure_sync(function)(exc)
        if request_tearing_down.receivers:
            request_tearing_down.send(self, _async_wrapper=self.ensure_sync, exc=exc)

    def do_teardown_appcontext(self, exc: BaseException | None = _NOT_GIVEN) -> None:
        """Call the functions for the end of an application context."""
        if exc is _NOT_GIVEN:
            exc = sys.exc_info()[1]
        for function in reversed(self.teardown_appcontext_funcs):
            self.ensure_sync(function)(exc)
        if appcontext_tearing_down.receivers:
            appcontext_tearing_down.send(self, _async_wrapper=self.ensure_sync, exc=exc)


def _blueprints(context: RequestContext) -> list[str]:
    """Return the names of the blueprints of a request, the innermost first."""
    rule = context.request.url_rule
    return context.request.blueprints if rule is not None and "." in rule.endpoint else []


def _functions(table: dict[str | None, list[Any]], context: RequestContext) -> list[Callable[..., Any]]:
    """Return the functions of the blueprints of a request and of the application, the last added first."""
    if not table:
        return []
    names = (*_blueprints(context), None)
    return [function for name in names for function in reversed(table.get(name, []))]
