"""Declared, typed settings: the declarations (``options``) and the chassis's own (``sections``)."""

from debonair.settings.options import (
    MASK,
    Duration,
    Option,
    Section,
    Settings,
    Size,
    Uri,
    did_you_mean,
    option,
)
from debonair.settings.sections import (
    ApiSection,
    DatabaseSection,
    FlaskSection,
    HealthSection,
    LogSection,
    ServerSection,
    ServiceSection,
)

__all__ = [
    "MASK",
    "ApiSection",
    "DatabaseSection",
    "Duration",
    "FlaskSection",
    "HealthSection",
    "LogSection",
    "Option",
    "Section",
    "ServerSection",
    "ServiceSection",
    "Settings",
    "Size",
    "Uri",
    "did_you_mean",
    "option",
]
