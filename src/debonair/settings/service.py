"""The section ``[service]``."""

from __future__ import annotations

from debonair.settings.options import option
from debonair.settings.section import Section


class ServiceSection(Section, name="service"):
    """What the service is."""

    environment = option(
        str,
        default=lambda service: service.environment,
        default_help="development in a checkout of the source, production when installed",
        choices=("development", "production"),
        help="Where the service runs: decides paths, the log format, and whether runserver may run.",
    )
