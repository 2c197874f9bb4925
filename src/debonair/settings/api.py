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
    tables = option(
        list, default="",
        help="Without code: names or patterns (sales_*) of the tables and views to serve; empty for all.",
    )  # fmt: skip
    exclude = option(
        list, default="", help="Without code: names or patterns of the tables and views not to serve."
    )
    readonly = option(
        bool, default=True, help="Without code: serve the database to be read, and open it read-only."
    )
    prefix = option(str, default="", help="Without code: what the paths begin with, such as /api.")
    page_size = option(int, default=20, min=1, max=100000, help="Objects in a page.")
    max_page_size = option(int, default=1000, min=1, max=100000, help="The most objects in a page.")
