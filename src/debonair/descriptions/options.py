"""The options of a resource: what ``expose`` is given in code, and a section of the INI file changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from debonair.descriptions.checks import VERBS as VERBS
from debonair.descriptions.checks import check_members, check_options
from debonair.descriptions.checks import nearest as nearest
from debonair.errors import CommandError
from debonair.settings import ResourceSection, title_of, values_of

READ = frozenset(("GET",))

Hooks = Mapping[str, Callable[..., Any]]
"""Functions by verb."""

_SETS = ("verbs", "readable", "hidden", "writable", "filterable", "sortable")
_LISTS = ("embed", "search")


class Exposure(TypedDict, total=False):
    """The parameters of :func:`debonair.expose` that say what clients may see and do.

    A section ``[resource:NAME]`` of the INI file goes before them.
    """

    verbs: Iterable[str]
    """What a client may do: some of ``GET``, ``POST``, ``PATCH``, ``PUT``, ``DELETE``; all by default."""
    readable: Iterable[str] | None
    """The only columns and relations that clients see."""
    hidden: Iterable[str]
    """Columns and relations that clients do not see."""
    writable: Iterable[str] | None
    """The only columns and relations that clients may set."""
    filterable: Iterable[str] | None
    """The only columns that clients may filter by."""
    sortable: Iterable[str] | None
    """The only columns that clients may sort by."""
    embed: Iterable[str] | None
    """Relations that every object has without ``include``; None for all to-one relations."""
    include_depth: int
    """How deep ``include`` may nest relations; 3 by default."""
    page_size: int
    """Rows of a page; 20 by default."""
    max_page_size: int
    """The largest number of rows that a client may ask for; 1000 by default."""
    bulk: bool
    """Whether ``PATCH`` and ``DELETE`` may change all rows that a filter selects."""
    require_if_match: bool
    """Whether a change needs the header ``If-Match``; without it: 428."""
    where: Callable[[], Any] | None
    """Returns an SQL expression on the model, or None: only rows that fulfil it exist for the client of the
    request. It is called for each request, also for one that reads the model through a relation."""
    search: Iterable[str]
    """The columns that ``q=`` searches."""
    label: str | None
    """The column that people know a row by."""
    schema: Any
    """A marshmallow schema of your own, which reads and writes the objects."""
    before: Hooks
    """By verb, a function that is called before the change."""
    after: Hooks
    """By verb, a function that is called after the change, in its transaction."""
    count_deadline: float
    """Seconds after which an exact count is given up; 1 by default."""


@dataclass(frozen=True)
class Options:
    """What may be seen and done with one resource. The attributes are those of :class:`Exposure`."""

    verbs: frozenset[str] = VERBS
    readable: frozenset[str] | None = None
    writable: frozenset[str] | None = None
    hidden: frozenset[str] = frozenset()
    filterable: frozenset[str] | None = None
    sortable: frozenset[str] | None = None
    include_depth: int = 3
    embed: tuple[str, ...] | None = ()
    page_size: int = 20
    max_page_size: int = 1000
    bulk: bool = False
    require_if_match: bool = False
    where: Callable[[], Any] | None = None
    search: tuple[str, ...] = ()
    label: str | None = None
    schema: Any = None
    before: Hooks = field(default_factory=dict)
    after: Hooks = field(default_factory=dict)
    count_deadline: float = 1.0


def options_of(model: type[Any], given: Mapping[str, Any], section: ResourceSection | None) -> Options:
    """Return the options of a resource.

    :param given: as :class:`Exposure`. :param section: what the INI file changes of them.
    :raises TypeError: on an unknown parameter. :raises ValueError: when one is not right for the model.
    :raises CommandError: when the section names a column or a relation that the model does not have.
    """
    check_options(model, given, Options.__dataclass_fields__)
    options = replace(Options(), **_frozen(given))
    check_members(model, options, ValueError, f"expose({model.__name__})")
    if section is not None:
        changes = {key: value for key, value in values_of(section).items() if value is not None}
        options = replace(options, **_frozen(changes))
        check_members(model, options, CommandError, f"[{title_of(section)}]")
    return options


def _frozen(given: Mapping[str, Any]) -> dict[str, Any]:
    sets = {key: frozenset(given[key]) for key in _SETS if given.get(key) is not None}
    lists = {key: tuple(given[key]) for key in _LISTS if given.get(key) is not None}
    return {**given, **sets, **lists}
