"""INSERT with ON CONFLICT, which SQLAlchemy has for each database by itself."""

from __future__ import annotations

import importlib
from typing import Any

from sqlalchemy import Table


def insert_into(table: Table, dialect: str) -> Any:
    """Return an INSERT that has ``on_conflict_do_nothing`` and ``on_conflict_do_update``.

    :param dialect: the name of the dialect: ``sqlite`` or ``postgresql``. Only its module is imported.
    """
    return importlib.import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
