"""Debonair: the chassis under a Flask service on Debian.

The public names are loaded when they are used: a command that checks a file imports no web framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from debonair.api.openapi import Blueprint as Blueprint
    from debonair.application import create_app as create_app
    from debonair.application import current_settings as current_settings
    from debonair.application import load_app as load_app
    from debonair.context import request_id as request_id
    from debonair.database.engine import db as db
    from debonair.database.engine import reading as reading
    from debonair.errors import CommandError as CommandError
    from debonair.errors import ConfigError as ConfigError
    from debonair.errors import DebonairError as DebonairError
    from debonair.errors import PermanentError as PermanentError
    from debonair.errors import UnhealthyError as UnhealthyError
    from debonair.jobs.current import current_job as current_job
    from debonair.jobs.declaration import job as job
    from debonair.mail.rendering import render_email as render_email
    from debonair.mail.sending import send_mail as send_mail
    from debonair.manage import Manager as Manager
    from debonair.resources.exposing import expose as expose
    from debonair.room import Argument as Argument
    from debonair.room import Command as Command
    from debonair.room import Room as Room
    from debonair.settings import Duration as Duration
    from debonair.settings import Section as Section
    from debonair.settings import Settings as Settings
    from debonair.settings import Size as Size
    from debonair.settings import Uri as Uri
    from debonair.settings import option as option
    from debonair.web.health import monitor_of as monitor_of
    from debonair.web.metrics import timed as timed
    from debonair.web.problems import Problem as Problem

_HOMES = {
    "Argument": "room",
    "Blueprint": "api.openapi",
    "Command": "room",
    "CommandError": "errors",
    "ConfigError": "errors",
    "DebonairError": "errors",
    "Duration": "settings",
    "Manager": "manage",
    "PermanentError": "errors",
    "Problem": "web.problems",
    "Room": "room",
    "Section": "settings",
    "Settings": "settings",
    "Size": "settings",
    "UnhealthyError": "errors",
    "Uri": "settings",
    "create_app": "application",
    "current_job": "jobs.current",
    "current_settings": "application",
    "db": "database.engine",
    "expose": "resources.exposing",
    "job": "jobs.declaration",
    "load_app": "application",
    "monitor_of": "web.health",
    "option": "settings",
    "reading": "database.engine",
    "render_email": "mail.rendering",
    "request_id": "context",
    "send_mail": "mail.sending",
    "timed": "web.metrics",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
