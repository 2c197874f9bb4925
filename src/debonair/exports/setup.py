"""The room's part in an application: exports are added when resources are."""

from __future__ import annotations

from flask import Flask

from debonair.names import Service
from debonair.resources.additions import add_later
from debonair.settings import Settings


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Offer the rows of resources as CSV and NDJSON."""
    add_later(app, "debonair.exports.export:add_to")
