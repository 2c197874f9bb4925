"""The template: what is baked works in its own environment, and hostile answers are data."""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ROOT

Bake = Callable[..., subprocess.CompletedProcess[str]]
COOKIECUTTER = [sys.executable, "-m", "cookiecutter", "--no-input"]

LAYOUT = """
    AUTHORS.rst CONTRIBUTING.rst HISTORY.rst README.rst SECURITY.rst LICENSE MANIFEST.in Makefile Jenkinsfile
    Dockerfile tox.ini .editorconfig .pre-commit-config.yaml ruff.toml bandit.yaml docs/source/security.rst
    src/example_service/wsgi.py
    setup.py setup.cfg requirements.txt debian/rules debian/control debian/changelog
    docs/Makefile docs/make.bat docs/source/authors.rst docs/source/conf.py docs/source/contributing.rst
    docs/source/history.rst docs/source/index.rst docs/source/readme.rst
    docs/source/technical_details.rst docs/source/usage.rst
    puppet/example-service.yaml src/example_service/__init__.py src/example_service/application.py
    src/example_service/manage.py src/example_service/models.py src/example_service/views.py
    src/example_service/default_config.ini src/example_service/migrations/env.py
    src/tests/conftest.py src/tests/test_example_service.py src/tests/test_checkins.py
"""


@pytest.fixture
def bake(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Bake:
    """Return a function that bakes into ``tmp_path`` with the given answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    home = tmp_path_factory.mktemp("home")
    config = home / "cookiecutter.yaml"
    config.write_text(f"cookiecutters_dir: {home / 'templates'}\nreplay_dir: {home / 'replay'}\n")
    monkeypatch.setenv("COOKIECUTTER_CONFIG", str(config))

    def do(template: str | Path = ROOT, **answers: str) -> subprocess.CompletedProcess[str]:
        command = [*COOKIECUTTER, "--output-dir", str(tmp_path), str(template)]
        command += [f"{name}={answer}" for name, answer in answers.items()]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    return do


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample service, baked with the default answers and installed: what ``make bake`` leaves."""
    ran = subprocess.run(["make", "bake"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ROOT / "build" / "example-service"


def files(service: Path) -> list[Path]:
    generated = {
        ".venv",
        "vendor",
        "dist",
        "instance",
        "build",
        ".pytest_cache",
        ".ruff_cache",
        "__pycache__",
        ".git",
    }
    return [
        path
        for path in service.rglob("*")
        if path.is_file() and not generated & set(path.relative_to(service).parts)
    ]


def test_baked_service_has_the_layout_of_the_documentation(sample: Path) -> None:
    for name in LAYOUT.split():
        assert (sample / name).is_file(), name


def test_its_own_python_stays_thin(sample: Path) -> None:
    own = [path for path in files(sample / "src" / "example_service") if path.suffix == ".py"]
    lines = sum(len(path.read_text().splitlines()) for path in own if "migrations" not in path.parts)
    assert lines <= 200


def test_its_own_tests_and_lint_pass(sample: Path) -> None:
    for target in ("test", "lint"):
        ran = subprocess.run(["make", target], cwd=sample, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_path_of_the_machine_is_in_it(bake: Bake, tmp_path: Path) -> None:
    assert bake().returncode == 0
    for path in files(tmp_path / "example-service"):
        assert str(ROOT).encode() not in path.read_bytes(), path


def test_it_carries_the_chassis_of_a_local_checkout(sample: Path) -> None:
    wheel = next((sample / "vendor").glob("debonair-*.whl"))
    assert f"./vendor/{wheel.name} \\\n    --hash=sha256:" in (sample / "requirements.txt").read_text()


def test_same_source_makes_the_same_wheel(bake: Bake, tmp_path: Path) -> None:
    locks = []
    for slug in ("one", "two-two"):
        assert bake(project_slug=slug).returncode == 0
        locks.append((tmp_path / slug / "requirements.txt").read_text())
    assert locks[0] == locks[1]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"project_slug": "Bad Name"}, "project_slug 'Bad Name': use lower-case letters"),
        ({"project_slug": "../escape"}, "project_slug '../escape': use lower-case letters"),
        ({"project_slug": "1st"}, "such as"),
        ({"project_slug": "x" * 32}, "use 2 to 31 characters"),
        ({"project_slug": "json"}, "json has a meaning in Python already"),
        ({"project_slug": "flask"}, "the name of a package that it uses"),
        ({"project_slug": "prometheus-client"}, "the name of a package that it uses"),
        ({"project_slug": "common"}, "the name of a file in debian/"),
        ({"port": "80"}, "port '80': use a number from 1024 to 65535"),
        ({"port": "06200"}, "port '06200': use a number"),
        ({"port": "http"}, "port 'http'"),
        ({"version": "v1"}, "version 'v1'"),
        ({"email": "nobody"}, "email 'nobody'"),
        ({"sample": "perhaps"}, "sample 'perhaps': use yes, or no for a service without the sample"),
        ({"full_name": "A\nB"}, "full_name 'A\\nB': use one line of text"),
        ({"full_name": "A <a@b>"}, "leave out < and >"),
        ({"project_name": "  ", "project_slug": "ok"}, "project_name '  ': use one line of text"),
    ],
)
def test_unfit_answer_is_refused_in_one_line_and_leaves_nothing(
    bake: Bake, tmp_path: Path, answers: dict[str, str], message: str
) -> None:
    ran = bake(**answers)
    assert ran.returncode != 0
    told = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert len(told) == 1 and message in told[0], ran.stderr
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_hostile_answers_are_data(bake: Bake, tmp_path: Path) -> None:
    hostile = "Q\"uo'te\\s {x} $HOME `id` %(y)s #é"
    ran = bake(
        project_name=hostile, project_slug="hostile", full_name=hostile, project_short_description=hostile
    )
    assert ran.returncode == 0, ran.stderr
    service = tmp_path / "hostile"
    for path in files(service):
        if path.suffix == ".py":
            ast.parse(path.read_text(), str(path))
    setup = configparser.ConfigParser()
    setup.read(service / "setup.cfg")
    assert setup["metadata"]["author"] == hostile
    assert setup["metadata"]["description"] == hostile
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "-w",
            str(tmp_path / "wheels"),
            str(service),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    settings: dict[str, str] = {"__file__": "conf.py"}
    source = (service / "docs" / "source" / "conf.py").read_text().split("release =")[0]
    exec(compile(source, "conf.py", "exec"), settings)
    assert settings["project"] == settings["author"] == hostile


@pytest.fixture
def origin(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return a function that serves this checkout at an address, and returns its revision.

    git takes the address from a directory.
    """
    directory = tmp_path_factory.mktemp("server") / "origin"
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(directory)]

    def serve(url: str) -> str:
        subprocess.run(["git", "init", "-q", str(directory)], check=True)
        tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
                                 capture_output=True, text=True, check=True).stdout.splitlines()  # fmt: skip
        present = [name for name in tracked if (ROOT / name).is_file()]
        subprocess.run(["cp", "--parents", *present, str(directory)], cwd=ROOT, check=True)
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", "All"], check=True)
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{directory}.insteadOf")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", url)
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        return head.stdout.strip()

    return serve


def test_template_from_a_git_server_names_url_and_revision(
    bake: Bake, origin: Callable[[str], str], tmp_path: Path
) -> None:
    url = "https://git.example.org/debonair.git"
    revision = origin(url)
    ran = bake(url, project_slug="from-git")
    assert ran.returncode == 0, ran.stderr
    lock = (tmp_path / "from-git" / "requirements.txt").read_text()
    assert lock.endswith(f"debonair @ git+{url}@{revision}\n")
    assert not (tmp_path / "from-git" / "vendor").exists()


def test_names_of_what_a_service_installs_are_refused(sample: Path) -> None:
    hook = (ROOT / "hooks" / "pre_gen_project.py").read_text()
    used = set(re.findall(r"[a-z][\w-]*", hook.partition('USED = """')[2].partition('"""')[0]))
    locked = set(re.findall(r"^([a-z][\w-]*)==", (sample / "requirements.txt").read_text(), re.MULTILINE))
    assert locked and locked - sys.stdlib_module_names <= used


def test_its_debian_directory_holds_only_what_is_its_own(sample: Path) -> None:
    found = {str(path.relative_to(sample / "debian")) for path in files(sample / "debian")}
    own = {"changelog", "control", "copyright", "rules", "tests/control"}
    assert found == {*own, "source/format", "source/lintian-overrides"}
    assert len((sample / "debian" / "rules").read_text().splitlines()) <= 5
    assert os.access(sample / "debian" / "rules", os.X_OK)


def test_token_in_the_address_of_the_template_is_not_written_into_the_lock(
    bake: Bake, origin: Callable[[str], str], tmp_path: Path
) -> None:
    url = "https://bob:secret@git.example.org/debonair.git"
    revision = origin(url)
    ran = bake(url, project_slug="from-git")
    assert ran.returncode == 0, ran.stderr
    lock = (tmp_path / "from-git" / "requirements.txt").read_text()
    assert lock.endswith(f"debonair @ git+https://git.example.org/debonair.git@{revision}\n")


def test_template_whose_directory_is_not_named_is_found(tmp_path: Path) -> None:
    """cruft generates the files without the name of the template's directory."""
    script = (
        "from cookiecutter.generate import generate_context, generate_files\n"
        "import json, sys\n"
        "context = generate_context(context_file=f'{sys.argv[1]}/cookiecutter.json')\n"
        "context['cookiecutter'] = json.loads(sys.argv[3])\n"
        "generate_files(sys.argv[1], context, sys.argv[2])\n"
    )
    answers = {"project_name": "By Cruft", "project_slug": "by-cruft", "project_short_description": "One",
               "full_name": "A", "email": "a@example.org", "version": "0.1.0", "port": "5000",
               "sample": "yes", "__package_name": "by_cruft", "__title_rule": "=" * 8,
               "__rst_description": "One", "_template": str(ROOT)}  # fmt: skip
    command = [sys.executable, "-c", script, str(ROOT), str(tmp_path), json.dumps(answers)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "./vendor/debonair-" in (tmp_path / "by-cruft" / "requirements.txt").read_text()
