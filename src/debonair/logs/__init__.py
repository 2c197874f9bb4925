"""Logging. ``lines``: how an event is written. ``setup``: where it is written to.

The code that starts a process calls ``setup.configure`` before it makes the application, so the room has no
``init_app``.
"""

from debonair.room import Room
from debonair.settings import LogSection

ROOM = Room("logs", sections=(LogSection,))
