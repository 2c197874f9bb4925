"""Sections, which hold the values of their options, and the settings of a service, which hold the sections.

A section is a class, an option one of its attributes::

    class Settings(Section, name="orders"):
        page_size = option(int, default=50, min=1, max=500, help="Rows per page.")

An instance of the class holds the values, checked and frozen. An option may have any name that does not begin
with an underscore, since a section has no other public attributes: functions of this module return its name,
its options and its values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from debonair.settings.options import Option

if TYPE_CHECKING:
    from debonair.names import Service

S = TypeVar("S", bound="Section")

SECRET_FILE_SUFFIX = "_file"  # nosec B105
"""What follows the name of a secret option in the key that names a file with the secret."""

Unfit = Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]

_SECTION_NAME = re.compile(r"[A-Za-z][\w-]*")


class Section:
    """A section of the configuration; subclass it with ``name=`` and options as attributes.

    A subclass of a section has the options of that section too. With ``instances=True`` a file may hold any
    number of sections of the class, each with a name: ``[client:stock]``. The function
    ``unfit_for_production=`` gets the values that the configuration of a service in production has, and
    yields an option and a message for each fault that only several values together show.

    :param service: the service that it is for; defaults may depend on it.
    :param instance: the name of the instance, of a section that has such.
    :param values: values by option name, as :meth:`Option.convert` accepts them.
    :raises TypeError: on an unknown name or a value of a wrong type. :raises ValueError: on a value that is
        missing or not allowed. Both name section and option.
    """

    _name: ClassVar[str]
    _many: ClassVar[bool]
    _unfit: ClassVar[Unfit | None] = None
    _options: ClassVar[Mapping[str, Option[Any]]] = MappingProxyType({})
    _instance: str
    _values: Mapping[str, Any]

    def __init_subclass__(
        cls,
        *,
        name: str = "",
        instances: bool = False,
        unfit_for_production: Unfit | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if not _SECTION_NAME.fullmatch(name) or name == "DEFAULT":
            raise TypeError(
                f"{cls.__name__} needs the name of its section, of letters, digits, _ and -: "
                f'class {cls.__name__}(Section, name="orders")'
            )
        cls._name = name
        cls._many = instances
        if unfit_for_production is not None:
            cls._unfit = staticmethod(unfit_for_production)
        cls._options = MappingProxyType(_collected(cls))

    def __init__(self, service: Service | None = None, instance: str = "", /, **values: Any) -> None:
        for key in values:
            if key not in self._options:
                raise TypeError(f"[{self._name}] has no option {key!r}")
        complete = {}
        for key, declared in self._options.items():
            if key in values:
                try:
                    complete[key] = declared.convert(values[key])
                except (TypeError, ValueError) as error:
                    kind = TypeError if isinstance(error, TypeError) else ValueError
                    raise kind(f"[{self._name}] {key}: {error}") from None
            elif declared.required:
                raise ValueError(f"[{self._name}] {key} is required")
            else:
                complete[key] = declared.default_for(service)
        object.__setattr__(self, "_instance", instance)
        object.__setattr__(self, "_values", MappingProxyType(complete))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"settings are frozen: [{self._name}] {name} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"settings are frozen: [{self._name}] {name} cannot be removed")

    def __repr__(self) -> str:
        shown = (f"{key}={self._options[key].display(value)!r}" for key, value in self._values.items())
        return f"<[{title_of(self)}] {' '.join(shown)}>"


def _collected(cls: type[Section]) -> dict[str, Option[Any]]:
    """Return the options of a section by name: those that it inherits, then its own.

    :raises TypeError: on a name that no option can have.
    """
    found: dict[str, Option[Any]] = {}
    for base in reversed(cls.__mro__):
        for key, item in vars(base).items():
            if isinstance(item, Option):
                if key.startswith("_"):
                    raise TypeError(
                        f"{cls.__name__}.{key}: an option's name cannot begin with an underscore: rename it"
                    )
                found[key] = item
            elif key in found:
                raise TypeError(f"{cls.__name__}.{key} hides an option of this name: rename it")
    for key, item in found.items():
        if item.secret and key + SECRET_FILE_SUFFIX in found:
            raise TypeError(
                f"{cls.__name__}.{key}{SECRET_FILE_SUFFIX} is the key for the file of the secret {key}: "
                "rename the option"
            )
    return found


def name_of(section: Section | type[Section]) -> str:
    """Return the name of a section, such as ``server``; that of an instance is its ``title_of``."""
    return section._name


def title_of(section: Section) -> str:
    """Return what stands between the brackets in a file, such as ``server`` or ``client:stock``."""
    return f"{section._name}:{section._instance}" if section._instance else section._name


def has_instances(section: Section | type[Section]) -> bool:
    """Return whether a file may hold any number of such sections, each with a name."""
    return section._many


def unfit_for_production(section: type[Section], given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Return the faults that only several values together show, each as an option and a message."""
    return section._unfit(given) if section._unfit is not None else ()


def options_of(section: Section | type[Section]) -> Mapping[str, Option[Any]]:
    """Return the options of a section by name, read-only."""
    return section._options


def values_of(section: Section) -> Mapping[str, Any]:
    """Return the values of a section by the names of their options, read-only."""
    return MappingProxyType({key: getattr(section, key) for key in section._options})


class Settings:
    """All sections of one service, frozen; ``settings[ServerSection].port``.

    :param sections: the sections: one of each class, or any number of a class with instances.
    """

    def __init__(self, sections: Iterable[Section]) -> None:
        self._sections = {(type(section), section._instance): section for section in sections}

    def __getitem__(self, section: type[S]) -> S:
        return cast(S, self._sections[section, ""])

    def instances(self, section: type[S]) -> dict[str, S]:
        """Return the instances of a section by name: ``settings.instances(Client)["stock"]``."""
        return {name: cast(S, item) for (kind, name), item in self._sections.items() if kind is section}

    def __iter__(self) -> Iterator[Section]:
        return iter(self._sections.values())

    def __repr__(self) -> str:
        return f"<Settings {' '.join(map(repr, self))}>"
