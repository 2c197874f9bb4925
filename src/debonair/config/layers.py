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

from debonair.config.ini import IniFile, Place, Text, UnreadableError
from debonair.errors import ConfigError, Fault
from debonair.names import Service
from debonair.settings import Option, Section, ServiceSection, Settings, did_you_mean

ENVIRONMENT = "environment"
CREDENTIAL = "credential"
COMMAND_LINE = "command line"
DEFAULT = "default"

_Key = tuple[str, str]
_FILE_SUFFIX = "_file"
_LARGEST_SECRET = 2**16

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


def configuration_file(service: Service, environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the INI file to read.

    ``<SVC>_CONFIG`` names it; else it is ``/etc/<svc>/config.ini`` in production, where it may be
    absent (None): a container has its configuration in the environment.
    """
    environ = os.environ if environ is None else environ
    named = environ.get(f"{service.environment_prefix}CONFIG")
    if named:
        return Path(named)
    if service.project is None and service.configuration.parent.is_dir():
        return service.configuration
    return None


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
    loader = _Loader(service, sections)
    loader.read_file(_package_defaults(service), must_exist=False)
    if file is None:
        file = configuration_file(service, environ)
    if file is not None:
        loader.read_file(file)
    digest = loader.digest()
    loader.read_credentials(environ.get("CREDENTIALS_DIRECTORY"))
    loader.read_environment(environ)
    loader.read_command_line(overrides)
    return loader.finish(digest)


def package_defaults(service: Service) -> dict[tuple[str, str], str]:
    """Return the texts of the package's ``default_config.ini``; none where it is missing or faulty."""
    try:
        return {key: text.text for key, text in IniFile(_package_defaults(service), []).texts().items()}
    except UnreadableError:
        return {}


def _package_defaults(service: Service) -> Path:
    return service.directory / "default_config.ini"


def environment_variable(service: Service, section: str, key: str) -> str:
    """Return the environment variable that sets the key, such as ``EXAMPLE_SERVICE_SERVER_PORT``."""
    return service.environment_prefix + re.sub(r"\W", "_", f"{section}_{key}").upper()


class _Loader:
    """The texts gathered so far, the latest layer over the others, and the faults on the way."""

    def __init__(self, service: Service, sections: Iterable[type[Section]]) -> None:
        self._service = service
        self._kinds = {section.name: section for section in sections}
        # The sections that may have values, instances among them once a file has named them.
        self._declared = {name: section for name, section in self._kinds.items() if not section.instances}
        self._texts: dict[_Key, Text] = {}
        self._faults: list[Fault] = []

    def read_file(self, path: Path, *, must_exist: bool = True) -> None:
        """Take the texts of an INI file."""
        if not must_exist and not path.is_file():
            return
        try:
            ini = IniFile(path, self._faults)
            texts = ini.texts()
        except UnreadableError:
            return
        for key, place in ini.strays():
            self._fault(place, f"{key} has no effect in [DEFAULT]: move it to its section")
        for name, place in ini.headers.items():
            if name != ini.default_section and not self._declare(name):
                self._fault(place, self._unknown_section(name))
        self._take({key: text for key, text in texts.items() if key[0] in self._declared})

    def read_credentials(self, directory: str | None) -> None:
        """Take systemd's credentials (``LoadCredential=section.key:path``, see systemd.exec)."""
        if not directory:
            return
        found = {}
        for path in sorted(Path(directory).iterdir()):
            section, dot, key = path.name.rpartition(".")
            if dot and self._declare(section):
                place = Place(f"{CREDENTIAL} {path.name}", 0)
                found[section, key] = Text(self._content(path, place), place)
        self._take(found)

    def read_environment(self, environ: Mapping[str, str]) -> None:
        """Take the variables that begin with the service's name."""
        prefix = self._service.environment_prefix
        variables = {
            environment_variable(self._service, name, key): (name, key)
            for name, section in self._declared.items()
            for option_name, item in section.options.items()
            for key in _spellings(option_name, item)
        }
        found = {}
        for variable, value in sorted(environ.items()):
            if not variable.startswith(prefix) or variable == f"{prefix}CONFIG":
                continue
            place = Place(f"{ENVIRONMENT} {variable}", 0)
            if variable in variables:
                found[variables[variable]] = Text(value, place)
            elif not _SERVICE_LINK.fullmatch(variable.removeprefix(prefix)):
                hint = did_you_mean(variable, [*variables, f"{prefix}CONFIG"])
                self._fault(place, f"stands for no key of any section{hint}")
        self._take(found)

    def read_command_line(self, overrides: Iterable[str]) -> None:
        """Take texts ``section.key=value``."""
        found, place = {}, Place(COMMAND_LINE, 0)
        for item in overrides:
            match = re.fullmatch(r"([^.=]+)\.([^.=]+)=(.*)", item, re.DOTALL)
            if match is None:
                self._fault(place, f"{item.partition('=')[0]!r} is not section.key=value")
            elif not self._declare(match[1]):
                self._fault(place, self._unknown_section(match[1]))
            else:
                found[match[1], match[2]] = Text(match[3], place)
        self._take(found)

    def digest(self) -> str:
        """Return the SHA-256 of what was read so far."""
        said = sorted((section, key, text.text) for (section, key), text in self._texts.items())
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def finish(self, digest: str) -> Configuration:
        """Turn the texts into values.

        :raises ConfigError: when there was a fault anywhere.
        """
        values: dict[str, dict[str, Any]] = {name: {} for name in self._declared}
        origins = {(name, key): DEFAULT for name, cls in self._declared.items() for key in cls.options}
        for (name, key), text in self._texts.items():
            try:
                values[name][key] = self._declared[name].options[key].parse(text.text)
            except ValueError as error:
                self._fault(text.place, f"{key}: {error}")
            origins[name, key] = str(text.place)
        for name, cls in self._declared.items():
            for key, item in cls.options.items():
                if item.required and (name, key) not in self._texts:
                    variable = environment_variable(self._service, name, key)
                    wanted = item.help[:1].lower() + item.help[1:]
                    self._fault(Place(DEFAULT, 0), f"[{name}] {key} is required: {wanted} Or set {variable}.")
        if self._faults:
            sources = list(dict.fromkeys(fault.where for fault in self._faults))
            raise ConfigError(sorted(self._faults, key=lambda at: (sources.index(at.where), at.line)))
        environment = values[ServiceSection.name].get("environment")
        service = self._service.in_environment(environment) if environment else self._service
        sections = (
            cls(service, name.partition(":")[2] if cls.instances else "", **values[name])
            for name, cls in self._declared.items()
        )
        return Configuration(service, Settings(sections), origins, digest)

    def _declare(self, name: str) -> bool:
        """Tell whether a section of this name may have values; an instance may from its first mention."""
        kind, colon, instance = name.partition(":")
        if colon and instance and kind in self._kinds and self._kinds[kind].instances:
            self._declared[name] = self._kinds[kind]
        return name in self._declared

    def _take(self, found: Mapping[_Key, Text]) -> None:
        """Lay one layer over the others: keys that are declared, and the files of secrets read."""
        layer: dict[_Key, Text] = {}
        for (name, key), text in found.items():
            options = self._declared[name].options
            secret = key.removesuffix(_FILE_SUFFIX)
            if key in options:
                layer[name, key] = text
            elif key in _spellings(secret, options.get(secret)):
                if (name, secret) in found:
                    self._fault(text.place, f"{key}: {secret} is given too: keep one of the two")
                layer[name, secret] = Text(self._content(Path(text.text), text.place, key), text.place)
            else:
                self._fault(text.place, self._unknown_key(key, name))
        self._texts.update(layer)

    def _content(self, path: Path, place: Place, key: str = "") -> str:
        """Return the secret that a file holds, without the newline at its end."""
        prefix = f"{key}: " if key else ""
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST_SECRET + 1)
            if len(data) > _LARGEST_SECRET:
                self._fault(place, f"{prefix}{path} is larger than 64 KiB: this cannot be a secret")
            return data.decode().removesuffix("\n").removesuffix("\r")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self._fault(place, f"{prefix}{path} cannot be read: {reason}")
        except UnicodeDecodeError:
            self._fault(place, f"{prefix}{path} is not text in UTF-8")
        return ""

    def _fault(self, place: Place, message: str) -> None:
        self._faults.append(Fault(place.where, place.line, message))

    def _unknown_section(self, name: str) -> str:
        known = [f"{kind}:NAME" if cls.instances else kind for kind, cls in self._kinds.items()]
        return f"unknown section [{name}]{did_you_mean(name, known) or _known(known)}"

    def _unknown_key(self, key: str, name: str) -> str:
        options = self._declared[name].options
        homes = [other for other, cls in self._declared.items() if key in cls.options]
        hint = f": it belongs in [{homes[0]}]" if homes else did_you_mean(key, options)
        return f"unknown key {key!r} in [{name}]{hint or _known(options)}"


def _spellings(key: str, item: Option[Any] | None) -> tuple[str, ...]:
    """Return the keys that set an option: a secret may also be in a file that is named."""
    if item is None:
        return ()
    return (key, key + _FILE_SUFFIX) if item.secret else (key,)


def _known(names: Iterable[str]) -> str:
    return f" (known: {', '.join(names)})"
