"""From files, environment and command line to frozen settings: the only package that reads them.

In the order of time:

1. each INI file is scanned (``scanner``), and Konfig expands it and names the files that it extends
   (``konfig_adapter``, ``ini``): texts with the place of every key;
2. the texts of the package's ``default_config.ini``, the service's INI file, systemd's credentials
   (``secret_files``), the environment (``environment``) and the command line are laid one over the other, and
   each is turned into a value by its declaration (``layers``);
3. the faults of all of them are raised together.

``show`` writes the sample file and the values in force.
"""

from __future__ import annotations

from debonair.config.environment import configuration_file, environment_variable
from debonair.config.layers import Configuration, load
from debonair.config.show import sample, shown

__all__ = [
    "Configuration",
    "configuration_file",
    "environment_variable",
    "load",
    "sample",
    "shown",
]
