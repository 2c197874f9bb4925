"""The section ``[health]``."""

from __future__ import annotations

from debonair.settings.options import option
from debonair.settings.section import Section
from debonair.settings.value_types import Duration, Size


class HealthSection(Section, name="health"):
    """How the service checks what it depends on."""

    interval = option(
        Duration, default="5s", min="100ms", max="1h",
        help="Time between two runs of a check.",
    )  # fmt: skip
    deadline = option(
        Duration, default="3s", min="50ms", max="5m",
        help="Time after which a check that is still running counts as failed.",
    )  # fmt: skip
    disk_free = option(
        Size, default="64MiB",
        help="Space that must be free on the disk of the state directory; 0B turns the check off.",
    )  # fmt: skip
