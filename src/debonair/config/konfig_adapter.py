"""Konfig's reader, fed with what the scanner found: the only module that uses private parts of Konfig.

Konfig reads ``extends`` and ``overrides``, and replaces ``${ENV}`` and ``${section:key}``. Its grammar of
files, its guessing of types and its way of merging files are not used.

It relies on these private parts, which a test names:

* ``konfig.Config.__init__`` calls ``read`` with the file's name, and ``read_file`` calls ``_read``;
* ``Config._read`` calls ``_extend(names, override=…)`` for what ``extends`` and ``overrides`` say;
* ``Config._configparser_kwargs`` gives the parser its interpolation;
* ``ExtendedEnvironmentInterpolation`` reads values with ``_unserialize``, holds the variables in
  ``environment``, and expands a text by configparser's ``_interpolate_some``;
* ``_interpolate_some`` calls the parser's ``items(section, raw=True)`` for the names in that section.
"""

from __future__ import annotations

import configparser
import io
import re
from collections.abc import Callable, Mapping
from typing import Any

import konfig

MOST_REFERENCES = 10_000
"""References to texts that hold a dollar themselves, in one file; each one costs time."""

LARGEST_EXPANSION = 2**20
"""Characters of all texts with placeholders of one file, when they are expanded."""

_DOLLAR = re.compile(r"\$[${]?")


class PlaceholderError(Exception):
    """A text cannot be expanded; the message says why, and holds no value.

    :param key: the key that has the text.
    """

    def __init__(self, error: configparser.InterpolationError, key: str) -> None:
        super().__init__(_explanation(error))
        self.key = key


class _TooLargeError(configparser.InterpolationError):
    """An expansion has passed a bound."""


class _Pieces(list[str]):
    """The pieces of an expanded text, which may not grow without end."""

    def __init__(self, owner: _Interpolation, section: str, key: str) -> None:
        super().__init__()
        self.owner, self.section, self.key = owner, section, key

    def append(self, piece: str) -> None:
        """Add a piece. :raises _TooLargeError: when the texts of the file grow too large."""
        self.owner.expanded += len(piece)
        if self.owner.expanded > LARGEST_EXPANSION:
            raise _TooLargeError(self.key, self.section, "the expansion is too large")
        super().append(piece)


class _Interpolation(konfig.ExtendedEnvironmentInterpolation):
    """Konfig's interpolation, without its guessing of types, and with bounds."""

    def __init__(self) -> None:
        super().__init__()
        self.expanded = 0
        self.references = 0
        self.expanding = ""

    def _unserialize(self, value: str) -> str:
        return value

    def before_get(self, parser: Any, section: str, option: str, value: str, defaults: Any) -> str:
        """Return the expanded text."""
        self.expanding = option
        result = super().before_get(parser, section, option, value, defaults)
        return "\n".join(result) if isinstance(result, list) else str(result)

    def before_set(self, parser: Any, section: str, option: str, value: str) -> str:
        """Return the text as it is."""
        return value

    def _interpolate_some(
        self, parser: Any, option: str, accum: list[str], rest: str, section: str, map: Any, depth: int
    ) -> None:
        if "$" not in rest:
            accum.append(rest)
            return
        pieces: list[str] = accum
        if depth == 1:
            pieces = _Pieces(self, section, option)
        else:
            self.references += 1
        # Configparser copies the rest of a text at each dollar.
        if max(self.references, rest.count("$")) > MOST_REFERENCES:
            raise _TooLargeError(option, section, "there are too many references")
        # A dollar that begins no placeholder is a dollar: passwords have them.
        escaped = _DOLLAR.sub(lambda match: "$$" if match[0] == "$" else match[0], rest)
        # ${NAME} is a variable of the environment at each depth, as it is at the first.
        super()._interpolate_some(parser, option, pieces, escaped, section, self.environment, depth)
        if depth == 1:
            accum.extend(pieces)


class Reader(konfig.Config):
    """Konfig's parser for one INI file.

    :param filename: the path of the file; ``${HERE}`` stands for its directory.
    :param texts: the text of each key, by section.
    :param extend: called for ``extends``, then for ``overrides``, when the file has them: with this reader,
        which it may :meth:`put` texts into, the text that names the files, and whether it is ``overrides``.
    :raises PlaceholderError: when the text of ``extends`` or ``overrides`` cannot be expanded.
    """

    def __init__(
        self,
        filename: str,
        texts: Mapping[str, Mapping[str, str]],
        extend: Callable[[Reader, str, bool], None],
    ) -> None:
        self._given = texts
        self._on_extend = extend
        try:
            super().__init__(filename)
        except configparser.InterpolationError as error:
            # Konfig expands the two names of files only; a text of theirs may fail in another key.
            raise PlaceholderError(error, self._interpolation.expanding) from None

    def _configparser_kwargs(self) -> dict[str, Any]:
        return {**super()._configparser_kwargs(), "interpolation": _Interpolation()}

    def read(self, filenames: Any, encoding: str | None = None) -> list[str]:
        """Take the texts that were given, then let Konfig do what it does after the reading of a file."""
        self.read_dict(self._given)
        self.read_file(io.StringIO(""), self.filename)
        return [self.filename]

    def _extend(self, filename: str, override: bool = False) -> None:
        self._on_extend(self, filename, override)

    def items(self, *arguments: Any, raw: bool = False, **options: Any) -> Any:
        """Return nothing for ``raw=True``: configparser copies a whole section for each reference into it.

        The copy would hold what ``${NAME}`` stands for in that section, where here it is a variable.
        """
        return [] if raw else super().items(*arguments, raw=raw, **options)

    def put(self, section: str, key: str, text: str) -> None:
        """Set a key to a text that is not expanded again."""
        if not self.has_section(section):
            self.add_section(section)
        self.set(section, key, text.replace("$", "$$"))

    def raw(self, section: str, key: str) -> str:
        """Return the text of a key as it was written."""
        return str(self.get(section, key, raw=True))

    def expanded(self, section: str, key: str) -> str:
        """Return the text of a key with its placeholders replaced.

        :raises PlaceholderError: when that cannot be done.
        """
        try:
            return str(self.get(section, key)).strip(" \t\n")
        except configparser.InterpolationError as error:
            raise PlaceholderError(error, key) from None


def _explanation(error: configparser.InterpolationError) -> str:
    if isinstance(error, configparser.InterpolationMissingOptionError):
        where = "names no key of this file" if ":" in error.reference else "is not set in the environment"
        return f"${{{error.reference}}} {where}"
    if isinstance(error, configparser.InterpolationDepthError):
        return "refers to itself, or through more than 10 other keys"
    if isinstance(error, _TooLargeError):
        return "the placeholders of this file refer to too many other keys: write the texts out"
    return "a ${ here does not end in a name and }; a plain dollar is written $$"
