"""The links from page to page, and what they say."""

from __future__ import annotations

from dataclasses import dataclass

from debonair.browsing.addresses import Address
from debonair.browsing.filters import Choice
from debonair.statements.plans import Page

SIZES = (10, 20, 50, 100, 200, 500)


@dataclass(frozen=True)
class Paging:
    """Where in the rows a page is.

    :param rows: which rows these are, in words. :param place: which page this is, in words.
    :param first: the URL of the first page, None when this is it; likewise ``prev``, ``next`` and ``last``.
    :param sizes: the numbers of rows of a page to choose from; the values are URLs.
    """

    rows: str
    place: str
    first: str | None
    prev: str | None
    next: str | None
    last: str | None
    sizes: tuple[Choice, ...]


def paging_of(page: Page, address: Address) -> Paging:
    """Return the links of a page."""
    query, total, shown = page.plan.query, page.total_pages, len(page.rows)
    sizes = _sizes(query.page_size, page.plan.resource.options.max_page_size, address)
    if query.after is not None:
        first = address.added(("after", "")) if query.after else None
        following = address.added(("after", page.token)) if page.token is not None else None
        return Paging(_rows(page, None), "", first, None, following, None, sizes)
    number = query.page
    more = shown == query.page_size if total is None else number < total
    place = f"Page {number:,}" + (f" of {max(total, 1):,}" if total is not None else "")
    return Paging(
        _rows(page, (number - 1) * query.page_size),
        place,
        address.replace(page="1") if number > 1 else None,
        address.replace(page=str(min(number - 1, max(total, 1)) if total is not None else number - 1))
        if number > 1
        else None,
        address.replace(page=str(number + 1)) if more else None,
        address.replace(page=str(total)) if total is not None and number < total else None,
        sizes,
    )


def _rows(page: Page, start: int | None) -> str:
    total, shown = page.num_results, len(page.rows)
    noun = "row" if total == 1 else "rows"
    if not shown:
        return "No rows" if not total else f"No rows here, {total:,} in all"
    if total is not None and (total == shown or start is None):
        return f"{total:,} {noun}"
    which = f"Rows {start + 1:,} to {start + shown:,}" if start is not None else f"{shown:,} rows"
    if total is not None:
        return f"{which} of {total:,}"
    return f"{which} of more than can be counted in time" if page.timed_out else which


def _sizes(present: int, largest: int, address: Address) -> tuple[Choice, ...]:
    offered = sorted({present, *(size for size in SIZES if size <= largest)})
    return tuple(Choice(address.replace(page_size=str(size)), str(size), size == present) for size in offered)
