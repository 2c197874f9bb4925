"""From files, environment and command line to frozen settings: the only room that reads them.

In the order of time: the package's ``default_config.ini`` and the service's INI file are each read by
Konfig (``extends``, ``overrides`` and ``${ENV}`` are resolved there) as plain text with the place of
every key; the texts are layered, the last one wins; each is turned into a value by its declaration.
Faults are gathered on the way and raised together.
"""

from __future__ import annotations

import configparser
import hashlib
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import konfig

from debonair.errors import ConfigError, Fault
from debonair.names import Service
from debonair.settings import (
    SECTIONS,
    Option,
    Section,
    ServiceSection,
    Settings,
    did_you_mean,
)

ENVIRONMENT = "environment"
COMMAND_LINE = "command line"
DEFAULT = "default"

_LARGEST_FILE = 2**20
_LONE_DOLLAR = re.compile(r"\$(?![${])")
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
# What container orchestrators put into the environment for a service of this name, not for this process.
_SERVICE_LINK = re.compile(r"(SERVICE_HOST|(SERVICE_)?PORT(_\w+)?|NAME)")


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


@dataclass(frozen=True)
class Configuration:
    """What was loaded.

    :param service: the service, in the environment that the configuration names.
    :param settings: the values.
    :param origins: where each value came from, by section and option.
    :param digest: SHA-256 of what the files say; equal digests mean that no restart is needed.
    """

    service: Service
    settings: Settings
    origins: Mapping[tuple[str, str], str]
    digest: str


class _UnreadableError(Exception):
    """A file cannot be used at all; its faults are noted already."""


class _Interpolation(konfig.ExtendedEnvironmentInterpolation):
    """Konfig's interpolation of ``${ENV}`` and ``${section:key}``, without its guessing of types."""

    def _unserialize(self, value: str) -> str:
        return value

    def before_get(self, parser: Any, section: str, option: str, value: str, defaults: Any) -> str:
        # A dollar that begins no placeholder is a dollar: passwords have them.
        result = super().before_get(parser, section, option, _LONE_DOLLAR.sub("$$$$", value), defaults)
        return "\n".join(result) if isinstance(result, list) else str(result)

    def before_set(self, parser: Any, section: str, option: str, value: str) -> str:
        return value


class _IniFile(konfig.Config):
    """One INI file and what it extends or is overridden by: texts with their places.

    Stricter than Konfig: what is named must exist, ``extends`` is relative to the file that says it
    and may be nested, and no key is lost by being written twice.
    """

    def __init__(self, path: Path, faults: list[Fault], chain: tuple[Path, ...] = ()) -> None:
        self._path = path
        self._faults = faults
        self._chain = (*chain, path.resolve())
        self.places: dict[tuple[str, str], Place] = {}
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
            raise _UnreadableError from error
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
        section, seen, indent, in_value = None, set(), 0, False
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
                if section in seen:
                    self._fault(number, f"section [{section}] stands here a second time: join the two")
                seen.add(section)
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
            raise _UnreadableError

    def _extend(self, filename: str, override: bool = False) -> None:
        line = self.places["DEFAULT", "overrides" if override else "extends"].line
        for name in filename.split("\n"):
            path = self._path.parent / name
            if path.resolve() in self._chain:
                self._stop(line, f"{name} leads back to this file: take it out of the circle")
            if not path.is_file():
                self._stop(line, f"{name} is named here, but there is no such file")
            other = _IniFile(path, self._faults, self._chain)
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
                missing = self._missing_variable(self.get(section, key, raw=True))
                self._faults.append(
                    Fault(place.where, place.line, f"{key}: {missing}; a plain dollar is written $$")
                )
        return found

    def _missing_variable(self, raw: str) -> str:
        for name in _PLACEHOLDER.findall(raw):
            section, _, key = name.rpartition(":")
            if section and not self.has_option(section, key):
                return f"${{{name}}} names no key of this file"
            if not section and name not in os.environ and name != "HERE":
                return f"${{{name}}} is not set in the environment"
        return "has a ${ that does not end in a name and }"

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
        raise _UnreadableError


def sections_of(module: ModuleType) -> tuple[type[Section], ...]:
    """Return every section of a service: the chassis's own and those in the module's namespace."""
    own = (item for item in vars(module).values() if isinstance(item, type))
    return SECTIONS + tuple(
        item for item in own if issubclass(item, Section) and item not in (Section, *SECTIONS)
    )


def configuration_file(service: Service, environ: Mapping[str, str] | None = None) -> tuple[Path | None, str]:
    """Return the INI file to read, and who named it.

    ``<SVC>_CONFIG`` names it; else it is ``/etc/<svc>/config.ini`` in production, where it may be
    absent (None): a container has its configuration in the environment.
    """
    environ = os.environ if environ is None else environ
    named = environ.get(f"{service.environment_prefix}CONFIG")
    if named:
        return Path(named), f"{service.environment_prefix}CONFIG"
    if service.project is None and service.configuration.parent.is_dir():
        return service.configuration, "the fixed path"
    return None, "nothing"


def load(
    service: Service,
    sections: Iterable[type[Section]] = SECTIONS,
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Iterable[str] = (),
) -> Configuration:
    """Load the configuration of a service through all layers; the last one that gives a value wins.

    1. the defaults of the declarations, 2. the package's ``default_config.ini``, 3. the INI file,
    4. environment variables ``<SVC>_<SECTION>_<KEY>``, 5. the command line.

    :param file: the INI file; else the one that :func:`configuration_file` finds.
    :param environ: the environment; else that of the process.
    :param overrides: texts ``section.key=value`` from the command line.
    :raises ConfigError: with every fault of all layers.
    """
    environ = os.environ if environ is None else environ
    declared = {section.name: section for section in sections}
    faults: list[Fault] = []
    texts: dict[tuple[str, str], Text] = {}

    defaults = service.directory / "default_config.ini"
    if defaults.is_file():
        texts.update(_read(defaults, declared, faults))
    if file is None:
        file, _ = configuration_file(service, environ)
    if file is not None:
        texts.update(_read(file, declared, faults))
    digest = _digest(texts)
    texts.update(_from_environment(service, declared, environ, faults))
    texts.update(_from_command_line(overrides, declared, faults))

    settings, origins, service = _evaluate(service, declared, texts, faults)
    if faults or settings is None:
        raise ConfigError(faults)
    return Configuration(service, settings, origins, digest)


def load_module(import_name: str) -> tuple[Service, tuple[type[Section], ...]]:
    """Return the service that the module belongs to, and its sections; the module is imported already."""
    return Service.of(import_name.partition(".")[0]), sections_of(sys.modules[import_name])


def _read(
    path: Path, declared: Mapping[str, type[Section]], faults: list[Fault]
) -> dict[tuple[str, str], Text]:
    try:
        ini = _IniFile(path, faults)
        texts = ini.texts()
    except _UnreadableError:
        return {}
    for key, place in ini.strays():
        faults.append(
            Fault(place.where, place.line, f"{key} has no effect in [DEFAULT]: move it to its section")
        )
    for name in ini.sections():
        if name not in declared and not any(section == name for section, _ in texts):
            faults.append(Fault(str(path), 0, _unknown_section(name, declared)))
    known, reported = {}, set()
    for (name, key), text in texts.items():
        where, line = text.place
        if name not in declared:
            if name not in reported:
                faults.append(Fault(where, line, _unknown_section(name, declared)))
                reported.add(name)
        elif key not in declared[name].options:
            faults.append(Fault(where, line, _unknown_key(key, declared[name], declared)))
        else:
            known[name, key] = text
    return known


def _unknown_section(name: str, declared: Iterable[str]) -> str:
    return f"unknown section [{name}]{did_you_mean(name, declared) or _known(declared)}"


def _unknown_key(key: str, section: type[Section], declared: Mapping[str, type[Section]]) -> str:
    hint = did_you_mean(key, section.options)
    if not hint:
        homes = [name for name, other in declared.items() if key in other.options]
        hint = f": it belongs in [{homes[0]}]" if homes else _known(section.options)
    return f"unknown key {key!r} in [{section.name}]{hint}"


def _known(names: Iterable[str]) -> str:
    return f" (known: {', '.join(names)})"


def _variables(service: Service, declared: Mapping[str, type[Section]]) -> dict[str, tuple[str, str]]:
    """Return the section and key that each environment variable stands for."""
    return {
        environment_variable(service, name, key): (name, key)
        for name, section in declared.items()
        for key in section.options
    }


def environment_variable(service: Service, section: str, key: str) -> str:
    """Return the environment variable that sets the key, such as ``EXAMPLE_SERVICE_SERVER_PORT``."""
    return service.environment_prefix + re.sub(r"\W", "_", f"{section}_{key}").upper()


def _from_environment(
    service: Service,
    declared: Mapping[str, type[Section]],
    environ: Mapping[str, str],
    faults: list[Fault],
) -> dict[tuple[str, str], Text]:
    prefix = service.environment_prefix
    variables = _variables(service, declared)
    found = {}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(prefix) or variable == f"{prefix}CONFIG":
            continue
        if variable in variables:
            found[variables[variable]] = Text(value, Place(f"{ENVIRONMENT} {variable}", 0))
        elif not _SERVICE_LINK.fullmatch(variable.removeprefix(prefix)):
            hint = did_you_mean(variable, [*variables, f"{prefix}CONFIG"])
            faults.append(Fault(f"{ENVIRONMENT} {variable}", 0, f"stands for no key of any section{hint}"))
    return found


def _from_command_line(
    overrides: Iterable[str], declared: Mapping[str, type[Section]], faults: list[Fault]
) -> dict[tuple[str, str], Text]:
    found = {}
    for item in overrides:
        match = re.fullmatch(r"([^.=]+)\.([^.=]+)=(.*)", item, re.DOTALL)
        if match is None:
            faults.append(Fault(COMMAND_LINE, 0, f"{item.partition('=')[0]!r} is not section.key=value"))
        elif match[1] not in declared:
            faults.append(Fault(COMMAND_LINE, 0, _unknown_section(match[1], declared)))
        elif match[2] not in declared[match[1]].options:
            faults.append(Fault(COMMAND_LINE, 0, _unknown_key(match[2], declared[match[1]], declared)))
        else:
            found[match[1], match[2]] = Text(match[3], Place(COMMAND_LINE, 0))
    return found


def _evaluate(
    service: Service,
    declared: Mapping[str, type[Section]],
    texts: Mapping[tuple[str, str], Text],
    faults: list[Fault],
) -> tuple[Settings | None, dict[tuple[str, str], str], Service]:
    values: dict[str, dict[str, Any]] = {name: {} for name in declared}
    origins = {(name, key): DEFAULT for name, section in declared.items() for key in section.options}
    for (name, key), text in texts.items():
        try:
            values[name][key] = declared[name].options[key].parse(text.text)
        except ValueError as error:
            faults.append(Fault(text.place.where, text.place.line, f"{key}: {error}"))
        origins[name, key] = str(text.place)
    for name, section in declared.items():
        for key, item in section.options.items():
            if item.required and (name, key) not in texts:
                variable = environment_variable(service, name, key)
                message = f"[{name}] {key} is required: {_first_lower(item.help)} Or set {variable}."
                faults.append(Fault(DEFAULT, 0, message))
    if faults:
        return None, origins, service
    environment = values[ServiceSection.name].get("environment")
    if environment is not None:
        service = service.in_environment(environment)
    return (
        Settings(cls(service, **values[name]) for name, cls in declared.items()),
        origins,
        service,
    )


def _first_lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _digest(texts: Mapping[tuple[str, str], Text]) -> str:
    said = sorted((section, key, text.text) for (section, key), text in texts.items())
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def sample(service: Service, sections: Iterable[type[Section]] = SECTIONS) -> str:
    """Return an INI file that names every option with its help, all commented out but the headers."""
    lines = [
        f"# Configuration of {service.name}. A line that begins with # is a comment; what is commented",
        "# out has the value shown. ${NAME} stands for an environment variable, $$ for a dollar sign.",
    ]
    for section in sections:
        lines += ["", f"# {(section.__doc__ or section.name).strip()}", f"[{section.name}]"]
        for key, item in section.options.items():
            lines += ["", f"# {item.help}", f"# {_kind(item)}", _sample_line(key, item)]
    return "\n".join(lines) + "\n"


def _kind(item: Option[Any]) -> str:
    bounds = [
        f"{word} {item.display(bound)}"
        for word, bound in (("at least", item.min), ("at most", item.max))
        if bound is not None
    ]
    notes = [item.type_name, *bounds]
    if item.required:
        notes.append("required")
    elif item.default_help:
        notes.append(f"default: {item.default_help}")
    if item.secret:
        notes.append("secret")
    return "; ".join(notes)[:1].upper() + "; ".join(notes)[1:] + "."


def _sample_line(key: str, item: Option[Any]) -> str:
    default = item.default_for(None)
    value = "" if item.required or default is None else item.format(default)
    return f"#{key} = {value}".rstrip()


def shown(configuration: Configuration, describe: Callable[[str, str, str], str]) -> Iterator[str]:
    """Yield a line for each value in force: ``describe(key, value, origin)``, secrets masked."""
    for section in configuration.settings:
        yield f"[{section.name}]"
        for key, item in section.options.items():
            yield describe(key, item.display(section.values[key]), configuration.origins[section.name, key])
        yield ""
