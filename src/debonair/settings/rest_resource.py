"""The sections ``[resource:NAME]``."""

from __future__ import annotations

from debonair.settings.options import option
from debonair.settings.section import Section


class ResourceSection(Section, name="resource", instances=True):
    """One REST resource; what is set here goes before what the code says."""

    verbs = option(
        list, default=None, choices=("GET", "POST", "PATCH", "PUT", "DELETE"),
        help="What a client may do; all else is not routed.",
    )  # fmt: skip
    readable = option(list, default=None, help="The only columns and relations that clients see.")
    hidden = option(list, default=None, help="Columns and relations that clients do not see.")
    writable = option(list, default=None, help="The only columns and relations that clients may set.")
    filterable = option(list, default=None, help="The only columns that clients may filter by.")
    sortable = option(list, default=None, help="The only columns that clients may sort by.")
    search = option(list, default=None, help="The columns that q= searches.")
    label = option(str, default=None, help="The column that people know a row by.")
    embed = option(list, default=None, help="Relations that every object has without include=.")
    include_depth = option(int, default=None, min=0, max=10, help="How deep include= may nest relations.")
    page_size = option(int, default=None, min=1, max=100_000, help="Rows of a page without page_size=.")
    max_page_size = option(int, default=None, min=1, max=100_000, help="The largest page_size=.")
    bulk = option(bool, default=None, help="Whether PATCH and DELETE may change all rows of a filter.")
    require_if_match = option(bool, default=None, help="Whether a change needs the header If-Match.")
