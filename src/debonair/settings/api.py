"""The section ``[api]``."""

from __future__ import annotations

from debonair.settings.options import option
from debonair.settings.section import Section


class ApiSection(Section, name="api"):
    """The REST interface."""

    formats = option(
        list, default="json", choices=("json", "xml", "yaml"),
        help="Media types of results and problems; the first one where the Accept header does not decide.",
    )  # fmt: skip
    docs = option(bool, default=True, help="Show the OpenAPI document as a page at /docs.")
    browse = option(bool, default=True, help="Show resources as pages to browsers, and at ?format=html.")
