"""Validated values become attributes of mapped objects, as the author's class takes them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from debonair.descriptions.description import Resource
from debonair.descriptions.faults import Faults, Path


def construct(
    resource: Resource, values: Mapping[str, Any], path: Path, faults: Faults, instance: Any = None
) -> Any:
    """Return a new object with these values, or None when the class refuses one.

    What the constructor of the class takes is passed to it; the rest is set as attributes.

    :param path: where the object is. :param instance: the object that a schema has made already.
    """
    if instance is None:
        taken = _parameters(resource)
        passed = {
            name: values.get(name, default) for name, default in taken.items() if name != "**"
        }  # fmt: skip
        if "**" in taken:
            # SQLAlchemy's own constructor has a parameter self; a column of this name is assigned below.
            passed |= {
                name: _collected(resource, name, value) for name, value in values.items() if name != "self"
            }
        try:
            instance = resource.model(**passed)
        except (ValueError, AssertionError) as error:
            faults.add(path, str(error) or "is refused")
            return None
        values = {name: value for name, value in values.items() if name not in passed}
    assign(resource, instance, values, path, faults)
    return instance


def assign(resource: Resource, instance: Any, values: Mapping[str, Any], path: Path, faults: Faults) -> None:
    """Set attributes; what a validator of the class refuses is a fault of the member."""
    for name, value in values.items():
        try:
            setattr(instance, name, _collected(resource, name, value))
        except (ValueError, AssertionError) as error:
            faults.add((*path, name), str(error) or "is refused")


def _collected(resource: Resource, name: str, value: Any) -> Any:
    """Return a list of related objects as the collection that the relationship has."""
    if not isinstance(value, list) or name not in resource.mapper.relationships:
        return value
    collection = resource.mapper.relationships[name].collection_class
    return set(value) if isinstance(collection, type) and issubclass(collection, set) else value


@lru_cache(1000)
def _parameters(resource: Resource) -> dict[str, Any]:
    """Return the parameters of the constructor with their defaults, and ``**`` when it takes any.

    SQLAlchemy's own constructor sets attributes, so it is called without parameters.
    """
    init = _constructor(resource.model)
    if _is_of_orm(init):
        return {}
    found: dict[str, Any] = {}
    for parameter in list(inspect.signature(init).parameters.values())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            found["**"] = None
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            missing = parameter.default is parameter.empty
            found[parameter.name] = None if missing else parameter.default
    return found


def _constructor(model: Any) -> Any:
    init = model.__init__
    return getattr(init, "_sa_original_init", init)  # SQLAlchemy wraps the constructor


def _is_of_orm(init: Any) -> bool:
    return init is object.__init__ or init.__module__.startswith("sqlalchemy.")


def is_made_by_orm(model: type[Any]) -> bool:
    """Return whether objects of a mapped class are made, and their attributes set, by SQLAlchemy alone."""
    return _is_of_orm(_constructor(model)) and all(
        getattr(model, name) is getattr(object, name) for name in ("__new__", "__setattr__")
    )
