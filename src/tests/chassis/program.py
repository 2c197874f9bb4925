"""The commands of a service as a person, a Jenkins job and Puppet run them: in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_MANAGE = """\
import debonair

manager = debonair.Manager("orders")


@manager.command
def greet(name, shout=False):
    "Greet somebody."
    print(name.upper() if shout else name)


@manager.command
def count_to(number: int, by: int = 1):
    "Count."
    print(number + by)


@manager.command
def fail():
    "Fail in a way that the user can fix."
    raise debonair.CommandError("the stock is empty: order more")


if __name__ == "__main__":
    manager.run()
"""


class Program:
    """Runs the commands of the service ``orders``."""

    def __init__(self, package: Path) -> None:
        self.package = package
        (package / "manage.py").write_text(_MANAGE)

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, self.package / "manage.py", *arguments],
            env={**os.environ, "PYTHONPATH": str(self.package.parent), **environment},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def refused(self, *arguments: str, code: int = 1, **environment: str) -> str:
        """Run a command that must fail with one line on standard error, and return the line."""
        ran = self(*arguments, **environment)
        assert ran.returncode == code, ran
        assert "Traceback" not in ran.stderr
        lines = ran.stderr.splitlines()
        assert len(lines) == 1, ran.stderr
        return lines[0]

    def imported(self, *arguments: str) -> set[str]:
        """Run a command and return the top-level names of what it imported."""
        ran = self(*arguments, PYTHONPROFILEIMPORTTIME="1")
        assert "Traceback" not in ran.stderr
        lines = [line.rpartition("|")[2].strip() for line in ran.stderr.splitlines() if "|" in line]
        return {line.partition(".")[0] for line in lines}


def with_migration(package: Path) -> None:
    """Give the service ``orders`` one migration, which does nothing."""
    versions = package / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001.py").write_text(
        "revision, down_revision = '0001', None\ndef upgrade(): pass\ndef downgrade(): pass\n"
    )
    (versions.parent / "env.py").write_text("from debonair.database.migrations import run\n\nrun()\n")
