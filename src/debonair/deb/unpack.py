"""Unpack the packaging of a chassis from its wheel, for a build that has no other copy of it.

usage: unpack.py WHEEL DIRECTORY
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path, PurePosixPath

PREFIX = PurePosixPath("debonair/deb")


def unpack(wheel: Path, directory: Path) -> int:
    """Write the files below ``debonair/deb`` of a wheel into a directory; return their number.

    The commands of the debhelper sequence are made executable, since a wheel need not keep that.
    """
    count = 0
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            path = PurePosixPath(name)
            if name.endswith("/") or ".." in path.parts or not path.is_relative_to(PREFIX):
                continue
            target = directory / path.relative_to(PREFIX)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
            target.chmod(0o755 if target.parent.name == "bin" else 0o644)
            count += 1
    return count


def main(arguments: list[str]) -> int:
    """Return 0, or 1 when the wheel holds no packaging."""
    wheel, directory = map(Path, arguments)
    if unpack(wheel, directory):
        return 0
    print(f"error: {wheel.name} holds no packaging: lock a newer version of debonair", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
