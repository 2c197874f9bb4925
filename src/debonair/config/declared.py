"""The sections and keys that a configuration may have, and the messages about those that it may not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from debonair.config.places import Key, printable
from debonair.settings import (
    SECRET_FILE_SUFFIX,
    Option,
    Section,
    did_you_mean,
    has_instances,
    name_of,
    options_of,
)


class Declared:
    """The declared sections; those with instances from the moment that a source names one.

    :param sections: the sections of the service.
    """

    def __init__(self, sections: Iterable[type[Section]]) -> None:
        self._kinds = {name_of(section): section for section in sections}
        self.sections = {name: section for name, section in self._kinds.items() if not has_instances(section)}
        """The sections that may have values, by name: ``server``, ``client:stock``."""

    def accept(self, name: str) -> bool:
        """Return whether a section of this name may have values; the first mention makes an instance."""
        kind, colon, instance = name.partition(":")
        if colon and instance and kind in self._kinds and has_instances(self._kinds[kind]):
            self.sections[name] = self._kinds[kind]
        return name in self.sections

    def options(self, name: str) -> Mapping[str, Option[Any]]:
        """Return the options of a section that may have values."""
        return options_of(self.sections[name])

    def __iter__(self) -> Iterator[tuple[Key, Option[Any]]]:
        """Yield every option with the name of its section."""
        for name in self.sections:
            for key, item in self.options(name).items():
                yield (name, key), item

    def unknown_section(self, name: str) -> str:
        """Return the message about a section that is not declared."""
        known = [f"{kind}:NAME" if has_instances(cls) else kind for kind, cls in self._kinds.items()]
        return f"unknown section [{printable(name)}]{did_you_mean(name, known) or _known(known)}"

    def unknown_key(self, key: str, name: str) -> str:
        """Return the message about a key that the section does not have."""
        options = self.options(name)
        homes = [other for other in self.sections if key in self.options(other)]
        hint = f": it belongs in [{homes[0]}]" if homes else did_you_mean(key, options)
        return f"unknown key {key!r} in [{name}]{hint or _known(options)}"


def spellings(key: str, item: Option[Any] | None) -> tuple[str, ...]:
    """Return the keys that set an option: a secret may also be in a file that is named."""
    if item is None:
        return ()
    return (key, key + SECRET_FILE_SUFFIX) if item.secret else (key,)


def _known(names: Iterable[str]) -> str:
    return f" (known: {', '.join(names)})"
