"""The database: SQLAlchemy's engine and models (``models``) and Alembic's migrations (``migrations``)."""

from debonair.database.models import Model, db, init_app

__all__ = ["Model", "db", "init_app"]
