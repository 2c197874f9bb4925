"""The section ``[log]``."""

from __future__ import annotations

from debonair.settings.options import option
from debonair.settings.section import Section


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
        help="File to log to besides standard error while the service runs; empty for none.",
    )  # fmt: skip
