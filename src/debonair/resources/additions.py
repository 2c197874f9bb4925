"""What other features add to the resources of an application, without loading anything before there are any."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask

from debonair.room import resolve

if TYPE_CHECKING:
    from debonair.resources.views import Views

_EXTENSION = "debonair.resources.additions"


def add_later(app: Flask, target: str | Callable[[Views], None]) -> None:
    """Call a function with the views of the resources when they are made.

    :param target: ``module:function``, which is imported then, or a function.
    """
    app.extensions.setdefault(_EXTENSION, []).append(target)


def add_now(app: Flask, views: Views) -> None:
    """Call the functions that were added, with the views of the resources."""
    for target in app.extensions.get(_EXTENSION, ()):
        resolve(target)(views)
