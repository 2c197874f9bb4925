"""``python -m debonair.deb <command>``: run a step of packaging in the current directory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

COMMANDS = {
    "build": "build the Debian packages into dist/, in a clean build root with RELEASE=bookworm or trixie",
    "wheelhouse": "fetch and check the locked wheels that the package is built from",
    "lock": "write requirements.txt from setup.cfg",
    "reproduce": "build twice, and compare the packages byte by byte",
    "publish": "put the packages into a signed apt repository",
    "release": "write a version into all places, commit and tag it",
    "versions": "check that all places name one version",
    "within": "run a command in the build root of a release",
}


def usage() -> str:
    """Return the list of commands."""
    lines = [f"  {name:<12}{text}" for name, text in COMMANDS.items()]
    return "\n".join(["usage: python -m debonair.deb COMMAND [ARGUMENT...]", "", *lines])


def command_line(name: str, arguments: list[str]) -> list[str]:
    """Return what to execute for a command.

    Wheels are fetched with Debian's interpreter, which builds the package.
    """
    if name == "wheelhouse":
        return ["/usr/bin/python3", "-B", str(HERE / "wheelhouse.py"), *arguments]
    if (HERE / f"{name}.py").exists():
        return [sys.executable, "-B", "-m", f"debonair.deb.{name}", *arguments]
    return ["/bin/bash", str(HERE / "scripts" / name), *arguments]


def main(arguments: list[str]) -> int:
    """Replace this process by the command; return 0 after ``--help``, 2 when there is no such command."""
    if arguments and arguments[0] in COMMANDS:
        command = command_line(arguments[0], arguments[1:])
        # The arguments are the user's own.
        os.execv(command[0], command)  # nosec B606
    if arguments[:1] in (["-h"], ["--help"]):
        print(usage())
        return 0
    if arguments:
        print(f"error: there is no command {arguments[0]!r}", file=sys.stderr)
    print(usage(), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
