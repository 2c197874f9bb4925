"""Releases: packages for both releases of Debian, the same whoever builds them, with one version."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from debonair.deb import versions
from tests.acceptance import builds, provision

pytestmark = pytest.mark.acceptance

FILES = tuple(place.file for place in versions.PLACES)


@pytest.fixture(params=sorted(builds.TRIED))
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# -- packages --------------------------------------------------------------------------------------


def test_two_builds_are_the_same_to_the_bit(release: str) -> None:
    _, said = builds.reproduced(release)
    digests = re.findall(r"[0-9a-f]{64}  dist/\S+\.(deb|tar\.xz)", said)
    assert "deb" in digests
    assert "tar.xz" in digests


def test_second_build_was_on_another_day_in_another_time_zone(release: str) -> None:
    project, _ = builds.reproduced(release)
    (info,) = project.glob(f"dist/{release}/*.buildinfo")
    assert re.search(r"(?m)^Build-Date: .* \+0545$", info.read_text())


def test_package_depends_on_the_python_of_its_release(release: str) -> None:
    project, _ = builds.reproduced(release)
    python = {"bookworm": "python3.11", "trixie": "python3.13"}[release]
    debs = [deb for deb in project.glob(f"dist/{release}/*.deb") if "_all.deb" not in deb.name]
    for deb in debs:
        depends = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], capture_output=True, text=True)
        assert python in depends.stdout.replace(",", " ").split()
    assert debs


def test_lintian_of_the_release_has_nothing_to_say(release: str) -> None:
    project, _ = builds.reproduced(release)
    (changes,) = project.glob(f"dist/{release}/*.changes")
    ran = builds.within(project, release, *builds.LINTIAN, changes)
    assert builds.complaints(ran.stdout + ran.stderr) == []


def test_build_has_no_network(release: str) -> None:
    project, _ = builds.reproduced(release)
    ran = builds.within(project, release, "cat", "/proc/net/dev")
    assert re.findall(r"(?m)^ *(\w+):", ran.stdout) == ["lo"]


def test_build_root_stays_clean(release: str) -> None:
    project, _ = builds.reproduced(release)
    assert builds.within(project, release, "touch", "/etc/stray").returncode == 0
    assert builds.within(project, release, "test", "-e", "/etc/stray").returncode == 1


def test_build_root_shares_nothing_else_with_this_machine(release: str) -> None:
    project, _ = builds.reproduced(release)
    ran = builds.within(project, release, "cat", "/proc/self/mounts", online=True)
    mounts = {line.split()[1] for line in ran.stdout.splitlines()}
    shared = {mount for mount in mounts if not re.match(r"/(dev|proc)\b", mount)} - {"/"}
    assert str(project) in shared
    assert len(shared) == 2  # and the cache


def test_unknown_release_is_one_line(tmp_path: Path) -> None:
    ran = subprocess.run(
        [builds.SCRIPTS / "within", "../etc", tmp_path, "true"], capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert "use bookworm or trixie" in ran.stderr


# -- repository ------------------------------------------------------------------------------------


def package(directory: Path, version: str, text: str) -> None:
    """Make a small package in the dist/ of ``directory``, in place of the one before."""
    dist = directory / "dist" / "bookworm"
    shutil.rmtree(dist, ignore_errors=True)
    tree = directory / "tree"
    (tree / "DEBIAN").mkdir(parents=True, exist_ok=True)
    fields = {"Package": "thing", "Version": version, "Architecture": "all", "Description": text}
    fields["Maintainer"] = "Test <test@example.org>"
    (tree / "DEBIAN" / "control").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
    dist.mkdir(parents=True)
    deb = dist / f"thing_{version}_all.deb"
    subprocess.run(["dpkg-deb", "--build", tree, deb], check=True, capture_output=True)


def test_repository_keeps_the_versions_before_and_is_signed(tmp_path: Path) -> None:
    with builds.signer() as environment:
        for version in ("1.0", "1.1", "1.1"):
            package(tmp_path, version, "the same")
            published = builds.publish(tmp_path, environment)
            assert published.returncode == 0, published.stderr
        dists = tmp_path / "dist" / "repository" / "bookworm" / "dists" / "bookworm"
        verify = ["gpg", "--verify", dists / "InRelease"]
        assert subprocess.run(verify, env=environment, capture_output=True).returncode == 0
    (packages,) = dists.glob("main/binary-*/Packages")
    assert re.findall(r"(?m)^Version: (.+)", packages.read_text()) == ["1.0", "1.1"]
    digest = hashlib.sha256(packages.read_bytes()).hexdigest()
    assert digest in (dists / "InRelease").read_text()
    assert (packages.parent / "by-hash" / "SHA256" / digest).is_file()


def test_published_version_is_never_another(tmp_path: Path) -> None:
    with builds.signer() as environment:
        package(tmp_path, "1.0", "one")
        assert builds.publish(tmp_path, environment).returncode == 0
        package(tmp_path, "1.0", "other")
        refused = builds.publish(tmp_path, environment)
    assert refused.returncode == 1
    assert "raise the version" in refused.stderr


def test_nobody_publishes_without_a_key(tmp_path: Path) -> None:
    refused = builds.publish(tmp_path, {"PATH": os.environ["PATH"]})
    assert refused.returncode == 1
    assert "SIGN_WITH" in refused.stderr


# -- one version -----------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the files of the chassis that say its version, in a git repository with an unreleased change."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(provision.CHECKOUT / name, tmp_path / name)
    history = tmp_path / "HISTORY.rst"
    title = "History\n=======\n\n"
    text = history.read_text().removeprefix(title)
    text = re.sub(r"\AUnreleased\n-+\n.*?(?=^\d)", "", text, flags=re.DOTALL | re.MULTILINE)
    history.write_text(
        f"{title}Unreleased\n----------\n\n* Something changed,\n  at length.\n* More.\n\n{text}"
    )
    for command in (
        ["init", "-q"],
        ["config", "user.email", "test@example.org"],
        ["config", "user.name", "T"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    subprocess.run(["git", "commit", "-qm", "Start"], cwd=tmp_path, check=True)
    return tmp_path


def make_release(project: Path, version: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "debonair.deb", "release", version]
    return subprocess.run(command, cwd=project, capture_output=True, text=True)


def test_release_writes_the_version_into_all_places(project: Path) -> None:
    made = make_release(project, "7.0")
    assert made.returncode == 0, made.stderr
    assert "\nversion = 7.0\n" in (project / "setup.cfg").read_text()
    assert re.search(
        r"\n7\.0 \(\d{4}-\d\d-\d\d\)\n-{16}\n\n\* Something", (project / "HISTORY.rst").read_text()
    )
    changelog = (project / "debian" / "changelog").read_text()
    assert changelog.startswith(
        "debonair (7.0) stable; urgency=medium\n\n  * Something changed,\n    at length.\n  * More.\n\n -- "
    )
    parsed = subprocess.run(["dpkg-parsechangelog"], cwd=project, capture_output=True, text=True)
    assert "Version: 7.0\n" in parsed.stdout
    assert parsed.stderr == ""
    described = subprocess.run(["git", "describe"], cwd=project, capture_output=True, text=True)
    assert described.stdout == "v7.0\n"
    module = json.loads((project / "puppet/modules/debonair/metadata.json").read_text())
    assert module["version"] == "7.0.0"
    template = (project / "{{cookiecutter.project_slug}}" / "setup.cfg").read_text()
    assert "\n    debonair>=7.0,<7.1\n" in template
    assert list(versions.disagreements(project)) == []
    assert make_release(project, "8.0").returncode == 1  # nothing has changed since


def test_candidate_sorts_before_its_release(project: Path) -> None:
    assert make_release(project, "7.0rc1").returncode == 0
    assert (project / "debian" / "changelog").read_text().startswith("debonair (7.0~rc1) ")


@pytest.mark.parametrize(("version", "word"), [("0.0.1", "not newer"), ("seven", "no version")])
def test_release_that_cannot_be_is_one_line_and_changes_nothing(
    project: Path, version: str, word: str
) -> None:
    refused = make_release(project, version)
    assert refused.returncode == 1
    assert word in refused.stderr
    assert refused.stderr.count("\n") == 1
    status = subprocess.run(["git", "status", "--short"], cwd=project, capture_output=True, text=True)
    assert status.stdout == ""


def test_release_of_a_changed_tree_names_the_files(project: Path) -> None:
    (project / "new.py").write_text("")
    with (project / "setup.cfg").open("a") as file:
        file.write("# changed\n")
    refused = make_release(project, "7.0")
    assert refused.returncode == 1
    assert refused.stderr == "release: commit or stash these files first: setup.cfg, new.py\n"


def test_release_that_failed_can_be_repeated(project: Path) -> None:
    hook = project / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    hook.chmod(0o755)
    refused = make_release(project, "7.0")
    assert refused.returncode == 1
    assert refused.stderr == "release: git commit failed: no\n"
    status = subprocess.run(["git", "status", "--short"], cwd=project, capture_output=True, text=True)
    assert status.stdout == ""
    hook.unlink()
    made = make_release(project, "7.0")
    assert made.returncode == 0, made.stderr


def test_release_that_cannot_be_tagged_leaves_no_commit(project: Path) -> None:
    subprocess.run(["git", "config", "tag.gpgSign", "true"], cwd=project, check=True)
    subprocess.run(["git", "config", "gpg.program", "/bin/false"], cwd=project, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True).stdout
    assert make_release(project, "7.0").returncode == 1
    assert subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True).stdout == head
    status = subprocess.run(["git", "status", "--short"], cwd=project, capture_output=True, text=True)
    assert status.stdout == ""


# -- dh-debonair -----------------------------------------------------------------------------------


def test_service_is_built_with_the_package_dh_debonair(tmp_path: Path) -> None:
    project, _ = builds.reproduced("bookworm")
    (sequence,) = project.glob("dist/bookworm/dh-debonair_*_all.deb")
    shutil.copy(sequence, tmp_path)
    service = tmp_path / "example-service"
    leave = shutil.ignore_patterns(".venv", "build", "dist", "wheelhouse")
    shutil.copytree(builds.sample(), service, ignore=leave)
    fetch = [sys.executable, "-m", "debonair.deb", "wheelhouse", "wheelhouse"]
    subprocess.run(fetch, cwd=service, check=True, capture_output=True)
    command = f"dpkg -i {sequence.name} && cd {service.name} && dpkg-buildpackage --build=binary --no-sign"
    ran = builds.within(tmp_path, "bookworm", "sh", "-c", command)
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-3000:]
    assert not (service / "wheelhouse" / "packaging").exists()
    assert len(list(tmp_path.glob("example-service_*.deb"))) == 1
