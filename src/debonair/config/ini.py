"""An INI file with the files that it extends or that override it: texts with their places.

Stricter than Konfig: a file that is named must exist, a path is relative to the file that names it, files may
be nested, and a key that is written twice is a fault.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

from debonair.config.files import UnusableError, read_regular
from debonair.config.konfig_adapter import PlaceholderError, Reader
from debonair.config.places import Key, Place, Text
from debonair.config.scanner import DEFAULT_SECTION, Scan, scan
from debonair.errors import Fault

_LARGEST_FILE = 2**20
_DEEPEST = 50
_MOST_NAMED = 200
_REFERENCE = r"\$\{" + DEFAULT_SECTION + r":([^}]+)\}"
_FILES = ("extends", "overrides")


class UnreadableError(Exception):
    """A file cannot be used at all; its faults are noted already."""


class _Extended(NamedTuple):
    """What a file that another one names adds to it."""

    texts: Mapping[Key, Text]
    headers: Mapping[str, Place]


class _Family:
    """The files that are read for one: each is read once, however many others name it."""

    def __init__(self) -> None:
        self.chain: list[str] = []
        self._named = 0
        self._read: dict[str, _Extended] = {}

    def read(self, path: Path, faults: list[Fault]) -> _Extended | None:
        """Return the content of a file; None when too many have been named."""
        self._named += 1
        if self._named > _MOST_NAMED:
            return None
        # By directory and name, since the paths in a file are relative to its directory.
        key = os.path.join(os.path.realpath(path.parent), path.name)
        if key not in self._read:
            file = IniFile(path, faults, self)
            self._read[key] = _Extended(file.texts(), file.headers)
        return self._read[key]


class IniFile:
    """One INI file, with what it extends or is overridden by.

    :param path: the file.
    :param faults: the list to which faults are appended.
    :raises UnreadableError: when it cannot be used, or one of the files that it names.
    """

    def __init__(self, path: Path, faults: list[Fault], _family: _Family | None = None) -> None:
        self._path = path
        self._faults = faults
        self._family = _family or _Family()
        content = self._scan()
        self._places = {key: Place(str(path), line) for key, (_, line) in content.texts.items()}
        self.headers = {name: Place(str(path), line) for name, line in content.headers.items()}
        given: dict[str, dict[str, str]] = {name: {} for name in content.headers}
        for (section, key), (text, _) in content.texts.items():
            given[section][key] = text
        self._family.chain.append(os.path.realpath(path))
        try:
            self._reader = Reader(str(path), given, self._extend)
        except PlaceholderError as error:
            self._stop(self._places[DEFAULT_SECTION, error.key].line, f"{error.key}: {error}")
        self._family.chain.pop()

    def texts(self) -> dict[Key, Text]:
        """Return the text of every key outside of ``[DEFAULT]``, with its place; note those without."""
        found = {}
        for (section, key), place in self._places.items():
            if section == DEFAULT_SECTION:
                continue
            try:
                found[section, key] = Text(self._reader.expanded(section, key), place)
            except PlaceholderError as error:
                self._faults.append(place.fault(f"{key}: {error}"))
        return found

    def strays(self) -> Iterator[tuple[str, Place]]:
        """Yield the keys of ``[DEFAULT]`` that nothing refers to: there they have no effect."""
        used = {key for at in self._places for key in re.findall(_REFERENCE, self._reader.raw(*at))}
        for (section, key), place in self._places.items():
            if section == DEFAULT_SECTION and key not in used and key not in _FILES:
                yield key, place

    def _scan(self) -> Scan:
        try:
            data = read_regular(self._path, _LARGEST_FILE)
        except UnusableError as error:
            self._stop(0, "no such file" if error.missing else str(error))
        if len(data) > _LARGEST_FILE:
            self._stop(0, "is larger than 1 MiB: this cannot be a configuration file")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self._stop(data[: error.start].count(b"\n") + 1, "is not text in UTF-8")
        if "\0" in text:
            self._stop(text[: text.index("\0")].count("\n") + 1, "is not text: it has a zero byte")
        content = scan(text)
        self._faults += [Fault(str(self._path), line, message) for line, message in content.faults]
        if content.faults:
            raise UnreadableError
        return content

    def _extend(self, reader: Reader, names: str, override: bool) -> None:
        """Take the texts of the files that ``extends`` or ``overrides`` names, one in a line."""
        line = self._places[DEFAULT_SECTION, _FILES[override]].line
        for name in filter(None, names.split("\n")):
            other = self._other(name, line)
            self.headers = {**other.headers, **self.headers}
            for (section, key), text in other.texts.items():
                if override or (section, key) not in self._places:
                    reader.put(section, key, text.text)
                    self._places[section, key] = text.place

    def _other(self, name: str, line: int) -> _Extended:
        path = self._path.parent / name
        if os.path.realpath(path) in self._family.chain:
            self._stop(line, f"{name} leads back to this file: take it out of the circle")
        if len(self._family.chain) >= _DEEPEST:
            self._stop(line, f"{name} is named through more than {_DEEPEST} files: nest fewer")
        try:
            read_regular(path, 0)
        except UnusableError as error:
            reason = "there is no such file" if error.missing else f"it {error}"
            self._stop(line, f"{name} is named here, but {reason}")
        other = self._family.read(path, self._faults)
        if other is None:
            self._stop(line, f"{name} is one file too many: at most {_MOST_NAMED} may be named in all")
        return other

    def _stop(self, line: int, message: str) -> NoReturn:
        self._faults.append(Fault(str(self._path), line, message))
        raise UnreadableError
