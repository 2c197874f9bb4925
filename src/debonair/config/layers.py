"""The layers: defaults, files, environment, command line; the last one that gives a value wins."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from debonair.config.ini import IniFile, Place, Text, UnreadableError
from debonair.errors import ConfigError, Fault
from debonair.names import Service
from debonair.settings import SECTIONS, Section, ServiceSection, Settings, did_you_mean

ENVIRONMENT = "environment"
COMMAND_LINE = "command line"
DEFAULT = "default"

# What container orchestrators put into the environment for a service of this name, not for this process.
_SERVICE_LINK = re.compile(r"(SERVICE_HOST|(SERVICE_)?PORT(_\w+)?|NAME)")


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
        raise ConfigError(_in_reading_order(faults))
    return Configuration(service, settings, origins, digest)


def _in_reading_order(faults: list[Fault]) -> list[Fault]:
    sources = list(dict.fromkeys(fault.where for fault in faults))
    return sorted(faults, key=lambda fault: (sources.index(fault.where), fault.line))


def load_module(import_name: str) -> tuple[Service, tuple[type[Section], ...]]:
    """Return the service that the module belongs to, and its sections; the module is imported already."""
    return Service.of(import_name.partition(".")[0]), sections_of(sys.modules[import_name])


def _read(
    path: Path, declared: Mapping[str, type[Section]], faults: list[Fault]
) -> dict[tuple[str, str], Text]:
    try:
        ini = IniFile(path, faults)
        texts = ini.texts()
    except UnreadableError:
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
    homes = [name for name, other in declared.items() if key in other.options]
    hint = f": it belongs in [{homes[0]}]" if homes else did_you_mean(key, section.options)
    hint = hint or _known(section.options)
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
