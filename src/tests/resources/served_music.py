"""An application with the resources of the music library, served for clients in other processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy.orm import DeclarativeBase

from debonair.database.engine import engine_of
from debonair.resources.exposing import expose
from tests.resources.models import define, fill
from tests.support import serving


@contextmanager
def served(app: Flask, rows: int = 60, **options: Any) -> Iterator[str]:
    """Expose the music library, and serve it until the end of the block.

    :param rows: the number of albums. :param options: of :func:`debonair.expose`.
    :return: the URL of the service.
    """

    class Base(DeclarativeBase):
        pass

    music = define(Base)
    with engine_of(app).begin() as connection:
        fill(connection, rows, music=music)
    expose(app, *music, **options)
    with serving(app) as url:
        yield url
