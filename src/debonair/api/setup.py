"""The room's part in an application: the document, the page that shows it, and the formats of results."""

from __future__ import annotations

from flask import Flask

from debonair.api import docs_page, openapi, representations
from debonair.names import Service
from debonair.settings import ApiSection, Settings


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Add ``/openapi.json``, the page ``/docs`` and the formats, as the section ``[api]`` says.

    :raises CommandError: when a format needs a package that is not installed.
    """
    openapi.init_app(app, service.name, service.version)
    if settings[ApiSection].docs:
        docs_page.init_app(app)
    representations.init_app(app, settings[ApiSection].formats)
