"""REST resources.

``openapi``: blueprints with schemas, and the document that describes them. ``representations``: their
results as JSON, XML or YAML.
"""

from __future__ import annotations

from flask import Flask

from debonair.api import openapi, representations
from debonair.api.openapi import Blueprint
from debonair.settings import ApiSection

__all__ = ["Blueprint", "init_app"]


def init_app(app: Flask, settings: ApiSection, title: str, version: str) -> None:
    """Add the document, and the formats that the settings name."""
    openapi.init_app(app, title, version)
    representations.init_app(app, settings.formats)
