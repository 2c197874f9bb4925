"""The room's part in an application: pages are added when resources are. Nothing else is loaded at the start."""

from __future__ import annotations

from flask import Flask

from debonair.names import Service
from debonair.resources.additions import add_later
from debonair.settings import ApiSection, Settings


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Offer the resources as pages, unless ``[api] browse`` is off."""
    if settings[ApiSection].browse:
        add_later(app, "debonair.browsing.pages:add_to")
