"""Where Alembic begins; what it does is the chassis's."""

from debonair.database.migrations import run

run()
