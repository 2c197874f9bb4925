"""The database, in the order of use.

``engine``: SQLAlchemy's engine and the base of all models. ``revisions``: where the database stands.
``hang_guard``: whether its server answers. ``commands``: the group ``db``. ``migrations``: Alembic,
loaded when it is used.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from debonair.database import commands, engine, revisions
from debonair.database.engine import Model, db, lacks_table, reading, watch_pool
from debonair.database.hang_guard import HangGuard
from debonair.settings import DatabaseSection

__all__ = ["HangGuard", "Model", "db", "init_app", "lacks_table", "reading", "revisions", "watch_pool"]


def init_app(app: Flask, settings: DatabaseSection, migrations: Path) -> None:
    """Bind the application to its database, and add the ``db`` commands.

    :param migrations: the folder of the service's migrations; without it there are none.
    """
    app.extensions[revisions.DIRECTORY] = str(migrations)
    engine.init_app(app, settings)
    commands.init_app(app)
