"""The sample service with jobs, whose package has a worker, and other versions of that package."""

from __future__ import annotations

import atexit
import functools
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.acceptance import builds, versions

JOBS = '''"""Jobs that show which version runs them, and when."""

from __future__ import annotations

import os
import runpy
import signal
import time
from pathlib import Path

import debonair

from {package} import models


@debonair.job
def greet(user: str) -> None:
    """Record a visit of the user."""
    models.record(user)


@debonair.job
def sleep(seconds: float) -> float:
    """Take a time, in short calls that a time limit can interrupt."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.05)
    return seconds


@debonair.job
def import_late(number: int, seconds: float) -> dict[str, str]:
    """Return the versions of this module, and of one that is read when the job has run for a while."""
    time.sleep(seconds)
    late = runpy.run_path(str(Path(__file__).with_name("late_module.py")))
    return {{"here": VERSION, "there": late["VERSION"]}}


@debonair.job
def end_process(marker: str) -> str:
    """Kill the process that runs this, once."""
    file = Path("/var/lib/{name}", marker)
    if not file.exists():
        file.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


VERSION = "unknown"
'''

ROUTES = '''

@checkins.post("/enqueue/<name>")
def enqueue(name: str) -> dict[str, Any]:
    """Enqueue jobs with the arguments of the body: a list, or a list of lists."""
    import debonair
    from flask import request

    from {package} import jobs

    for arguments in request.get_json():
        getattr(jobs, name).enqueue(*arguments)
    debonair.db.session.commit()
    return {{"enqueued": name}}
'''


@functools.cache
def build(release: str) -> Path:
    """Return the package of the sample service with jobs: TEST_JOBS_DEB, or else built here, once."""
    if named := os.environ.get("TEST_JOBS_DEB"):
        return Path(named).resolve(strict=True)
    source = builds.sample()
    name = source.name
    package = name.replace("-", "_")
    directory = tempfile.mkdtemp(prefix="debonair-with-jobs-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    copy = Path(directory, name)
    ignored = shutil.ignore_patterns(".venv", "build", "dist", "instance", "__pycache__")
    shutil.copytree(source, copy, ignore=ignored)
    code = copy / "src" / package
    (code / "jobs.py").write_text(JOBS.format(package=package, name=name), encoding="utf-8")
    with (code / "views.py").open("a", encoding="utf-8") as views:
        views.write(ROUTES.format(package=package))
    here = platform.freedesktop_os_release().get("VERSION_CODENAME") == release
    chosen = {} if here else {"RELEASE": release}
    environment = {**os.environ, "DEB_BUILD_OPTIONS": "nocheck", **chosen}
    command = [builds.SCRIPTS / "build"]
    ran = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (deb,) = (copy / "dist").rglob("*.deb")
    return deb


def make(deb: Path, directory: Path, version: str, *edits: versions.Edit) -> Path:
    """Return the package of ``version``, whose jobs know that version."""
    named = versions.append("jobs.py", f'\nVERSION = "{version}"\n')
    return versions.make(deb, directory, version, named, *edits)
