"""Builds for a release of Debian, made once for all tests that look at them, and published as users do.

Each is built twice, to compare the two.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.acceptance import provision

SCRIPTS = provision.CHECKOUT / "src" / "debonair" / "deb" / "scripts"

LINTIAN = ("lintian", "--allow-root", "--display-info")

#: Which project is tried on which release by the tests; "make reproduce" tries both on both.
TRIED = {"bookworm": "chassis", "trixie": "example-service"}

#: What a package is built from.
PARTS = [
    "debian",
    "puppet",
    "src",
    "vendor",
    "setup.py",
    "setup.cfg",
    "MANIFEST.in",
    "requirements.txt",
    "README.rst",
    "HISTORY.rst",
    "AUTHORS.rst",
    "LICENSE",
]


@functools.cache
def reproduced(release: str) -> tuple[Path, str]:
    """Return the project of a release with its dist/, and what "reproduce" printed about its two builds."""
    project = TRIED[release]
    source = provision.CHECKOUT if project == "chassis" else sample()
    directory = tempfile.mkdtemp(prefix="debonair-release-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    copy = Path(directory, project)
    copy.mkdir()
    for part in source.iterdir():
        if part.name in PARTS:
            (shutil.copytree if part.is_dir() else shutil.copy)(part, copy / part.name)
    command: list[str | Path] = [SCRIPTS / "reproduce", release]
    ran = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return copy, ran.stdout


def sample() -> Path:
    """Return the source of the sample service: that of TEST_DEB, or else baked here."""
    if named := os.environ.get("TEST_DEB"):
        parents = Path(named).resolve(strict=True).parents
        return next(path for path in parents if (path / "debian" / "rules").exists())
    subprocess.run(["make", "bake"], cwd=provision.CHECKOUT, check=True)
    return provision.CHECKOUT / "build" / "example-service"


def within(
    project: Path, release: str, *command: str | Path, online: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command in the build root of a release, and return how it went."""
    network = ["--online"] if online else []
    enter: list[str | Path] = [SCRIPTS / "within", release, *network, str(project), *map(str, command)]
    return subprocess.run(enter, cwd=project, capture_output=True, text=True)


def complaints(said: str) -> list[str]:
    """Return the lines of lintian's that are no notes.

    One set of overrides serves both releases, and each lintian has tags that the other does not know or give.
    """
    lines = [line for line in said.splitlines() if not line.startswith("N:")]
    return [line for line in lines if not re.search(r": (unused-override|alien-tag) ", line)]


@contextlib.contextmanager
def signer() -> Iterator[dict[str, str]]:
    """Return an environment with a key to sign with, which is gone afterwards."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "GNUPGHOME": home, "SIGN_WITH": "test@example.org"}
        make = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key"]
        subprocess.run([*make, environment["SIGN_WITH"]], env=environment, check=True, capture_output=True)
        yield environment
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=True)


def publish(directory: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Publish what is in the dist/ of ``directory``."""
    command = [SCRIPTS / "publish"]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
