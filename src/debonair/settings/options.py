"""One declared option: name, type, default, bounds, help, secret."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from debonair.settings.conversion import SUPPORTED, TYPE_NAMES, from_code, from_text
from debonair.settings.value_types import MASK, Uri

if TYPE_CHECKING:
    from debonair.names import Service
    from debonair.settings.section import Section

T = TypeVar("T")

REQUIRED: Any = object()
"""The default of an option that has none: the configuration must give a value."""


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
        check: Callable[[Any], None] | None,
        check_in_production: Callable[[Any], None] | None,
    ) -> None:
        if type not in SUPPORTED and not issubclass(type, enum.Enum):
            raise TypeError(f"an option cannot be of type {type.__name__}")
        self.type = type
        self.default = default
        self.default_help = default_help
        self.min = self._typed(min)
        self.max = self._typed(max)
        self.choices = (
            tuple(member.value for member in type) if issubclass(type, enum.Enum) else tuple(choices)
        )
        self.help = help
        self.secret = secret
        self.check = check
        self.check_in_production = check_in_production
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Option[T]: ...
    @overload
    def __get__(self, instance: Section, owner: type) -> T: ...
    def __get__(self, instance: Section | None, owner: type) -> Option[T] | T:
        if instance is None:
            return self
        value = instance._values[self.name]
        # A list is given as a copy, so that nobody can change the settings by it.
        return cast(T, value.copy() if isinstance(value, list) else value)

    @property
    def type_name(self) -> str:
        """The name of the type for people, such as ``whole number``."""
        if self.choices:
            return ("list of " if self.type is list else "one of ") + ", ".join(self.choices)
        return TYPE_NAMES[self.type]

    @property
    def required(self) -> bool:
        """Whether the configuration must give a value."""
        return self.default is REQUIRED

    def parse(self, text: str) -> T:
        """Return the value that a text in a file or a variable stands for.

        :raises ValueError: when the text is not of the type, or the value is not allowed; the message
            continues a sentence that begins with the option's name, and holds no secret.
        """
        if self.choices and self.type is not list and text not in self.choices:
            raise ValueError(
                f"{self._quoted(text)} is not {self.type_name}{did_you_mean(text, self.choices)}"
            )
        try:
            value = from_text(self.type, text)
        except ValueError as error:
            raise ValueError(f"{self._quoted(text)} {error}") from None
        return self._allowed(value)

    def convert(self, value: object) -> T | None:
        """Return a value given by code as one of the option's type.

        A text is parsed as that of a file, except for an option of type ``str`` or :class:`Uri`: there it is
        the value. A whole number is accepted for a ``float``, a number of seconds or a ``timedelta`` for a
        :class:`Duration`, a whole number of bytes for a :class:`Size`, a tuple for a list, and None where the
        default is None. ``True`` and ``False`` are not numbers.

        :raises TypeError: when the value is of another type. :raises ValueError: when it is not allowed.
        """
        if value is None and self.default is None:
            return None
        if isinstance(value, str) and self.type not in (str, Uri):
            return self.parse(value)
        converted = from_code(self.type, value)
        if self.type is str and self.choices and converted not in self.choices:
            near = did_you_mean(converted, self.choices)
            raise ValueError(f"{self._quoted(converted)} is not {self.type_name}{near}")
        return self._allowed(converted)

    def _allowed(self, value: Any) -> T:
        """Return the value when the bounds, the choices of a list and the option's own check allow it."""
        shown = "the value" if self.secret else self.display(value)
        if self.choices and isinstance(value, list):
            for item in value:
                if item not in self.choices:
                    shown = "an item" if self.secret else repr(item)
                    near = "" if self.secret else did_you_mean(item, self.choices)
                    raise ValueError(f"{shown} is not one of {', '.join(self.choices)}{near}")
        if self.min is not None and value < self.min:
            raise ValueError(f"{shown} is less than {self.format(self.min)}")
        if self.max is not None and value > self.max:
            raise ValueError(f"{shown} is more than {self.format(self.max)}")
        self._run(self.check, value)
        return cast(T, value)

    def allow_in_production(self, value: Any) -> None:
        """Check a value of the option for use in production.

        :raises ValueError: when it is not allowed there, with a message as that of :meth:`parse`.
        """
        self._run(self.check_in_production, value)

    def _run(self, check: Callable[[Any], None] | None, value: Any) -> None:
        if check is not None:
            try:
                check(value)
            except ValueError as error:
                raise ValueError(f"{self._quoted(value)} {error}") from None

    def _quoted(self, value: Any) -> str:
        """Return a value for a message: in quotes, without control characters, and masked."""
        if self.secret:
            return "the value"
        return repr(Uri(value).masked() if self.type is Uri else self.format(value))

    def default_for(self, service: Service | None) -> Any:
        """Return the default, for the given service where it depends on one."""
        if callable(self.default):
            return None if service is None else self.default(service)
        return self._typed(self.default)

    def _typed(self, value: Any) -> Any:
        """Return a default or bound, which may be written as in a file."""
        return from_text(self.type, value) if isinstance(value, str) else value

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
        """Return the text that may be shown of ``value``: secrets are masked."""
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
    check: Callable[[Any], None] | None = None,
    check_in_production: Callable[[Any], None] | None = None,
) -> Option[T]:
    """Declare an option of a :class:`Section`.

    :param type: str, int, float, bool, list (of texts), :class:`Duration`, :class:`Size`,
        :class:`Uri` or an enumeration with texts as its values.
    :param default: the value when none is given; a function of the :class:`~debonair.names.Service`
        where it depends on that; left out, a value must be given.
    :param default_help: the description of a default that is a function.
    :param min: the least value allowed. :param max: the greatest.
    :param choices: the only texts allowed.
    :param help: one sentence for the sample file and the reference.
    :param secret: never show the value; it may also be given in a file that ``<name>_file`` names.
    :param check: a function that is called with each value that is given, of the right type and within the
        bounds; it raises ValueError with a message that continues "'the value' …", such as "is not a host".
        It must not open files or connections, since ``check-config`` calls it on any machine.
    :param check_in_production: such a function, called for the configuration of a service in production.
    :raises TypeError: when the type is none of these.
    """
    return Option(type, default, default_help, min, max, choices, help, secret, check, check_in_production)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``": did you mean 'port'?"`` for the nearest known word, or nothing when none is near."""
    by_lower = {item.lower(): item for item in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f": did you mean {by_lower[near[0]]!r}?" if near else ""
