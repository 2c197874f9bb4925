"""Debonair: the chassis under a Flask service on Debian.

The public names are loaded when they are used: a command that checks a file imports no web framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from debonair.api import Blueprint
    from debonair.application import create_app, current_settings
    from debonair.context import request_id
    from debonair.database import db
    from debonair.errors import CommandError, ConfigError, DebonairError
    from debonair.manage import Manager
    from debonair.settings import Duration, Section, Settings, Size, Uri, option
    from debonair.web.health import UnhealthyError, monitor_of
    from debonair.web.metrics import timed
    from debonair.web.problems import Problem

_HOMES = {
    "Blueprint": "api",
    "CommandError": "errors",
    "ConfigError": "errors",
    "DebonairError": "errors",
    "Duration": "settings",
    "Manager": "manage",
    "Problem": "web.problems",
    "Section": "settings",
    "Settings": "settings",
    "Size": "settings",
    "UnhealthyError": "web.health",
    "Uri": "settings",
    "create_app": "application",
    "current_settings": "application",
    "db": "database",
    "monitor_of": "web.health",
    "option": "settings",
    "request_id": "context",
    "timed": "web.metrics",
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
