"""The time that it takes to bake a service and to build its package, and the size of the package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.measuring import SAMPLE, pairs, seconds
from tests.support import ROOT


def bench_bake(scratch: Path, quick: bool) -> None:
    """Measure how long it takes to bake a service."""
    out = scratch / "baked"
    command = [
        sys.executable,
        "-m",
        "cookiecutter",
        "--no-input",
        "--overwrite-if-exists",
        "-o",
        str(out),
        str(ROOT),
    ]
    pairs("baking a service / start of Python", "s", lambda: seconds(command),
          lambda: seconds([sys.executable, "-c", "pass"]), 1 if quick else 3)  # fmt: skip


def bench_deb(scratch: Path, quick: bool) -> None:
    """Compare our build of the deb, wheelhouse warm, with what a plain dh-virtualenv does."""
    if not shutil.which("dh_virtualenv"):
        print("deb: left out, dh-virtualenv is missing: apt-get install dh-virtualenv debhelper")
        return
    seconds(["make", "-C", str(SAMPLE), "wheelhouse"])
    version = re.search(r"\((.*)\)", (SAMPLE / "debian/changelog").read_text())[1]  # type: ignore[index]
    sizes: dict[str, tuple[float, float]] = {}

    def ours() -> float:
        took = seconds(["make", "-C", str(SAMPLE), "deb"])
        sizes["ours"] = deb_sizes(SAMPLE / "dist", version)
        return took

    def plain() -> float:
        tree = Path(tempfile.mkdtemp(dir=scratch)) / "plain"
        shutil.copytree(
            SAMPLE, tree, ignore=shutil.ignore_patterns(".venv", "dist", "instance", "wheelhouse", "debian")
        )
        debian = tree / "debian"
        debian.mkdir()
        shutil.copy(SAMPLE / "debian/changelog", debian)
        (debian / "control").write_text(
            "Source: example-service\nMaintainer: Nobody <nobody@example.org>\n"
            "Build-Depends: debhelper-compat (= 13), dh-virtualenv\n\n"
            "Package: example-service\nArchitecture: any\nDescription: plain\n"
        )
        (debian / "rules").write_text(
            "#!/usr/bin/make -f\n%:\n\tdh $@ --with python-virtualenv\n"
            "override_dh_virtualenv:\n\tdh_virtualenv --builtin-venv --python /usr/bin/python3\n"
            "override_dh_strip override_dh_shlibdeps override_dh_dwz:\n"
        )
        (debian / "rules").chmod(0o755)
        environment = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        took = seconds(["dpkg-buildpackage", "-b", "-us", "-uc"], cwd=tree, env=environment)
        sizes["plain"] = deb_sizes(tree.parent, version)
        return took

    pairs("make deb, wheels at hand / plain dh-virtualenv", "s", ours, plain, 1 if quick else 2)
    print(f"  the time of one: {', '.join(longest_steps(version))}")
    kinds = {"ours": "deb"}
    if os.geteuid() == 0 and shutil.which("mmdebstrap"):
        seconds(["make", "-C", str(SAMPLE), "deb", "RELEASE=bookworm"])
        sizes["release"] = deb_sizes(SAMPLE / "dist" / "bookworm", version)
        kinds["release"] = "deb of a release"
    for kind, name in kinds.items():
        for number, size in enumerate(("size", "installed size")):
            pairs(f"{size} of the {name} / the same", "MiB",
                  lambda: sizes[kind][number], lambda: sizes["plain"][number], 1)  # noqa: B023  # fmt: skip


def deb_sizes(directory: Path, version: str) -> tuple[float, float]:
    """Return the size of the package in a directory, and what it takes when it is installed, in MiB."""
    deb = next(directory.glob(f"*_{version}_*.deb"))
    command = ["dpkg-deb", "--field", str(deb), "Installed-Size"]
    installed = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return deb.stat().st_size / 2**20, installed / 2**10


def longest_steps(version: str) -> list[str]:
    """Build once more, and return the steps of debhelper that took longest, with their seconds."""
    log = next((SAMPLE / "dist").glob(f"*_{version}_*.build"))
    log.unlink()
    build = subprocess.Popen(["make", "-C", str(SAMPLE), "deb"], stdout=subprocess.DEVNULL)
    began: list[tuple[str, float]] = []
    while build.poll() is None:
        text = log.read_text() if log.exists() else ""
        found = re.findall(r"^   (?:debian/rules \w+?_)?(dh_\w+)", text, re.MULTILINE)
        began += [(step, time.perf_counter()) for step in found[len(began) :]]
        time.sleep(0.02)
    if build.returncode:
        raise SystemExit(f"error: the package cannot be built; see {log}")
    ended = [moment for _, moment in began[1:]] + [time.perf_counter()]
    took = {step: end - start for (step, start), end in zip(began, ended, strict=True)}
    return [f"{step} {took[step]:.1f} s" for step in sorted(took, key=lambda step: -took[step])[:5]]
