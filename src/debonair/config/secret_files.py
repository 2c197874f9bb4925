"""Secrets in separate files: those that a key names, and systemd's credentials."""

from __future__ import annotations

from pathlib import Path

from debonair.config.declared import Declared
from debonair.config.files import UnusableError, read_regular
from debonair.config.places import Key, Place, Text
from debonair.errors import Fault, reason_of

_LARGEST_SECRET = 2**16


def read_secret(path: Path, place: Place, faults: list[Fault], key: str = "") -> str:
    """Return the secret that a file holds, without the newline at its end; note when it holds none.

    :param place: where the file is named. :param key: the key that names it.
    """
    prefix = f"{key}: " if key else ""
    try:
        data = read_regular(path, _LARGEST_SECRET)
        if len(data) > _LARGEST_SECRET:
            faults.append(place.fault(f"{prefix}{path} is larger than 64 KiB: this cannot be a secret"))
        return data.decode().removesuffix("\n").removesuffix("\r")
    except UnusableError as error:
        faults.append(place.fault(f"{prefix}{path} {error}"))
    except UnicodeDecodeError:
        faults.append(place.fault(f"{prefix}{path} is not text in UTF-8"))
    return ""


def read_credentials(directory: str | None, declared: Declared, faults: list[Fault]) -> dict[Key, Text]:
    """Return the texts of systemd's credentials (``LoadCredential=section.key:path``, systemd.exec(5))."""
    if not directory:
        return {}
    try:
        paths = sorted(Path(directory).iterdir())
    except OSError as error:
        place = Place("environment CREDENTIALS_DIRECTORY")
        faults.append(place.fault(f"{directory} cannot be read: {reason_of(error)}"))
        return {}
    found = {}
    for path in paths:
        section, dot, key = path.name.rpartition(".")
        if dot and declared.accept(section):
            place = Place(f"credential {path.name}")
            found[section, key] = Text(read_secret(path, place, faults), place)
    return found
