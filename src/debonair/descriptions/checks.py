"""What is wrong with a call of ``expose``: each mistake is one line that says what to do."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import InvalidRequestError, SQLAlchemyError
from sqlalchemy.orm import Mapper

from debonair.settings import Settings

VERBS = frozenset(("GET", "POST", "PATCH", "PUT", "DELETE"))

_UNSAFE = "/%<>?#\\"
"""Characters that would split a path or a route."""

_RESERVED = {
    "docs": "docs",
    "health": "health",
    "metrics": "metrics",
    "openapi.json": "api-docs",
    "static": "static",
}
"""The first part of the paths of the chassis, and how the endpoints of their routes begin."""

_BOUNDS = {"include_depth": 0, "page_size": 1, "max_page_size": 1}
_COLUMNS = ("filterable", "sortable", "search", "label")
_RELATIONS = ("embed",)
_BOTH = ("readable", "hidden", "writable")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" for the nearest known name, or nothing."""
    found = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def settings_of(app: Any) -> Settings:
    """Return the settings of an application. :raises TypeError: when it is none of the chassis."""
    if not isinstance(app, Flask) or "debonair" not in app.extensions:
        raise TypeError("expose() needs an application of debonair.create_app() as its first argument")
    settings: Settings = app.extensions["debonair"]
    return settings


def mapper_of(model: Any) -> Mapper[Any]:
    """Return the mapper of a model, with its relations.

    :raises TypeError: when it is no mapped class.
    :raises ValueError: when one of its relations names nothing.
    """
    mapper: Any = sa.inspect(model, raiseerr=False) if isinstance(model, type) else None
    if not isinstance(mapper, Mapper):
        raise TypeError(f"expose() needs mapped classes, such as models.Album: {_what(model)} is none")
    found: Mapper[Any] = mapper
    try:
        found.relationships  # noqa: B018  # configures the mappers
    except InvalidRequestError as error:
        reason = str(error.__cause__ or error).partition("\n")[0]
        raise ValueError(
            f"expose({model.__name__}): import the modules of all models before, and look at the names in "
            f"relationship(): {reason}"
        ) from error
    except SQLAlchemyError as error:
        raise ValueError(f"expose({model.__name__}): {str(error).partition(chr(10))[0]}") from error
    return found


def _what(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return repr(value) if isinstance(value, str) else f"an object of {type(value).__name__}"


def path_name(name: str) -> str:
    """Return the name of a table as the name of a resource: what would split a route is percent-encoded."""
    return "".join(quote(c, safe="") if c in _UNSAFE else c for c in name)


def check_place(app: Flask, prefix: str, name: Any, model: type[Any]) -> None:
    """Check the place of a resource. :raises ValueError: when it cannot have, or is hidden by a route at it.

    :param name: the parameter ``name``, or the name of the table as :func:`path_name` returns it.
    """
    place = f"expose({model.__name__})"
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise ValueError(f"{place} prefix: must begin with a slash and not end with one, such as '/api'")
    if not isinstance(name, str) or not name or any(c in "/<>?#\\" for c in name):
        raise ValueError(f"{place} name: must be a text without any of / < > ? # \\, not {name!r}")
    if reason := shadow_of(app, f"{prefix}/{name}"):
        raise ValueError(f"{place}: {reason}: give it another name=, or a prefix= such as '/api'")


def shadow_of(app: Flask, path: str) -> str | None:
    """Return which route of the application would take the requests for a resource at a path, or None."""
    first = path.split("/")[1]
    for rule in app.url_map.iter_rules():
        if rule.rule == path and "GET" in (rule.methods or ()) and not rule.endpoint.startswith("resources."):
            return f"{path} is a page of the service"
        owner = rule.endpoint.partition(".")[0].partition("_")[0]
        if rule.rule.split("/")[1] == first and owner == _RESERVED.get(first):
            return f"/{first} has pages of the service"
    return None


def check_options(model: type[Any], given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Check the options of a resource as code gives them, by themselves.

    :raises TypeError: on an unknown one or on a value of a wrong type. :raises ValueError: on a wrong value.
    """
    for key in given:
        if key not in known:
            raise TypeError(f"expose() has no parameter {key!r}{nearest(key, known)}")
    place = f"expose({model.__name__})"
    for name in ("verbs", *_COLUMNS[:-1], *_RELATIONS, *_BOTH):
        value = given.get(name)
        if value is not None and (isinstance(value, str) or not _is_names(value)):
            such = "'GET'" if name == "verbs" else "'name'"
            raise TypeError(f"{place} {name}: must be a list of names, such as [{such}], not {value!r}")
    for verb in given.get("verbs") or ():
        if verb not in VERBS:
            raise ValueError(f"{place} verbs: unknown verb {verb!r}: use some of {', '.join(sorted(VERBS))}")
    writing = set(given.get("verbs") or ()) - {"GET"}
    if writing and not isinstance(mapper_of(model).local_table, sa.Table | sa.Join):
        raise ValueError(f"{place} verbs: {model.__name__} is mapped to a SELECT: only GET can be served")
    for name, least in _BOUNDS.items():
        value = given.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{place} {name}: must be a whole number from {least}, not {value!r}")
    if "page_size" in given and given["page_size"] > given.get("max_page_size", 1000):
        raise ValueError(f"{place} page_size: is larger than max_page_size: set that too")
    if given.get("where") is not None and not callable(given["where"]):
        raise TypeError(f"{place} where: must be a function that returns the condition: lambda: ...")
    for name in ("before", "after"):
        _check_hooks(f"{place} {name}", given.get(name) or {})
    _check_schema(place, given.get("schema"))


def _is_names(value: Any) -> bool:
    try:
        return all(isinstance(each, str) for each in value)
    except TypeError:
        return False


def _check_hooks(place: str, hooks: Any) -> None:
    changing = sorted(VERBS - {"GET"})
    if not isinstance(hooks, Mapping) or not all(callable(hook) for hook in hooks.values()):
        raise TypeError(f"{place}: must be functions by verb, such as {{'POST': function}}")
    for verb in hooks:
        if verb == "GET":
            raise ValueError(f"{place}: GET has no hook: where= selects rows, schema= makes the objects")
        if verb not in changing:
            raise ValueError(f"{place}: unknown verb {verb!r}: use some of {', '.join(changing)}")


def _check_schema(place: str, schema: Any) -> None:
    from marshmallow import Schema

    made = isinstance(schema, Schema) or (isinstance(schema, type) and issubclass(schema, Schema))
    if schema is not None and not made:
        raise TypeError(f"{place} schema: must be a marshmallow schema, not {schema!r}")


def check_members(model: type[Any], options: Any, error: Callable[[str], Exception], place: str) -> None:
    """Check the names of columns and relations among the options.

    :param error: makes the exception that is raised. :param place: where the options are.
    """
    mapper = mapper_of(model)
    columns, relations = mapper.column_attrs.keys(), mapper.relationships.keys()
    for names, known, kind, others in (
        (_BOTH, [*columns, *relations], "", []),
        (_COLUMNS, columns, "column ", relations),
        (_RELATIONS, relations, "relation ", columns),
    ):
        for option in names:
            named = getattr(options, option)
            for name in (named,) if isinstance(named, str) else named or ():
                if name not in known:
                    label = kind if name in others else ""
                    near = "" if label else nearest(name, known)
                    raise error(f"{place} {option}: {model.__name__} has no {label}{name!r}{near}")
