"""Declared options: name, type, default, bounds, help, secret. Knows no file.

A section is a class, an option one of its attributes::

    class Settings(Section, name="orders"):
        page_size = option(int, default=50, min=1, max=500, help="Rows per page.")

An instance of the class holds the values, checked and frozen. Everything that a person sees of a
setting (faults, the sample file, the reference in the docs) is made from the declaration.
"""

from __future__ import annotations

import difflib
import enum
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast, overload

if TYPE_CHECKING:
    from debonair.names import Service

T = TypeVar("T")
S = TypeVar("S", bound="Section")

REQUIRED: Any = object()
"""The default of an option that has none: the configuration must give a value."""

MASK = "********"
"""What stands in place of a secret wherever values are shown."""

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


class Duration(float):
    """Seconds. In a file: a number with ``ms``, ``s``, ``m``, ``h`` or ``d``, such as ``30s``."""

    units: ClassVar[Mapping[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}

    @classmethod
    def parse(cls, text: str) -> Duration:
        return cls(_with_unit(text, cls.units, "a duration such as 30s, 500ms or 5m"))

    def __str__(self) -> str:
        return _in_largest_unit(self, self.units) or f"{float(self):g}s"


class Size(int):
    """Bytes. In a file: a whole number with ``B``, ``KiB``, ``MiB`` or ``GiB``, such as ``16MiB``."""

    units: ClassVar[Mapping[str, int]] = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

    @classmethod
    def parse(cls, text: str) -> Size:
        return cls(_with_unit(text, cls.units, "a size such as 512KiB or 16MiB"))

    def __str__(self) -> str:
        return _in_largest_unit(self, self.units) or f"{int(self)}B"


class Uri(str):
    """A URI that may carry a password, which is masked wherever it is shown."""

    _password = re.compile(r"(?<=://)([^/@:]*):[^/]*(?=@)")

    def masked(self) -> str:
        return self._password.sub(rf"\1:{MASK}", self)


def _with_unit(text: str, units: Mapping[str, float], wanted: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", text)
    if match is None or match[2] not in units:
        raise ValueError(f"is not {wanted} (units: {', '.join(units)})")
    return float(match[1]) * units[match[2]]


def _in_largest_unit(value: float, units: Mapping[str, float]) -> str | None:
    for unit, factor in reversed(list(units.items())):
        count = value / factor
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return None


def _parse_bool(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("is neither true nor false")


def _parse_int(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        raise ValueError("is not a whole number")
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
    # As in Konfig, a pair of double quotes keeps what is within as it stands.
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _parse_list(text: str) -> list[str]:
    return [_parse_str(item.strip()) for item in re.split(r"[\n,]", text) if item.strip()]


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

_TYPE_NAMES = {bool: "true or false", int: "whole number", float: "number", str: "text",
               list: "list", Duration: "duration", Size: "size", Uri: "URI"}  # fmt: skip


class Option(Generic[T]):
    """One option. Made by :func:`option`, which documents the parameters."""

    def __init__(
        self,
        type: type[T],
        default: Any,
        default_help: str | None,
        min: Any,
        max: Any,
        choices: Iterable[str],
        help: str,
        secret: bool,
    ) -> None:
        if type not in _PARSERS and not issubclass(type, enum.Enum):
            raise TypeError(f"an option cannot be of type {type.__name__}")
        self.type = type
        self.default = default
        self.default_help = default_help
        self.min = self._bound(min)
        self.max = self._bound(max)
        self.choices = (
            tuple(member.value for member in type) if issubclass(type, enum.Enum) else tuple(choices)
        )
        self.help = help
        self.secret = secret
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Option[T]: ...
    @overload
    def __get__(self, instance: Section, owner: type) -> T: ...
    def __get__(self, instance: Section | None, owner: type) -> Option[T] | T:
        return self if instance is None else cast(T, instance.values[self.name])

    @property
    def type_name(self) -> str:
        """What a person calls the type, such as ``whole number``."""
        if self.choices:
            return ("list of " if self.type is list else "one of ") + ", ".join(self.choices)
        return _TYPE_NAMES[self.type]

    @property
    def required(self) -> bool:
        """Whether the configuration must give a value."""
        return self.default is REQUIRED

    def _bound(self, value: Any) -> Any:
        return self.parse_type(value) if isinstance(value, str) else value

    def parse_type(self, text: str) -> Any:
        """Turn text into the option's type, without looking at the bounds."""
        if issubclass(self.type, enum.Enum):
            return self.type(text)
        return _PARSERS[self.type](text)

    def parse(self, text: str) -> T:
        """Turn the text of a file or variable into a value.

        :raises ValueError: when the text is not of the type or outside of the bounds; the message
            continues a sentence that begins with the option's name, and has no secret in it.
        """
        shown = "the value" if self.secret else repr(text)
        if self.choices and self.type is not list and text not in self.choices:
            raise ValueError(f"{shown} is not {self.type_name}{did_you_mean(text, self.choices)}")
        try:
            value = self.parse_type(text)
        except ValueError as error:
            raise ValueError(f"{shown} {error}") from None
        return self.check(value)

    def check(self, value: Any) -> T:
        """Return ``value`` when it is within the bounds.

        :raises ValueError: when it is not.
        """
        shown = "the value" if self.secret else self.display(value)
        if self.choices and isinstance(value, list):
            for item in value:
                if item not in self.choices:
                    near = did_you_mean(item, self.choices)
                    raise ValueError(f"{item!r} is not one of {', '.join(self.choices)}{near}")
        if self.min is not None and value is not None and value < self.min:
            raise ValueError(f"{shown} is less than {self.format(self.min)}")
        if self.max is not None and value is not None and value > self.max:
            raise ValueError(f"{shown} is more than {self.format(self.max)}")
        return cast(T, value)

    def default_for(self, service: Service | None) -> Any:
        """Return the default, for the given service where it depends on one."""
        if callable(self.default):
            return None if service is None else self.default(service)
        return self._bound(self.default)

    def format(self, value: Any) -> str:
        """Return the text that an INI file would hold for ``value``."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, enum.Enum):
            return str(value.value)
        if isinstance(value, list):
            return ", ".join(value)
        return str(value)

    def display(self, value: Any) -> str:
        """Return what may be shown of ``value``."""
        if self.secret and value:
            return MASK
        return value.masked() if isinstance(value, Uri) else self.format(value)


def option(
    type: type[T],
    default: Any = REQUIRED,
    *,
    default_help: str | None = None,
    min: Any = None,
    max: Any = None,
    choices: Iterable[str] = (),
    help: str,
    secret: bool = False,
) -> Option[T]:
    """Declare an option of a :class:`Section`.

    :param type: str, int, float, bool, list (of texts), :class:`Duration`, :class:`Size`,
        :class:`Uri` or an enumeration with texts as its values.
    :param default: the value when none is given; a function of the :class:`~debonair.names.Service`
        where it depends on that; left out, a value must be given.
    :param default_help: what to say of a default that is a function.
    :param min: the least value allowed. :param max: the greatest.
    :param choices: the only texts allowed.
    :param help: one sentence for the sample file and the reference.
    :param secret: never show the value.
    :raises TypeError: when the type is none of these.
    """
    return Option(type, default, default_help, min, max, choices, help, secret)


class Section:
    """A section of the configuration; subclass it with ``name=`` and options as attributes.

    With ``instances=True`` a file may hold any number of them, each with a name: ``[client:stock]``.

    :param service: the service that it is for; defaults may depend on it.
    :param instance: the name of the instance, of a section that has such.
    :param values: values by option name, already of the right types.
    :raises TypeError: on an unknown name. :raises ValueError: on a value that is missing or out of bounds.
    """

    name: ClassVar[str]
    instances: ClassVar[bool]
    options: ClassVar[dict[str, Option[Any]]]
    instance: str
    values: dict[str, Any]

    def __init_subclass__(cls, *, name: str, instances: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = name
        cls.instances = instances
        cls.options = {key: item for key, item in vars(cls).items() if isinstance(item, Option)}

    def __init__(self, service: Service | None = None, instance: str = "", **values: Any) -> None:
        unknown = [key for key in values if key not in self.options]
        if unknown:
            raise TypeError(f"[{self.name}] has no option {unknown[0]!r}")
        complete = {}
        for key, declared in self.options.items():
            if key in values:
                complete[key] = declared.check(values[key])
            elif declared.required:
                raise ValueError(f"[{self.name}] {key} is required")
            else:
                complete[key] = declared.default_for(service)
        object.__setattr__(self, "instance", instance)
        object.__setattr__(self, "values", complete)

    @property
    def title(self) -> str:
        """What stands between the brackets in a file."""
        return f"{self.name}:{self.instance}" if self.instance else self.name

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"settings are frozen: [{self.name}] {name} cannot be changed")

    def __repr__(self) -> str:
        shown = (
            f"{key}={self.options[key].display(value)!r}"
            for key, value in vars(self).get("values", {}).items()
        )
        return f"<[{self.title}] {' '.join(shown)}>"


class Settings:
    """All sections of one service, frozen; ``settings[ServerSection].port``.

    :param sections: the sections: one of each class, or any number of a class with instances.
    """

    def __init__(self, sections: Iterable[Section]) -> None:
        self._sections = {(type(section), section.instance): section for section in sections}

    def __getitem__(self, section: type[S]) -> S:
        return cast(S, self._sections[section, ""])

    def instances(self, section: type[S]) -> dict[str, S]:
        """Return the instances of a section by name: ``settings.instances(Client)["stock"]``."""
        return {name: cast(S, item) for (kind, name), item in self._sections.items() if kind is section}

    def __iter__(self) -> Iterator[Section]:
        return iter(self._sections.values())

    def __repr__(self) -> str:
        return f"<Settings {' '.join(map(repr, self))}>"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``": did you mean 'port'?"`` for the nearest known word, or nothing when none is near."""
    by_lower = {item.lower(): item for item in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f": did you mean {by_lower[near[0]]!r}?" if near else ""
