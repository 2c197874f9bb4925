"""The places that name the version of a project: one table, which the build compares and a release writes.

usage: versions.py [PROJECT]

A place that a project does not have is left out: a service has no Puppet module. The others are compared with
the version of ``setup.cfg``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

VERSION = r"\d+(\.\d+)+((a|b|rc)\d+)?"
"""A version of Python that a release may have: ``1.2``, ``1.2.0``, ``1.2.0rc1``."""


def python(version: str) -> str:
    """Return the version as it is."""
    return version


def debian(version: str) -> str:
    """Return the version of a Debian package; a pre-release sorts before its release: ``2.0~rc1``."""
    return re.sub(r"(a|b|rc)", r"~\1", version)


def semantic(version: str) -> str:
    """Return the version of a Puppet module, which has three numbers: ``2.0rc1`` is ``2.0.0-rc1``."""
    numbers, mark, candidate = re.sub(r"(a|b|rc)", r"-\1", version).partition("-")
    return ".".join([*numbers.split("."), "0", "0"][:3]) + mark + candidate


def series(version: str) -> str:
    """Return the requirement of a version and of compatible ones: ``>=0.1,<0.2`` for ``0.1.4``."""
    numbers, _, candidate = re.sub(r"(a|b|rc)", r"-\1", version).partition("-")
    major, minor = numbers.split(".")[:2]
    return f">={major}.{minor}{candidate},<{major}.{int(minor) + 1}"


@dataclass(frozen=True)
class Place:
    """A file that names the version, and how.

    :param file: its path in the project.
    :param pattern: a regular expression with three groups: the text before, the version, the rest.
    :param form: returns what stands there for a version of Python.
    """

    file: str
    pattern: str
    form: Callable[[str], str] = python

    def found(self, project: Path) -> str | None:
        """Return what the file names, ``nothing`` without a version, or None when there is no such file."""
        path = project / self.file
        if not path.is_file():
            return None
        match = re.search(self.pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
        return match[2] if match else "nothing"

    def written(self, text: str, version: str) -> str:
        """Return the text of the file with another version."""
        return re.sub(self.pattern, rf"\g<1>{self.form(version)}\g<3>", text, count=1, flags=re.MULTILINE)


SETUP = Place("setup.cfg", r"^(version *= *)(\S+)()$")
CHANGELOG = Place("debian/changelog", r"\A(\S+ \()([^)]+)(\))", debian)
HISTORY = Place("HISTORY.rst", r"()^(\d\S*)( \()")
"""Its first section with a number; one with the title *Unreleased* may stand before it."""

PLACES = (
    SETUP,
    CHANGELOG,
    HISTORY,
    Place("puppet/modules/debonair/metadata.json", r'^(  "version": ")([^"]+)(")', semantic),
    Place("{{cookiecutter.project_slug}}/setup.cfg", r"^( +debonair)([<>=][^\n]*)()$", series),
)


def disagreements(project: Path) -> Iterator[str]:
    """Yield each place that does not name the version of ``setup.cfg``, with what it names."""
    version = SETUP.found(project) or "nothing"
    if not re.fullmatch(VERSION, version):
        yield f"setup.cfg names {version}, which is no version such as 1.2.0"
        return
    for place in PLACES:
        found = place.found(project)
        if found is not None and found != place.form(version):
            yield f"{place.file} names {found} instead of {place.form(version)}"


def main(arguments: list[str]) -> int:
    """Return 0, or 1 after one line that names the places which disagree with ``setup.cfg``."""
    project = Path(*arguments)
    found = list(disagreements(project))
    if found:
        version = SETUP.found(project)
        places = "; ".join(found)
        print(f"error: setup.cfg has version {version}, but {places}: make them agree", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
