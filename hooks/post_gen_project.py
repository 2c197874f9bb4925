"""Adds the chassis to the lock of the new service, so that the service can be installed on any machine.

When the template is from a git server, the lock names the server and the revision. When it is a local
checkout or an archive, the chassis is built into a wheel in ``vendor/`` of the service.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    # When setuptools is installed, pip need not fetch it.
    import setuptools.command.bdist_wheel  # noqa: F401

    can_build = True
except ImportError:
    can_build = False

context = json.loads(r"""{{ cookiecutter | tojson }}""")


def template_checkout():
    """Return the directory of the template.

    cookiecutter names it, relative to where it was called; the hook itself runs in the new project. cruft
    does not name it, but both run hooks from a process whose working directory is the template's.
    """
    if "_repo_dir" in context:
        return Path(os.environ.get("PWD", "."), context["_repo_dir"]).resolve()
    parent = Path(f"/proc/{os.getppid()}/cwd")
    if (parent / "cookiecutter.json").is_file():
        return parent.resolve()
    sys.exit("error: the directory of the template is unknown: use cookiecutter, or use cruft on Linux")


checkout = template_checkout()


def git_source():
    """Return URL and revision when the template came from a git server, else None."""
    template = context.get("_template", "")
    remote = re.match(r"(git\+)?((https?|ssh|git)://|[\w.-]+@[\w.-]+:)", template)
    expanded = re.fullmatch(r"(gh|gl|bb):(.+)", template)
    if not (remote or expanded) or template.endswith(".zip"):
        return None
    url = git("config", "--get", "remote.origin.url")
    if "://" not in url:
        url = "ssh://" + url.replace(":", "/", 1)
    # A name and a token are for whoever bakes; they must not be committed with the lock.
    url = re.sub(r"^(https?://)[^/]*@", r"\1", url)
    return url, git("rev-parse", "HEAD")


def git(*arguments):
    """Return what a git command prints in the checkout of the template."""
    command = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def vendored_wheel():
    """Build the chassis of the checkout into vendor/ and return its path; the same source, the same wheel."""
    vendor = Path("vendor")
    vendor.mkdir(exist_ok=True)
    for old in vendor.glob("debonair-*.whl"):
        old.unlink()
    with tempfile.TemporaryDirectory() as scratch:
        for part in ("src/debonair", "setup.py", "setup.cfg", "MANIFEST.in", "README.rst", "HISTORY.rst",
                     "LICENSE", "AUTHORS.rst"):  # fmt: skip
            subprocess.run(["cp", "-r", "--parents", part, scratch], cwd=checkout, check=True)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps",
                   *(["--no-build-isolation"] if can_build else []),
                   "--wheel-dir", str(vendor.resolve()), scratch]  # fmt: skip
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1600000000"}
        ran = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    if ran.returncode:
        sys.exit(f"error: the chassis of {checkout} cannot be built into a wheel:\n{ran.stdout}")
    return next(vendor.glob("debonair-*.whl"))


def requirement():
    """Return the line that locks the chassis."""
    source = git_source()
    if source:
        return f"debonair @ git+{source[0]}@{source[1]}"
    wheel = vendored_wheel()
    return f"./{wheel.as_posix()} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"


lock = (checkout / "requirements.txt").read_text()
Path("requirements.txt").write_text(f"{lock.rstrip()}\n{requirement()}\n")
Path("debian/rules").chmod(0o755)
