"""The section ``[log]``."""

from __future__ import annotations

import os
from pathlib import PurePath

from debonair.settings.options import option
from debonair.settings.section import Section


def check_log_file(path: str) -> None:
    """Accept a path unless what exists on this machine shows that no file can be there.

    :raises ValueError: when it is a directory, or is below something that is none; the message continues
        "'the path' …".
    """
    if "\0" in path:
        raise ValueError("has a NUL character, which no path can have")
    if path.endswith("/") or os.path.isdir(path):
        raise ValueError("is a directory: name a file in it")
    for parent in PurePath(path).parents:
        if os.path.isdir(parent):
            return
        if os.path.exists(parent):
            raise ValueError(f"cannot be a file: {parent} is not a directory")


class LogSection(Section, name="log"):
    """What is logged, and where."""

    level = option(
        str, default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        help="The least severe level that is logged.",
    )  # fmt: skip
    format = option(
        str, default=lambda service: "json" if service.production else "text",
        default_help="json in production, text in development",
        choices=("json", "text"),
        help="The form of a log line: a JSON object, or text for people.",
    )  # fmt: skip
    file = option(
        str, default=lambda service: str(service.log_file()) if service.production else "",
        default_help="/var/log/<service>/<service>.log in production, none in development",
        check=check_log_file,
        help="File to log to besides standard error while the service runs; empty for none.",
    )  # fmt: skip
