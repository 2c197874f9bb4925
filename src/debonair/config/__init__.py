"""From files, environment and command line to frozen settings: the only room that reads them.

In the order of time: the package's ``default_config.ini`` and the service's INI file are each read as
plain text with the place of every key (``ini``); the texts are layered, the last one wins, and each is
turned into a value by its declaration (``layers``). Faults are gathered on the way and raised together.
"""

from debonair.config.layers import (
    Configuration,
    configuration_file,
    environment_variable,
    load,
)
from debonair.config.show import sample, shown

__all__ = [
    "Configuration",
    "configuration_file",
    "environment_variable",
    "load",
    "sample",
    "shown",
]
