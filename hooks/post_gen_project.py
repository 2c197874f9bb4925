"""Completes the new service: removes an unwanted sample, locks the chassis, and makes a Git repository.

When the template is from a git server, the lock names the server and the revision. When it is a local
checkout or an archive, the chassis is built into a wheel in ``vendor/`` of the service. So the service can be
installed on any machine. At the end the hook prints what comes next.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
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

# Files that belong to the sample alone; others have a condition in the template.
SAMPLE = (
    "src/tests/test_checkins.py",
    f"src/{context['__package_name']}/migrations/versions/0001_check_ins.py",
)


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


def make_repository():
    """Make a Git repository of the service where none is; return a sentence about it.

    A service without Git is complete, so no failure of git is one of the bake. cruft, which names no
    ``_repo_dir``, bakes to compare files, and must not find a repository.
    """
    here = Path.cwd()
    if "_repo_dir" not in context or any((path / ".git").exists() for path in (here, *here.parents)):
        return ""
    if not shutil.which("git"):
        return "git is not installed: it is not a Git repository."
    if not git_here("init", "--quiet", "--initial-branch", "main") or not git_here("add", "--all"):
        return "git failed: it is not a Git repository, or not all files are added."
    if not (git_here("config", "user.name") and git_here("config", "user.email")):
        return "It is a Git repository without a commit: set user.name and user.email, and run git commit."
    if not git_here("-c", "commit.gpgSign=false", "commit", "--quiet", "--no-verify", "--message", "Begin"):
        return "It is a Git repository without a commit: run git commit."
    return "It is a Git repository with one commit."


def git_here(*arguments):
    """Run a git command in the service, whose repository no variable names; return whether it succeeded."""
    others = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    environment = {name: text for name, text in os.environ.items() if name not in others}
    ran = subprocess.run(
        ["git", *arguments], env=environment, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return ran.returncode == 0


def shown_directory():
    """Return the directory of the service for ``cd``, relative to the caller's where shorter."""
    here = str(Path.cwd())
    relative = os.path.relpath(here, os.path.realpath(os.environ.get("PWD", here)))
    return shlex.quote(min(relative, here, key=len))


lock = (checkout / "requirements.txt").read_text()
Path("requirements.txt").write_text(f"{lock.rstrip()}\n{requirement()}\n")
Path("debian/rules").chmod(0o755)
if context["sample"] == "no":
    for path in SAMPLE:
        Path(path).unlink()
# A terminal without UTF-8 cannot show every name.
sys.stdout.reconfigure(errors="backslashreplace")
directory, repository = shown_directory(), make_repository()
print(f"""
{context["project_name"]} is in {directory}.{repository and f" {repository}"}
What comes next:
  cd {directory}
  make run     # install it, migrate the database, serve on http://127.0.0.1:{context["port"]}/
  make test    # run its tests
  make         # list what else there is; README.rst explains it
""")
