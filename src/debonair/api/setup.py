"""The room's part in an application: the document, and the formats that the settings name."""

from __future__ import annotations

from flask import Flask

from debonair.api import openapi, representations
from debonair.names import Service
from debonair.settings import ApiSection, Settings


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Add ``/openapi.json``, and offer results in the formats that ``[api] formats`` names.

    :raises CommandError: when a format needs a package that is not installed.
    """
    openapi.init_app(app, service.name, service.version)
    representations.init_app(app, settings[ApiSection].formats)
