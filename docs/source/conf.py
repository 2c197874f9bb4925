"""Sphinx's configuration; the reference of the configuration is made from the declarations."""

import importlib.metadata
from pathlib import Path

from debonair import config, rooms
from debonair.names import Service

project = "Debonair"
author = copyright = "The Debonair authors"
release = importlib.metadata.version("debonair")
html_theme = "alabaster"
exclude_patterns = ["generated"]

generated = Path(__file__).parent / "generated"
generated.mkdir(exist_ok=True)
(generated / "config.ini").write_text(config.sample(Service("your_service", Path(".")), rooms.sections()))
