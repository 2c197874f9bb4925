#!/usr/bin/python3
"""Fetch what requirements.txt locks, check every hash, and keep it as wheels to build from offline.

usage: wheelhouse.py [DIRECTORY]

Prints the directory that holds the wheels: the cache's, named after the lock and this Python, so
that a lock is fetched once; or DIRECTORY, with a copy. Each requirement is one of

    name==version --hash=sha256:...             from the package index
    ./vendor/name-version-py3-none-any.whl --hash=sha256:...
    name @ git+URL@REVISION                     a full revision, which is a hash itself

A source archive is built with Debian's own setuptools, so that nothing unlocked takes part.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path("requirements.txt")
SUMS = "SHA256SUMS"
WHEELS = Path("/usr/share/python-wheels")


class FetchError(Exception):
    """One line for the user."""


def requirements(text: str) -> tuple[list[str], list[str]]:
    """Return the requirements that carry a hash, and those that a git revision pins."""
    hashed, pinned, start, logical = [], [], 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        start = start if logical else number
        logical += re.sub(r"(^|\s)#.*$", "", line).strip()
        if logical.endswith("\\"):
            logical = logical[:-1]
            continue
        if logical:
            name = re.split(r"[\s=<>@;\[]", logical, maxsplit=1)[0]
            if re.search(r"--hash=sha256:[0-9a-f]{64}\b", logical):
                hashed.append(logical)
            elif re.search(r"@\s*git\+\S+@[0-9a-f]{40}$", logical):
                pinned.append(logical)
            elif "git+" in logical:
                raise FetchError(f"{LOCK}:{start}: {name} needs a full revision, git+URL@<40 hex>")
            else:
                raise FetchError(f"{LOCK}:{start}: {name} has no --hash=sha256:<64 hex>")
        logical = ""
    return hashed, pinned


def reason(output: str) -> str:
    """Return the error of pip in one line that names the package."""
    mismatch = re.search(r"DO NOT MATCH THE HASHES.*?\n    (\S+)", output, re.DOTALL)
    if mismatch:
        return f"{mismatch[1]}: the archive does not have the hash that {LOCK} locks"
    errors = re.findall(r"^(?:ERROR:|\u00d7) (.+)", output, re.MULTILINE)
    return errors[-1] if errors else "pip failed"


def make_wheels(arguments: list[str], directory: Path, log: Path) -> None:
    """Run "pip wheel", with the pip that Debian carries for new virtual environments."""
    pip = next(WHEELS.glob("pip-*.whl"), None)
    if pip is None:
        raise FetchError("apt-get install python3-venv python3-setuptools python3-wheel")
    command = [sys.executable, f"{pip}/pip", "wheel", "--no-deps", "--no-build-isolation"]
    command += ["--wheel-dir", str(directory), *arguments]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with log.open("a") as file:
        file.write(ran.stdout)
    if ran.returncode:
        raise FetchError(f"{reason(ran.stdout)} (log: {log})")


def sums(directory: Path) -> str:
    """Return the hashes of the wheels in `directory`, in the format of sha256sum."""
    wheels = sorted(directory.glob("*.whl"))
    return "".join(f"{hashlib.sha256(w.read_bytes()).hexdigest()}  {w.name}\n" for w in wheels)


def intact(house: Path) -> bool:
    """Return whether the cache holds the wheels that were put there."""
    return (house / SUMS).exists() and (house / SUMS).read_text() == sums(house)


def fetch(text: str, house: Path) -> None:
    """Fill `house`, all or nothing."""
    hashed, pinned = requirements(text)
    print(f"wheelhouse: fetching {len(hashed) + len(pinned)} packages", file=sys.stderr)
    house.parent.mkdir(parents=True, exist_ok=True)
    log = house.with_suffix(".log")
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=house.parent) as scratch:
        wheels, lock = Path(scratch, "wheels"), Path(scratch, "lock.txt")
        wheels.mkdir()
        lock.write_text("".join(f"{line}\n" for line in hashed))
        make_wheels(["--require-hashes", "--requirement", str(lock)], wheels, log)
        if pinned:
            make_wheels(pinned, wheels, log)
        (wheels / SUMS).write_text(sums(wheels))
        shutil.rmtree(house, ignore_errors=True)
        wheels.rename(house)


def main() -> int:
    """Return 0, or 1 after one line that names the error."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "debonair")
    try:
        text = LOCK.read_text()
        python = f"{platform.python_version().rpartition('.')[0]} {platform.machine()}"
        key = hashlib.sha256(f"{python}\n{text}".encode()).hexdigest()[:16]
        house = cache / f"wheelhouse-{key}"
        if not intact(house):
            fetch(text, house)
    except (FetchError, OSError) as fault:
        print(f"wheelhouse: {fault}", file=sys.stderr)
        return 1
    if len(sys.argv) > 1:
        target = Path(sys.argv[1])
        if target.exists() and not (target / SUMS).exists():
            print(
                f"wheelhouse: {target} exists and is no copy of a wheelhouse: name another one",
                file=sys.stderr,
            )
            return 1
        shutil.rmtree(target, ignore_errors=True)
        house = Path(shutil.copytree(house, target))
    print(house)
    return 0


if __name__ == "__main__":
    sys.exit(main())
