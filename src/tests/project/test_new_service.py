"""A new service: what the bake leaves and says, the sample and its removal, a database of one's own."""

from __future__ import annotations

import ast
import filecmp
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.postgresql import PASSWORD, Cluster, why_not
from tests.project.test_template import bake as bake
from tests.project.test_template import files
from tests.project.test_template import sample as sample
from tests.support import ROOT

Bake = Callable[..., subprocess.CompletedProcess[str]]
SERVICE = "example-service"
PACKAGE = "src/example_service"


@pytest.fixture(autouse=True)
def _git(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git read no configuration of the developer's own, and know nobody."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path_factory.mktemp("git") / "config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def git(service: Path, *arguments: str) -> str:
    ran = subprocess.run(["git", *arguments], cwd=service, capture_output=True, text=True, check=False)
    return ran.stdout + ran.stderr


def python(service: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a module with the Python of the tests, as if the service were installed there."""
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=service, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": "src", "RUFF_NO_CACHE": "true", **environment},
    )  # fmt: skip


def assert_sound(service: Path) -> None:
    """Assert that the service's own tests and lint pass."""
    for arguments in (["ruff", "check", "src"], ["ruff", "format", "--check", "src"], ["pytest", "-q"]):
        ran = python(service, *arguments)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def assert_documented(service: Path) -> None:
    """Assert that the service's documentation builds without a warning."""
    version = "import importlib.metadata as m\nm.version = lambda name: '0.1.0'\n"
    (service / "build").mkdir(exist_ok=True)
    (service / "build" / "sitecustomize.py").write_text(version)
    document = ["sphinx", "-W", "-q", "-b", "html", "docs/source", "build/html"]
    ran = python(service, *document, PYTHONPATH="build:src")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_bake_makes_a_repository_and_says_what_comes_next(
    bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org")):
        subprocess.run(["git", "config", "--global", f"user.{variable.lower()}", value], check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))  # as in a hook of git
    ran = bake(port="5099")
    monkeypatch.delenv("GIT_DIR")
    assert ran.returncode == 0, ran.stderr
    service = tmp_path / SERVICE
    assert "It is a Git repository with one commit.\n" in ran.stdout
    assert git(service, "log", "--format=%an %s") == "Ada Begin\n"
    assert git(service, "status", "--short") == ""
    commands = re.findall(r"^  (make ?\w*|cd .*?)(?:  |$)", ran.stdout, re.MULTILINE)
    assert [command.strip() for command in commands] == [f"cd {SERVICE}", "make run", "make test", "make"]
    assert "http://127.0.0.1:5099/" in ran.stdout
    targets = re.findall(r"^([a-z-]+):", (service / "Makefile").read_text(), re.MULTILINE)
    assert {"run", "test", "format", "host", "host-stop"} <= set(targets)


def test_bake_commits_nothing_for_somebody_whom_git_does_not_know(bake: Bake, tmp_path: Path) -> None:
    ran = bake()
    assert ran.returncode == 0, ran.stderr
    assert "without a commit: set user.name and user.email, and run git commit." in ran.stdout
    assert "src/example_service/views.py" in git(tmp_path / SERVICE, "diff", "--cached", "--name-only")


def test_bake_leaves_a_repository_around_it_alone(bake: Bake, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    ran = bake()
    assert ran.returncode == 0, ran.stderr
    assert "Git" not in ran.stdout
    assert not (tmp_path / SERVICE / ".git").exists()
    assert git(tmp_path, "diff", "--cached", "--name-only") == ""


def test_bake_works_without_git(bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cp").symlink_to("/bin/cp")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    ran = bake()
    assert ran.returncode == 0, ran.stderr
    assert "git is not installed: it is not a Git repository." in ran.stdout


def test_service_without_the_sample_is_sound(bake: Bake, tmp_path: Path) -> None:
    assert bake(sample="no").returncode == 0
    for path in files(tmp_path / SERVICE):
        if path.suffix in {".py", ".rst", ".cfg", ".ini", ".yaml", ""}:
            assert not re.search(r"\bcheck.?ins?\b|last.?seen", path.read_text(), re.IGNORECASE), path
    assert_sound(tmp_path / SERVICE)
    assert_documented(tmp_path / SERVICE)


def test_readme_names_every_file_that_the_sample_is_in(bake: Bake, tmp_path: Path) -> None:
    services = []
    for answer in ("yes", "no"):
        assert bake(sample=answer).returncode == 0
        services.append((tmp_path / SERVICE).rename(tmp_path / answer))
    found = [{str(path.relative_to(service)) for path in files(service)} for service in services]
    common = found[0] & found[1]
    differing = filecmp.cmpfiles(*services, common, shallow=False)[1]
    section = (services[0] / "README.rst").read_text().partition("Remove the sample\n")[2]
    section = section.partition("\n==========\n")[0]
    named = re.findall(r"(?:``|rm )([\w/]+\.(?:py|rst))\b", section)
    assert found[1] <= found[0]
    assert set(named) == {*differing, *(found[0] - found[1])}


def without(path: Path, *names: str) -> None:
    """Delete these classes and functions from a module, or all where none is named."""
    lines = path.read_text().splitlines(keepends=True)
    for node in reversed(ast.parse("".join(lines)).body):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and (not names or node.name in names):
            first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
            del lines[first - 1 : node.end_lineno]
    path.write_text("".join(lines))


@pytest.mark.acceptance
def test_sample_can_be_removed_as_the_readme_says(bake: Bake, tmp_path: Path) -> None:
    assert bake().returncode == 0
    service = tmp_path / SERVICE
    assert python(service, "example_service.manage", "db", "upgrade").returncode == 0
    checked = python(service, "example_service.manage", "serve", "--check")
    assert checked.returncode == 0 and "warning" not in checked.stdout, checked.stdout
    assert python(service, "example_service.manage", "db", "downgrade", "base").returncode == 0
    for path in re.findall(r"^       rm (.*)$", (service / "README.rst").read_text(), re.MULTILINE):
        (service / path).unlink()
    without(service / PACKAGE / "manage.py", "forget")
    application = service / PACKAGE / "application.py"
    without(application, "CheckIns")
    application.write_text(application.read_text().replace("SECTIONS = (CheckIns,)", "SECTIONS = ()"))
    application.write_text(re.sub(r"\n *debonair\.expose\(.*\)", "", application.read_text()))
    without(service / PACKAGE / "views.py")
    without(service / PACKAGE / "models.py")
    assert python(service, "ruff", "check", "--fix", "src").returncode == 0
    assert python(service, "ruff", "format", "src").returncode == 0
    assert_sound(service)
    ran = python(service, "example_service.manage", "db", "check")
    assert (ran.returncode, ran.stdout) == (0, "The database is in no need of migrations.\n"), ran.stderr


@pytest.mark.acceptance
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_service_is_tested_against_postgresql_and_its_models_agree_there(sample: Path) -> None:
    cluster = Cluster()
    try:
        cluster.start()
        name = cluster.create()
        uri = f"postgresql+psycopg://tests:{PASSWORD}@127.0.0.1:{cluster.port}/{name}"
        ran = python(sample, "pytest", "-q", TEST_DATABASE_URI=uri)
        assert ran.returncode == 0, ran.stdout
        assert cluster.execute(name, "SELECT version_num FROM alembic_version") == [("0001",)]
        assert cluster.users(name) == set()
        checked = python(sample, "example_service.manage", "-s", f"database.uri={uri}", "serve", "--check")
        assert checked.returncode == 0 and "warning" not in checked.stdout, checked.stdout
        cluster.stop()
        ran = python(sample, "pytest", "-q", TEST_DATABASE_URI=uri)
        assert ran.returncode == 1 and "the tests have no database: " in ran.stdout + ran.stderr
    finally:
        cluster.remove()


def test_make_passes_the_database_to_the_tests_and_names_what_the_host_needs(sample: Path) -> None:
    shown = subprocess.run(
        ["make", "-n", "test", "DATABASE=postgresql+psycopg://u:p@h/t"],
        cwd=sample, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "TEST_DATABASE_URI='postgresql+psycopg://u:p@h/t' .venv/bin/coverage run" in shown
    for target in ("host", "host-stop"):
        ran = subprocess.run(["make", target], cwd=sample, capture_output=True, text=True, check=False)
        assert ran.returncode != 0
        assert ran.stderr.splitlines()[0].startswith("error: the test host is in the repository of Debonair")
        assert f"make {target} DEBONAIR=../debonair" in ran.stderr
    shown = subprocess.run(
        ["make", "-n", "host", f"DEBONAIR={ROOT}"], cwd=sample, capture_output=True, text=True, check=True
    ).stdout
    assert f"'{ROOT}' host SERVICE='{sample}'" in shown


def test_guide_has_the_steps_of_the_readme(sample: Path) -> None:
    def words(text: str) -> str:
        return " ".join(text.split())

    readme = (
        (sample / "README.rst").read_text().partition("in this order:\n")[2].partition("``make format``")[0]
    )
    steps = readme.replace("example-service", "orders").replace("example_service", "orders")
    assert steps and words(steps) in words((ROOT / "docs/source/howto/sample.rst").read_text())


def test_repository_of_the_guides_is_one_that_publish_makes() -> None:
    script = (ROOT / "src/debonair/deb/scripts/publish").read_text()
    assert "base=$target/$release" in script and "Release::Suite=$release" in script
    codename = "%{facts.os.distro.codename}"
    for path in ("docs/source/howto/provisioning.rst", "puppet/modules/debonair/README.md",
                 "puppet/control-repo/data/common.yaml"):  # fmt: skip
        found = re.findall(r"debonair::repository::(url|suite): (.*)", (ROOT / path).read_text())
        assert found == [("url", f'"https://apt.example.org/{codename}"'), ("suite", f'"{codename}"')], path
