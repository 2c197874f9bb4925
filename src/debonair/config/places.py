"""Texts of the configuration with the places that they come from."""

from __future__ import annotations

from typing import NamedTuple

from debonair.errors import Fault

Key = tuple[str, str]
"""A section's name and an option's key."""


class Place(NamedTuple):
    """Where a text stands: a file and its line, or another source, with the line 0."""

    where: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.where}:{self.line}" if self.line else self.where

    def fault(self, message: str) -> Fault:
        """Return a fault at this place."""
        return Fault(self.where, self.line, message)


class Text(NamedTuple):
    """A value as it was written, and where."""

    text: str
    place: Place


def printable(name: str) -> str:
    """Return a name from a file without control characters, so that it can be shown on a terminal."""
    return name if name.isprintable() else repr(name)[1:-1]
