#!/usr/bin/python3
"""Prepare a virtual environment for a package: small, and independent of who built it and where.

usage: tidy.py BUILT INSTALLED COMMAND

BUILT is the environment's directory in the build, INSTALLED its directory on a host, and COMMAND
the only script of its bin/ that is kept beside Python and gunicorn. Bytecode is not compared with
its source at run time (unchecked-hash): dpkg owns both, and an upgrade brings both.
"""

import compileall
import py_compile
import re
import shutil
import sys
from pathlib import Path

# Read by installers only; they also name the build's directory.
INSTALLER_FILES = ("RECORD", "REQUESTED", "INSTALLER", "direct_url.json")
# Sources of what is compiled already, and hints for editors.
BUILD_SUFFIXES = {".c", ".cpp", ".h", ".hpp", ".pxd", ".pyi", ".pyx"}
# Test suites and the frameworks for them, which no library imports when it runs.
TEST_DIRECTORIES = ("*/tests", "sqlalchemy/testing", "alembic/testing", "mako/testing")
# The tools that build a package, which a host does not need.
BUILD_DIRECTORIES = ("debonair/deb/*/",)


def tidy_bin(directory: Path, python: str, command: str) -> None:
    """Keep Python, gunicorn and `command`; the latter two start the Python of the installed directory."""
    for script in directory.iterdir():
        if script.name.startswith("python"):
            continue
        if script.name not in (command, "gunicorn"):
            script.unlink()
            continue
        # pip writes a line of Python, or three of shell where the path is long or has spaces.
        body = re.sub(rb"\A#!.*\n('''exec' .*\n' '''\n)?", b"", script.read_bytes())
        script.write_bytes(f"#!{python}\n".encode() + body)


def tidy_packages(directory: Path) -> None:
    """Remove what a running service does not read; the rest is imported and never executed."""
    for pattern in (*TEST_DIRECTORIES, *BUILD_DIRECTORIES):
        for unused in directory.glob(pattern):
            shutil.rmtree(unused)
    for path in filter(Path.is_file, directory.rglob("*")):
        path.chmod(0o644)
        of_installer = path.name in INSTALLER_FILES and path.parent.suffix == ".dist-info"
        if path.suffix in BUILD_SUFFIXES or of_installer:
            path.unlink()
        elif path.suffix == ".py" and (source := path.read_bytes()).startswith(b"#!"):
            path.write_bytes(source[source.index(b"\n") :])


def main() -> int:
    """Return 0, or 1 when a module cannot be compiled."""
    built, installed, command = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    library = next(built.glob("lib/python3*"))
    tidy_bin(built / "bin", f"{installed}/bin/python", command)
    tidy_packages(library / "site-packages")
    shutil.rmtree(built / "include", ignore_errors=True)
    (built / ".gitignore").unlink(missing_ok=True)  # Python 3.13 writes it
    config = built / "pyvenv.cfg"
    config.write_text(re.sub(r"(?m)^command = .*\n", "", config.read_text()))
    compiled = compileall.compile_dir(
        library,
        quiet=1,
        stripdir=str(library),
        prependdir=f"{installed}/lib/{library.name}",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    return 0 if compiled else 1


if __name__ == "__main__":
    sys.exit(main())
