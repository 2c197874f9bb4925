"""Mapped classes of SQLAlchemy out of a database that exists, without code, in the order of use.

``catalog``: what a database says about a table. ``sqlite`` and ``postgresql``: read it. ``stored_types`` and
``stored_moments``: types that return what is stored. ``text_type``: a type that is read as its text.
``naming``: the names of relations. ``mapping``: classes and their relations. ``reflected``:
:func:`~debonair.reflection.reflected.reflect`, which calls these. ``fingerprint``: whether the schema has
changed. ``current``: the classes of the schema as it is now. ``serving``: an API over them.
"""

from debonair.room import Room

ROOM = Room("reflection", init_app="debonair.reflection.serving:init_app", extra="postgresql")
