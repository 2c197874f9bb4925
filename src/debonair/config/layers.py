"""The layers: defaults, files, environment, command line; the last one that gives a value wins."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debonair.config.declared import Declared, spellings
from debonair.config.environment import configuration_file, environment_variable, read_environment
from debonair.config.ini import IniFile, UnreadableError
from debonair.config.places import Key, Place, Text
from debonair.config.scanner import DEFAULT_SECTION
from debonair.config.secret_files import read_credentials, read_secret
from debonair.errors import ConfigError, Fault
from debonair.names import Service
from debonair.settings import (
    SECRET_FILE_SUFFIX,
    Option,
    Section,
    ServiceSection,
    Settings,
    has_instances,
    name_of,
    unfit_for_production,
)

COMMAND_LINE = "command line"
DEFAULT = "default"

_BEFORE_COMMENT = r"(.*?)\s+[#;].*"


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
    origins: Mapping[Key, str]
    digest: str


def load(
    service: Service,
    sections: Iterable[type[Section]],
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Iterable[str] = (),
) -> Configuration:
    """Load the configuration of a service through all layers; the last one that gives a value wins.

    1. the defaults of the declarations, 2. the package's ``default_config.ini``, 3. the INI file,
    4. systemd's credentials, 5. environment variables ``<SVC>_<SECTION>_<KEY>``, 6. the command line.
    In 2, 3 and 5 a secret option may be given as ``<key>_file``, the path of a file that holds it.

    :param file: the INI file; else the one that :func:`configuration_file` finds.
    :param environ: the environment; else that of the process.
    :param overrides: texts ``section.key=value`` from the command line.
    :raises ConfigError: with every fault of all layers.
    """
    environ = os.environ if environ is None else environ
    if file is None:
        file = configuration_file(service, environ)
    declared, faults = Declared(sections), list[Fault]()
    layers = _Layers(declared, faults)
    own = _package_defaults(service)
    if own.is_file():
        layers.add(_read_file(own, declared, faults))
    if file is not None:
        layers.add(_read_file(file, declared, faults))
    digest = layers.digest()
    layers.add(read_credentials(environ.get("CREDENTIALS_DIRECTORY"), declared, faults))
    layers.add(read_environment(service, declared, environ, faults))
    layers.add(_read_command_line(overrides, declared, faults))
    values = layers.values()
    environment = values[name_of(ServiceSection)].get("environment")
    service = service.in_environment(environment) if environment else service
    faults += _missing(service, declared, layers.texts)
    if service.production:
        faults += _unfit_for_production(declared, layers.texts, values)
    if faults:
        sources = list(dict.fromkeys(fault.where for fault in faults))
        raise ConfigError(sorted(faults, key=lambda at: (sources.index(at.where), at.line)))
    settings = Settings(
        section(service, name.partition(":")[2] if has_instances(section) else "", **values[name])
        for name, section in declared.sections.items()
    )
    origins = {key: DEFAULT for key, _ in declared}
    origins |= {key: str(text.place) for key, text in layers.texts.items()}
    return Configuration(service, settings, origins, digest)


def package_defaults(service: Service) -> dict[Key, str]:
    """Return the texts of the package's ``default_config.ini``; none where it is missing or faulty."""
    try:
        return {key: text.text for key, text in IniFile(_package_defaults(service), []).texts().items()}
    except UnreadableError:
        return {}


def _package_defaults(service: Service) -> Path:
    return service.directory / "default_config.ini"


def _read_file(path: Path, declared: Declared, faults: list[Fault]) -> dict[Key, Text]:
    """Return the texts of an INI file that stand in declared sections."""
    try:
        ini = IniFile(path, faults)
        texts = ini.texts()
    except UnreadableError:
        return {}
    for key, place in ini.strays():
        faults.append(place.fault(f"{key} has no effect in [{DEFAULT_SECTION}]: move it to its section"))
    for name, place in ini.headers.items():
        if name != DEFAULT_SECTION and not declared.accept(name):
            faults.append(place.fault(declared.unknown_section(name)))
    return {key: text for key, text in texts.items() if key[0] in declared.sections}


def _read_command_line(overrides: Iterable[str], declared: Declared, faults: list[Fault]) -> dict[Key, Text]:
    """Return the texts of ``section.key=value``."""
    found, place = {}, Place(COMMAND_LINE)
    for item in overrides:
        match = re.fullmatch(r"([^.=]+)\.([^.=]+)=(.*)", item, re.DOTALL)
        if match is None:
            faults.append(place.fault(f"{item.partition('=')[0]!r} is not section.key=value"))
        elif not declared.accept(match[1]):
            faults.append(place.fault(declared.unknown_section(match[1])))
        else:
            found[match[1], match[2]] = Text(match[3], place)
    return found


class _Layers:
    """The texts gathered so far, the latest layer over the others."""

    def __init__(self, declared: Declared, faults: list[Fault]) -> None:
        self._declared = declared
        self._faults = faults
        self.texts: dict[Key, Text] = {}

    def add(self, found: Mapping[Key, Text]) -> None:
        """Lay one layer over the others: keys that are declared, and the files of secrets read."""
        layer: dict[Key, Text] = {}
        for (name, key), text in found.items():
            options = self._declared.options(name)
            secret = key.removesuffix(SECRET_FILE_SUFFIX)
            if not _is_text(text.text):
                self._faults.append(text.place.fault(f"{key}: is not text in UTF-8"))
            elif key in options:
                layer[name, key] = text
            elif key in spellings(secret, options.get(secret)):
                if (name, secret) in found:
                    self._faults.append(
                        text.place.fault(f"{key}: {secret} is given too: keep one of the two")
                    )
                content = read_secret(Path(text.text), text.place, self._faults, key)
                layer[name, secret] = Text(content, text.place)
            else:
                self._faults.append(text.place.fault(self._declared.unknown_key(key, name)))
        self.texts.update(layer)

    def digest(self) -> str:
        """Return the SHA-256 of what was read so far."""
        said = sorted((section, key, text.text) for (section, key), text in self.texts.items())
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def values(self) -> dict[str, dict[str, Any]]:
        """Return the values of the texts by section; a text that cannot be parsed is a fault."""
        values: dict[str, dict[str, Any]] = {name: {} for name in self._declared.sections}
        for (name, key), text in self.texts.items():
            item = self._declared.options(name)[key]
            try:
                values[name][key] = item.parse(text.text)
            except ValueError as error:
                hint = _comment_hint(item, text)
                self._faults.append(text.place.fault(f"{key}: {error}{hint}"))
        return values


def _is_text(text: str) -> bool:
    """Return whether a variable or argument was UTF-8; Python decodes other bytes to surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _comment_hint(item: Option[Any], text: Text) -> str:
    """Return a hint when a text of a file would be right without what looks like a comment behind it."""
    match = re.fullmatch(_BEFORE_COMMENT, text.text, flags=re.DOTALL)
    if match is None or not text.place.line:
        return ""
    try:
        item.parse(match[1])
    except ValueError:
        return ""
    return ": a comment stands on a line of its own"


def _missing(service: Service, declared: Declared, texts: Mapping[Key, Text]) -> list[Fault]:
    """Return a fault for each required option that no layer gives."""
    faults = []
    for (name, key), item in declared:
        if item.required and (name, key) not in texts:
            variable = environment_variable(service, name, key)
            wanted = item.help[:1].lower() + item.help[1:]
            faults.append(Place(DEFAULT).fault(f"[{name}] {key} is required: {wanted} Or set {variable}."))
    return faults


def _unfit_for_production(
    declared: Declared, texts: Mapping[Key, Text], values: Mapping[str, Mapping[str, Any]]
) -> list[Fault]:
    """Return a fault for each value that is allowed in development only."""
    faults = []
    for (name, key), item in declared:
        if key in values[name]:
            try:
                item.allow_in_production(values[name][key])
            except ValueError as error:
                faults.append(texts[name, key].place.fault(f"{key}: {error}"))
    for name, section in declared.sections.items():
        # What could not be parsed is reported already: nothing is said about the other values without it.
        if len(values[name]) == sum(title == name for title, _ in texts):
            found = unfit_for_production(section, values[name])
            faults += [texts[name, key].place.fault(f"{key}: {message}") for key, message in found]
    return faults
