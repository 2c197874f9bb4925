"""Applications that serve resources, and what their tests ask of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import Flask

import debonair
from debonair.application import create_app
from debonair.database.engine import engine_of
from tests.support import chassis_settings


@dataclass
class Served:
    """An application over a database.

    :param statements: the SELECT statements that the driver ran since :meth:`reset`.
    """

    app: Flask
    engine: sa.Engine
    statements: list[str] = field(default_factory=list)

    def get(self, path: str, query: Any = (), status: int = 200) -> Any:
        """Return the JSON of a GET; ``query`` is a dict, or pairs, or a text that is sent as it is."""
        text = query if isinstance(query, str) else urlencode(query)
        response = self.app.test_client().get(f"{path}?{text}" if text else path)
        assert response.status_code == status, (path, query, response.get_data(as_text=True))
        return response.json

    def query(self, path: str, body: Any, status: int = 200) -> Any:
        """Return the JSON of a request with the method QUERY."""
        response = self.app.test_client().open(path, method="QUERY", json=body)
        assert response.status_code == status, (path, body, response.get_data(as_text=True))
        return response.json

    def reset(self) -> None:
        self.statements.clear()


@contextlib.contextmanager
def serving(
    database: dict[str, Any],
    models: Sequence[type[Any]],
    fill: Callable[[sa.Connection], Any] | None = None,
    created: Sequence[type[Any]] | None = None,
    each: dict[type[Any], dict[str, Any]] | None = None,
    **options: Any,
) -> Iterator[Served]:
    """Serve models over a database, whose tables are made and filled first.

    :param created: the models whose tables are made, when they are others.
    :param each: further options of ``expose`` by model. :param options: of ``expose`` for all of them.
    """
    app = create_app("debonair.standalone", chassis_settings(database=database, log={"level": "ERROR"}))
    engine = engine_of(app)
    served = Served(app, engine)
    _record(engine, served.statements)
    try:
        with engine.begin() as connection:
            for metadata in {model.metadata for model in created or models}:
                metadata.create_all(connection)
            if fill is not None:
                fill(connection)
        for model in models:
            debonair.expose(app, model, **options | (each or {}).get(model, {}))
        served.reset()
        yield served
    finally:
        engine.dispose()


def _record(engine: sa.Engine, statements: list[str]) -> None:
    """Note each SELECT in the driver, below all that is tested."""

    def note(sql: Any) -> None:
        if str(sql).lstrip().upper().startswith(("SELECT", "WITH")):
            statements.append(str(sql))

    def connected(connection: Any, _: Any) -> None:
        if engine.dialect.name == "sqlite":
            connection.set_trace_callback(note)
            return
        inner = connection.cursor_factory

        class Noted(inner):  # type: ignore[misc, valid-type]
            def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
                note(query)
                return super().execute(query, *arguments, **options)

        connection.cursor_factory = Noted

    engine.dispose()
    sa.event.listen(engine, "connect", connected)
