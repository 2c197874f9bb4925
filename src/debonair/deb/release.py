"""Make a release: write one version into all places that name it (``versions``), commit and tag it.

usage: release.py VERSION

The changes are taken from the section *Unreleased* at the top of ``HISTORY.rst``, which gets the version as
its title, and become the entry of ``debian/changelog``. In a git repository the files are committed and
tagged, and nothing is pushed. A release that fails restores all files, so that it can be repeated.
"""

from __future__ import annotations

import re
import subprocess  # nosec B404
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from debonair.deb import versions

UNRELEASED = re.compile(r"^Unreleased\n-+\n\n((?:[* ] .*\n|\n)+?)(?=\n*^\S.*\n-+\n|\Z)", re.MULTILINE)


class RefusalError(Exception):
    """One line for the user."""


def git(*arguments: str) -> str:
    """Return what git prints.

    :raises RefusalError: when it fails, with its last line.
    """
    ran = subprocess.run(["git", *arguments], capture_output=True, text=True)
    if ran.returncode:
        lines = (ran.stderr or ran.stdout).strip().splitlines() or [f"exit code {ran.returncode}"]
        raise RefusalError(f"git {arguments[0]} failed: {lines[-1]}")
    return ran.stdout


def in_repository() -> bool:
    """Return whether the project is in a git repository."""
    return subprocess.run(["git", "rev-parse", "--git-dir"], capture_output=True).returncode == 0


def check(version: str) -> None:
    """Raise :exc:`RefusalError` unless the version is newer than the present one and the places agree."""
    if not re.fullmatch(versions.VERSION, version):
        raise RefusalError(f"{version} is no version: use numbers and dots, such as 1.2.0 or 1.2.0rc1")
    for disagreement in versions.disagreements(Path()):
        raise RefusalError(disagreement)
    present = versions.CHANGELOG.found(Path()) or "0"
    newer = ["dpkg", "--compare-versions", versions.debian(version), "gt", present]
    if subprocess.run(newer).returncode:
        raise RefusalError(f"{version} is not newer than {versions.SETUP.found(Path())}")


def check_repository(version: str) -> None:
    """Raise :exc:`RefusalError` when files are not committed, or the tag exists."""
    changed = [line[3:] for line in git("status", "--porcelain").splitlines()]
    if changed:
        raise RefusalError(f"commit or stash these files first: {', '.join(changed)}")
    if git("tag", "--list", f"v{version}"):
        raise RefusalError(f"the tag v{version} exists: use another version")


def contents(version: str, now: datetime) -> dict[Path, str]:
    """Return the new content of each file that names the version."""
    history = Path(versions.HISTORY.file).read_text(encoding="utf-8")
    section = UNRELEASED.search(history)
    if section is None:
        raise RefusalError(
            "HISTORY.rst has no section Unreleased with a list of changes at its top: write it"
        )
    title = f"{version} ({now:%Y-%m-%d})"
    written = {}
    for place in versions.PLACES:
        path = Path(place.file)
        if path.is_file():
            written[path] = place.written(path.read_text(encoding="utf-8"), version)
    history = re.sub(r"(?m)^Unreleased\n-+$", f"{title}\n{'-' * len(title)}", history, count=1)
    written[Path(versions.HISTORY.file)] = history
    changelog = Path(versions.CHANGELOG.file)
    written[changelog] = entry(changelog.read_text(encoding="utf-8"), section[1], version, now)
    return written


def entry(changelog: str, changes: str, version: str, now: datetime) -> str:
    """Return the changelog with an entry for the version, by the maintainer of the entry before."""
    source = re.match(r"(\S+) \(", changelog)
    maintainer = re.search(r"(?m)^ -- (.+>)  ", changelog)
    if not (source and maintainer):
        raise RefusalError("debian/changelog has no entry with a maintainer: write the first one by hand")
    lines = "".join(f"  {line}\n" if line else "\n" for line in changes.strip().splitlines())
    heading = f"{source[1]} ({versions.debian(version)}) stable; urgency=medium"
    return f"{heading}\n\n{lines}\n -- {maintainer[1]}  {format_datetime(now)}\n\n{changelog}"


def release(version: str, now: datetime) -> None:
    """Write, commit and tag the version; on failure, restore all files.

    :raises RefusalError: when the release cannot be made.
    """
    check(version)
    repository = in_repository()
    if repository:
        check_repository(version)
    written = contents(version, now)
    before = {path: path.read_text(encoding="utf-8") for path in written}
    head = git("rev-parse", "HEAD").strip() if repository else ""
    try:
        for path, text in written.items():
            path.write_text(text, encoding="utf-8")
        if repository:
            git("commit", "--quiet", "-m", f"Release {version}", "--", *map(str, written))
            git("tag", "-a", "-m", f"Release {version}", f"v{version}")
    except BaseException:
        if repository:
            git("reset", "--quiet", "--soft", head)
            git("reset", "--quiet")
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")
        raise


def main(arguments: list[str]) -> int:
    """Return 0, 1 after one line that says what is wrong, or 2 after the usage."""
    if len(arguments) != 1 or not arguments[0]:
        print("usage: make release VERSION=1.2.0", file=sys.stderr)
        return 2
    try:
        release(arguments[0], datetime.now(UTC).replace(microsecond=0))
    except (RefusalError, OSError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    print(f"release: {arguments[0]}; next: make deb RELEASE=bookworm, make deb RELEASE=trixie, make publish")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
