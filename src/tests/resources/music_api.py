"""The music library as resources of an application, on SQLite, or on PostgreSQL in `make test`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from debonair.database.engine import engine_of
from debonair.resources.exposing import expose
from tests.resources import models
from tests.resources.models import Music

BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.acceptance)]

Expose = Callable[..., Any]


def exposed(
    make_app: Callable[..., Flask],
    uri: str | None = None,
    music: Music = models.MUSIC,
    rows: int = 8,
    **options: dict[str, Any],
) -> Flask:
    """Return an application that serves the music library.

    :param options: by the name of a model in lower case, the options of its resource.
    """
    app = make_app(**({"database": {"uri": uri}} if uri else {}))
    with engine_of(app).begin() as connection:
        models.fill(connection, rows, music=music)
    for name, model in music._asdict().items():
        expose(app, model, **options.get(name.lower(), {}))
    return app


def uri_of(request: pytest.FixtureRequest, backend: str) -> str | None:
    """Return the URI of an empty database; None is the one on SQLite that ``make_app`` has by default."""
    if backend == "sqlite":
        return None
    url: str = request.getfixturevalue("postgresql_url")
    return url.replace("postgresql://", "postgresql+psycopg://")


def pointers(response: Any) -> dict[str, str]:
    """Return the messages of a problem by pointer."""
    return {error["pointer"]: error["message"] for error in response.json["errors"]}
