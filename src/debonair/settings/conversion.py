"""From a text of a file, or a value given by code, to a value of an option's type."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from debonair.settings.value_types import Duration, Size, Uri

TYPE_NAMES: dict[type, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    list: "list",
    Duration: "duration",
    Size: "size",
    Uri: "URI",
}
"""The types of options, enumerations aside, and their names for people."""

SUPPORTED = frozenset(TYPE_NAMES)

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}
_MOST_DIGITS = 100
_BLANKS = " \t\r\n"


def from_text(type: type, text: str) -> Any:
    """Return the value of the type that the text of a file stands for.

    :raises ValueError: when it stands for none; the message continues "'the text' …".
    """
    return type(text) if issubclass(type, enum.Enum) else _PARSERS[type](text)


def from_code(type: type[Any], value: Any) -> Any:
    """Return a value given by code as one of the type, where nothing is lost.

    :raises TypeError: when it cannot be one. :raises ValueError: when it is a number that is not finite.
    """
    if issubclass(type, enum.Enum):
        if isinstance(value, type):
            return value
    elif type is list:
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return list(value)
    elif type is Duration and isinstance(value, timedelta):
        return Duration(value.total_seconds())
    elif isinstance(value, _ACCEPTED[type]) and (type is bool or not isinstance(value, bool)):
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{value} is not a finite number")
        return cast(Callable[[Any], Any], type)(value)
    wanted = f"a {type.__name__}" if issubclass(type, enum.Enum) else _WANTED[type]
    raise TypeError(f"must be {wanted}, not {value.__class__.__name__}")


_ACCEPTED: dict[type, tuple[type, ...]] = {
    bool: (bool,),
    int: (int,),
    float: (int, float),
    str: (str,),
    Duration: (int, float),
    Size: (int,),
    Uri: (str,),
}

_WANTED: dict[type, str] = {
    bool: "a bool",
    int: "an int",
    float: "a float or an int",
    str: "a str",
    list: "a list of str",
    Duration: "a Duration, a timedelta or a number of seconds",
    Size: "a Size or a whole number of bytes",
    Uri: "a Uri or a str",
}


def _parse_bool(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("is neither true nor false")


def _parse_int(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise ValueError("is not a whole number")
    # Python refuses to convert thousands of digits, with a message of its own.
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"has more than {_MOST_DIGITS} digits")
    return int(text)


def _parse_float(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError("is not a number") from None
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    return number


def _parse_str(text: str) -> str:
    # As in Konfig, a pair of double quotes keeps blanks at the beginning and the end.
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _parse_list(text: str) -> list[str]:
    items = (item.strip(_BLANKS) for item in re.split(r"[\n,]", text))
    return [_parse_str(item) for item in items if item]


_PARSERS: dict[type, Callable[[str], Any]] = {
    bool: _parse_bool,
    int: _parse_int,
    float: _parse_float,
    str: _parse_str,
    list: _parse_list,
    Duration: Duration.parse,
    Size: Size.parse,
    Uri: lambda text: Uri(_parse_str(text)),
}
