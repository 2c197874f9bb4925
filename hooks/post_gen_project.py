"""Names the chassis in the lock of the new service, so that it can be installed on any machine.

A template from a git server names the chassis there, by revision. One from a local checkout or an archive has
its chassis built into a wheel, which the service then carries in ``vendor/``.
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
    # What builds a wheel is often at hand; then pip need not fetch it anew for this one.
    import setuptools.command.bdist_wheel  # noqa: F401

    can_build = True
except ImportError:
    can_build = False

context = json.loads(r"""{{ cookiecutter | tojson }}""")
template = context["_template"]
# A hook runs in the new project; a relative path was meant from where cookiecutter was called.
checkout = Path(os.environ.get("PWD", "."), context["_repo_dir"]).resolve()


def git_source():
    """Return URL and revision when the template came from a git server, else None."""
    remote = re.match(r"(git\+)?((https?|ssh|git)://|[\w.-]+@[\w.-]+:)", template)
    expanded = re.fullmatch(r"(gh|gl|bb):(.+)", template)
    if not (remote or expanded) or template.endswith(".zip"):
        return None
    url = git("config", "--get", "remote.origin.url")
    if "://" not in url:
        url = "ssh://" + url.replace(":", "/", 1)
    return url, git("rev-parse", "HEAD")


def git(*arguments):
    """Return what a git command says of the template's checkout."""
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
for script in ("debian/rules", *Path("debian/common").glob("*")):
    path = Path(script)
    if path.read_bytes()[:2] == b"#!":
        path.chmod(0o755)
