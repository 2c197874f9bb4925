"""REST resources: blueprints with schemas, and the document that describes them (``openapi``)."""

from debonair.resources.openapi import Blueprint, init_app

__all__ = ["Blueprint", "init_app"]
