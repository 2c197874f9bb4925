"""Sphinx's configuration."""

import importlib.metadata
import json

answers = json.loads(r"""{{ {'project': cookiecutter.project_name, 'author': cookiecutter.full_name} | tojson }}""")
project = answers["project"]
author = copyright = answers["author"]
release = importlib.metadata.version("{{ cookiecutter.project_slug }}")
html_theme = "furo"
