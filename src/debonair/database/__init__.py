"""The database, in the order of use.

``engine``: SQLAlchemy's engine and the base of all models. ``driver``: statements that the driver runs by
itself. ``revisions``: the revision that the database is at. ``hang_guard``: connections that do not wait for
a server that hangs. ``errors``: what an error of the database means. ``upserts``: INSERT with ON CONFLICT.
``checks``: its health. ``commands``: the group ``db``. ``migrations``: Alembic, imported when it is used.
"""

from debonair.room import Command, Room
from debonair.settings import DatabaseSection

ROOM = Room(
    "database",
    sections=(DatabaseSection,),
    init_app="debonair.database.engine:init_app",
    checks={
        "database": "debonair.database.checks:responds",
        "migrations": "debonair.database.checks:is_migrated",
    },
    commands={
        "db": Command(
            "debonair.database.commands:group", "Migrate the database, and report the revision that it is at."
        )
    },
    extra="postgresql",
)
