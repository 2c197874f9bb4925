"""One INI file with what it extends, read by Konfig as plain texts with their places.

Konfig's files work: ``extends``, ``overrides``, ``${ENV}``. Its guessing of types does not reach anybody.
"""

from __future__ import annotations

import configparser
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import konfig

from debonair.errors import Fault

_LARGEST_FILE = 2**20
_DOLLAR = re.compile(r"\$[${]?")
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")


class Place(NamedTuple):
    """Where a text stands: a file and its line, or what else it came from (then line is 0)."""

    where: str
    line: int

    def __str__(self) -> str:
        return f"{self.where}:{self.line}" if self.line else self.where


class Text(NamedTuple):
    """A value as it was written, and where."""

    text: str
    place: Place


class UnreadableError(Exception):
    """A file cannot be used at all; its faults are noted already."""


class _Interpolation(konfig.ExtendedEnvironmentInterpolation):
    """Konfig's interpolation of ``${ENV}`` and ``${section:key}``, without its guessing of types."""

    def _unserialize(self, value: str) -> str:
        return value

    def before_get(self, parser: Any, section: str, option: str, value: str, defaults: Any) -> str:
        # A dollar that begins no placeholder is a dollar: passwords have them.
        escaped = _DOLLAR.sub(lambda match: "$$" if match[0] == "$" else match[0], value)
        result = super().before_get(parser, section, option, escaped, defaults)
        return "\n".join(result) if isinstance(result, list) else str(result)

    def before_set(self, parser: Any, section: str, option: str, value: str) -> str:
        return value


class IniFile(konfig.Config):
    """One INI file and what it extends or is overridden by: texts with their places.

    Stricter than Konfig: what is named must exist, ``extends`` is relative to the file that says it
    and may be nested, and no key is lost by being written twice.
    """

    def __init__(self, path: Path, faults: list[Fault], chain: tuple[Path, ...] = ()) -> None:
        self._path = path
        self._faults = faults
        self._chain = (*chain, path.resolve())
        self.places: dict[tuple[str, str], Place] = {}
        self.headers: dict[str, Place] = {}
        super().__init__(str(path))

    def _configparser_kwargs(self) -> dict[str, Any]:
        return {**super()._configparser_kwargs(), "interpolation": _Interpolation()}

    def read(self, filenames: Any, encoding: str | None = None) -> list[str]:
        text = self._text()
        self._scan(text)
        try:
            self.read_file(io.StringIO(text), str(self._path))
        except configparser.Error as error:
            self._fault(getattr(error, "lineno", 0), str(error).splitlines()[0])
            raise UnreadableError from error
        return [str(self._path)]

    def _text(self) -> str:
        try:
            with self._path.open("rb") as file:
                data = file.read(_LARGEST_FILE + 1)
        except FileNotFoundError:
            self._stop(0, "no such file")
        except OSError as error:
            self._stop(0, f"cannot be read: {(error.strerror or str(error)).lower()}")
        if len(data) > _LARGEST_FILE:
            self._stop(0, "is larger than 1 MiB: this cannot be a configuration file")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self._stop(data[: error.start].count(b"\n") + 1, "is not text in UTF-8")
        if "\0" in text:
            self._stop(text[: text.index("\0")].count("\n") + 1, "is not text: it has a zero byte")
        return "\n".join(text.splitlines()) + "\n"

    def _scan(self, text: str) -> None:
        """Note the line of every key; ConfigParser does not tell."""
        before = len(self._faults)
        section, indent, in_value = None, 0, False
        for number, line in enumerate(text.splitlines(), 1):
            content = line.strip()
            if not content or content.startswith("#"):
                continue
            depth = len(line) - len(line.lstrip())
            if in_value and depth > indent:
                continue
            indent = depth
            header, key = self.SECTCRE.match(content), self._optcre.match(content)
            if header:
                section, in_value = header["header"], False
                if section in self.headers:
                    self._fault(number, f"section [{section}] stands here a second time: join the two")
                self.headers[section] = Place(str(self._path), number)
            elif content.startswith("[") and "]" not in content:
                self._fault(number, "a section's name stands in brackets: the second one is missing")
                break
            elif section is None:
                self._fault(number, "no section yet: a line such as [server] must come first")
                break
            elif key is None or not key["option"]:
                self._fault(number, "is neither [section], nor key = value, nor # comment")
            else:
                name, in_value = key["option"].rstrip(), True
                if (section, name) in self.places:
                    first = self.places[section, name].line
                    self._fault(number, f"{name} stands here a second time: the first is in line {first}")
                self.places[section, name] = Place(str(self._path), number)
        if len(self._faults) > before:
            raise UnreadableError

    def _extend(self, filename: str, override: bool = False) -> None:
        line = self.places["DEFAULT", "overrides" if override else "extends"].line
        for name in filename.split("\n"):
            path = self._path.parent / name
            if path.resolve() in self._chain:
                self._stop(line, f"{name} leads back to this file: take it out of the circle")
            if not path.is_file():
                self._stop(line, f"{name} is named here, but there is no such file")
            other = IniFile(path, self._faults, self._chain)
            self.headers = {**other.headers, **self.headers}
            for (section, key), text in other.texts().items():
                if (section, key) in self.places and not override:
                    continue
                if not self.has_section(section):
                    self.add_section(section)
                self.set(section, key, text.text.replace("$", "$$"))
                self.places[section, key] = text.place

    def texts(self) -> dict[tuple[str, str], Text]:
        """Return the text of every key outside of ``[DEFAULT]``, with its place."""
        found = {}
        for (section, key), place in self.places.items():
            if section == self.default_section:
                continue
            try:
                found[section, key] = Text(self.get(section, key).strip(), place)
            except configparser.InterpolationError:
                wrong = self._placeholder_fault(self.get(section, key, raw=True))
                self._faults.append(Fault(place.where, place.line, f"{key}: {wrong}"))
        return found

    def _placeholder_fault(self, raw: str) -> str:
        for name in _PLACEHOLDER.findall(raw):
            section, _, key = name.rpartition(":")
            if section and not self.has_option(section, key):
                return f"${{{name}}} names no key of this file"
            if not section and name not in os.environ and name != "HERE":
                return f"${{{name}}} is not set in the environment"
        return "a ${ here does not end in a name and }; a plain dollar is written $$"

    def strays(self) -> Iterator[tuple[str, Place]]:
        """Yield the keys of ``[DEFAULT]`` that nothing refers to: there they have no effect."""
        raws = [self.get(section, key, raw=True) for section, key in self.places]
        for (section, key), place in self.places.items():
            if section != self.default_section or key in ("extends", "overrides"):
                continue
            if not any(f"${{DEFAULT:{key}}}" in raw for raw in raws):
                yield key, place

    def _fault(self, line: int, message: str) -> None:
        self._faults.append(Fault(str(self._path), line, message))

    def _stop(self, line: int, message: str) -> Any:
        self._fault(line, message)
        raise UnreadableError
