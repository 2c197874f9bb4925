"""The arguments of a job: checked against the signature of its function, and written as JSON.

They are checked when a job is enqueued, and once more when it runs: a newer release may have changed the
function meanwhile.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import decimal
import enum
import inspect
import json
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any

_ISO = (datetime.datetime, datetime.date, datetime.time)
_PLAIN: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (float, int),
    bool: (bool,),
    type(None): (type(None),),
}
_ACCEPTED = (
    "str, int, float, bool, None, Decimal, datetime, date, time, timedelta, UUID, bytes, Enum, Any, Literal,"
    " a list or dict of these, or a union"
)


class ArgumentsError(TypeError):
    """Arguments that do not fit the signature of a job's function."""


class Signature:
    """The parameters of a job's function.

    :param function: the function.
    :param reserved: names that no parameter may have.
    :raises TypeError: when a parameter cannot be written as JSON, or cannot be given by name.
    """

    def __init__(self, function: Callable[..., Any], reserved: frozenset[str]) -> None:
        self._function = function
        self._signature = inspect.signature(function)
        self._types: dict[str, Any] | None = None
        for name, parameter in self._signature.parameters.items():
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise TypeError(
                    f"the job {self.name} has the parameter {parameter}: give each a name of its own"
                )
            if name in reserved:
                raise TypeError(
                    f"the job {self.name} has a parameter {name!r}, an option of enqueue(): rename it"
                )

    @property
    def name(self) -> str:
        """The name of the function."""
        return self._function.__name__

    def __str__(self) -> str:
        return f"{self.name}{self._signature}"

    @property
    def types(self) -> dict[str, Any]:
        """The types of the parameters; those without an annotation are ``Any``.

        :raises TypeError: when a type cannot be written as JSON.
        """
        if self._types is None:
            try:
                hints = typing.get_type_hints(self._function)
            except NameError as error:
                raise TypeError(
                    f"the job {self.name}: {error}; import its types outside of TYPE_CHECKING"
                ) from None
            types_ = {name: hints.get(name, Any) for name in self._signature.parameters}
            for name, kind in types_.items():
                if not _is_known(kind):
                    raise TypeError(f"{self}: {name} cannot be stored: a type is one of {_ACCEPTED}")
            self._types = types_
        return self._types

    def dump(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Return arguments as the text of a JSON object.

        :raises ArgumentsError: when they do not fit.
        """
        try:
            given = self._signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise ArgumentsError(f"{self}: {error}") from None
        kinds = self.types
        return json.dumps(
            {name: self._converted(_encode, name, kinds[name], value) for name, value in given.items()},
            ensure_ascii=False,
            separators=(",", ":"),
            allow_nan=False,
        )

    def load(self, text: str) -> dict[str, Any]:
        """Return the arguments that a text holds, by name.

        :raises ArgumentsError: when they do not fit.
        """
        stored = json.loads(text)
        try:
            self._signature.bind(**stored)
        except TypeError as error:
            raise ArgumentsError(f"the arguments do not fit {self}: {error}") from None
        kinds = self.types
        return {name: self._converted(_decode, name, kinds[name], value) for name, value in stored.items()}

    def _converted(self, convert: Callable[[Any, Any], Any], name: str, kind: Any, value: Any) -> Any:
        try:
            return convert(kind, value)
        except (ValueError, TypeError, ArithmeticError, binascii.Error):
            shown = repr(value)
            shown = f"{shown[:80]}…" if len(shown) > 80 else shown
            raise ArgumentsError(f"{self}: {name} cannot be {shown}") from None


def _is_known(kind: Any) -> bool:
    if kind is Any or kind in _PLAIN or kind in (list, dict):
        return True
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType, list):
        return all(map(_is_known, parts))
    if origin is dict:
        return parts[0] is str and _is_known(parts[1])
    if origin is typing.Literal:
        return True
    return isinstance(kind, type) and issubclass(
        kind, (*_ISO, datetime.timedelta, decimal.Decimal, uuid.UUID, bytes, enum.Enum)
    )


def _encode(kind: Any, value: Any) -> Any:
    """Return a value of a type as JSON has it.

    :raises ValueError: or TypeError, when it is of another type.
    """
    if kind is Any or kind in (list, dict):
        _require_json(value)
        return value
    found = _walk(kind, value, _encode, _encode_one)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        back = _decode(kind, found)
        numbers = isinstance(back, int | float) and isinstance(value, int | float)
        if back != value or not (numbers or type(back) is type(value)):
            raise ValueError  # another type of the union has the same JSON
    return found


def _decode(kind: Any, value: Any) -> Any:
    """Return the value of a type that is stored as a value of JSON; errors as those of :func:`_encode`."""
    if kind is Any:
        return value
    if kind in (list, dict):
        return _instance(value, (kind,))
    return _walk(kind, value, _decode, _decode_one)


def _walk(kind: Any, value: Any, again: Callable[[Any, Any], Any], one: Callable[[Any, Any], Any]) -> Any:
    """Convert a value of a generic type with ``again``, and one of a simple type with ``one``."""
    if kind in _PLAIN:
        if isinstance(value, bool) and kind is not bool:
            raise TypeError
        found = _instance(value, _PLAIN[kind])
        if (kind is float and found in (float("inf"), float("-inf"))) or found != found:
            raise ValueError
        return float(found) if kind is float else found
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        for part in parts:
            try:
                return again(part, value)
            except (ValueError, TypeError, ArithmeticError):
                continue
        raise TypeError
    if origin is list:
        return [again(parts[0], item) for item in _instance(value, (list,))]
    if origin is dict:
        items = _instance(value, (dict,)).items()
        return {_instance(key, (str,)): again(parts[1], item) for key, item in items}
    if origin is typing.Literal:
        if value not in parts:
            raise ValueError
        return value
    return one(kind, value)


def _encode_one(kind: type, value: Any) -> Any:
    if type(value) is not kind and not (isinstance(value, kind) and not issubclass(kind, datetime.date)):
        raise TypeError
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, _ISO):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return [value.days, value.seconds, value.microseconds]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def _decode_one(kind: Any, value: Any) -> Any:
    if issubclass(kind, datetime.timedelta):
        return kind(*_instance(value, (list,)))
    text = _instance(value, (str,))
    if issubclass(kind, enum.Enum):
        return kind[text] if text in kind.__members__ else _refuse()
    if issubclass(kind, _ISO):
        return kind.fromisoformat(text)
    return base64.b64decode(text, validate=True) if kind is bytes else kind(text)


def _refuse() -> Any:
    raise ValueError


def _instance(value: Any, kinds: tuple[type, ...]) -> Any:
    if not isinstance(value, kinds):
        raise TypeError
    return value


def _require_json(value: Any) -> None:
    """Check that a value becomes itself when it is written as JSON and read."""
    if isinstance(value, dict):
        for key, item in value.items():
            _instance(key, (str,))
            _require_json(item)
    elif isinstance(value, list):
        for item in value:
            _require_json(item)
    elif type(value) not in (str, int, float, bool, type(None)) or value != value:
        raise TypeError
