"""The rooms of the chassis, in the order in which an application is given them.

A new feature is a new package with a :class:`~debonair.room.Room` named ``ROOM``, and one line here.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from types import ModuleType

from debonair.room import Room
from debonair.settings import FlaskSection, Section, ServiceSection, name_of

FOUNDATION = Room("foundation", sections=(ServiceSection, FlaskSection))
"""What an application needs before it has any room."""

PACKAGES = (
    "debonair.server",
    "debonair.logs",
    # Before web, which counts its connections and returns 503 for its outages.
    "debonair.database",
    # Before the features: what they raise becomes a problem, and each of their requests is measured.
    "debonair.web",
    "debonair.api",
    "debonair.jobs",
    # After jobs, whose module of the service decides whether mail can be sent.
    "debonair.mail",
    "debonair.worker",
    "debonair.resources",
    "debonair.exports",
    "debonair.browsing",
)


def chassis() -> tuple[Room, ...]:
    """Return the rooms of the chassis, in order."""
    return (FOUNDATION, *(importlib.import_module(package).ROOM for package in PACKAGES))


def sections(rooms: Iterable[Room] = (), own: Iterable[type[Section]] = ()) -> tuple[type[Section], ...]:
    """Return the sections of a service: those of the chassis, of its own rooms, and of its own.

    :raises ValueError: when two of them have one name.
    """
    found: dict[str, type[Section]] = {}
    for section in [*(item for room in (*chassis(), *rooms) for item in room.sections), *own]:
        if found.setdefault(name_of(section), section) is not section:
            raise ValueError(f"two sections are named [{name_of(section)}]: rename one of them")
    return tuple(found.values())


def declared(application: ModuleType) -> tuple[tuple[Room, ...], tuple[type[Section], ...]]:
    """Return the rooms and the sections that a service declares as ``ROOMS`` and ``SECTIONS``.

    :param application: the service's module ``application``.
    """
    return tuple(getattr(application, "ROOMS", ())), tuple(getattr(application, "SECTIONS", ()))
