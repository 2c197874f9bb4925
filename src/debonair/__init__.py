"""Debonair: the chassis under a Flask service on Debian.

The public names are loaded when they are used: a command that checks a file imports no web framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from debonair.application import create_app, current_settings
    from debonair.context import request_id
    from debonair.database import db
    from debonair.errors import CommandError, ConfigError, DebonairError
    from debonair.health import UnhealthyError, monitor_of
    from debonair.manage import Manager
    from debonair.metrics import timed
    from debonair.problems import Problem
    from debonair.resources import Blueprint
    from debonair.settings import Duration, Section, Settings, Size, Uri, option

_HOMES = {
    "Blueprint": "resources",
    "CommandError": "errors",
    "ConfigError": "errors",
    "DebonairError": "errors",
    "Duration": "settings",
    "Manager": "manage",
    "Problem": "problems",
    "Section": "settings",
    "Settings": "settings",
    "Size": "settings",
    "UnhealthyError": "health",
    "Uri": "settings",
    "create_app": "application",
    "current_settings": "application",
    "db": "database",
    "monitor_of": "health",
    "option": "settings",
    "request_id": "context",
    "timed": "metrics",
}

__all__ = [
    "Blueprint",
    "CommandError",
    "ConfigError",
    "DebonairError",
    "Duration",
    "Manager",
    "Problem",
    "Section",
    "Settings",
    "Size",
    "UnhealthyError",
    "Uri",
    "create_app",
    "current_settings",
    "db",
    "monitor_of",
    "option",
    "request_id",
    "timed",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
