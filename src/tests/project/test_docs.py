"""The docs tell the truth: what they name exists, and what exists is named."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from debonair.rooms import sections
from debonair.settings import options_of
from debonair.standalone import manager
from debonair.web import metrics
from tests.chassis.test_servers import COMMANDS
from tests.faults.postgresql import Cluster, why_not
from tests.support import ROOT

PAGES = sorted((ROOT / "docs" / "source").glob("*.rst"))
TEMPLATE = ROOT / "{{cookiecutter.project_slug}}"
PORT = "5000"
END = "--- end of a command ---\n"
SHELL = f"""
end() {{ local code=$?; echo "{END.strip()}"; return $code; }}
"""


def page(name: str) -> str:
    return (ROOT / "docs" / "source" / f"{name}.rst").read_text()


@dataclass(frozen=True)
class Block:
    """A block of code on a page: its language, the file that it is, if any, and its text."""

    language: str
    caption: str
    text: str


def blocks(name: str) -> list[Block]:
    pattern = r"^\.\. code-block:: (\w+)\n(?:   :caption: (.*)\n)?\n((?:   .*\n|\n)+)"
    found = re.findall(pattern, page(name), re.MULTILINE)
    return [Block(kind, caption, textwrap.dedent(text).strip() + "\n") for kind, caption, text in found]


@dataclass(frozen=True)
class Checkout:
    """A checkout of the service ``orders``, with the files that a page shows."""

    directory: Path
    port: str
    environment: dict[str, str]

    def run(self, command: list[str | Path]) -> tuple[int, str]:
        """Run a command, and everything that it leaves behind; return its exit code and what it said."""
        said = self.directory.parent / "said"
        with said.open("w") as file:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        try:
            code = process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            pytest.fail(f"it does not end: {said.read_text()}")
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return code, said.read_text()


def replay(service: Checkout, name: str) -> None:
    """Run the commands of a page, and compare what they say with what it shows."""
    # One shell for the whole page: what one block leaves, the next one finds.
    text = "".join(block.text for block in blocks(name) if block.language == "console")
    shown = [part.partition("\n") for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]]
    assert shown
    if "curl " in text and not shutil.which("curl"):
        pytest.skip("curl is missing: apt-get install curl")
    script = "".join(f"{command}\nend\n" for command, _, _ in shown).replace(PORT, service.port)
    said = service.run(["bash", "-c", SHELL + script])[1].split(END)
    assert len(said) == len(shown) + 1, said
    for (command, _, expected), answer in zip(shown, said, strict=False):
        wanted = expected.replace(PORT, service.port).strip()
        agree = doctest.OutputChecker().check_output(wanted, answer.strip(), doctest.ELLIPSIS)
        assert agree, f"$ {command}\n{answer}\nis not as on the page:\n{wanted}"


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[str], Checkout]:
    """Return a function that makes the service of a page: what the template bakes, and its own files."""

    def make(name: str) -> Checkout:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = str(probe.getsockname()[1])
        source = tmp_path / "checkout" / "src"
        package = source / "orders"
        baked = next((TEMPLATE / "src").glob("{{*}}")) / "migrations"
        shutil.copytree(baked, package / "migrations", ignore=shutil.ignore_patterns("*.py[co]", "0*"))
        (package / "migrations" / "versions").mkdir(exist_ok=True)
        files = {
            "src/orders/__init__.py": '"""Orders."""\n',
            "src/orders/application.py": "from debonair import create_app as make\n\n\n"
            "def create_app(settings):\n    return make(__name__, settings)\n",
            "src/orders/manage.py": 'import debonair\n\nmanager = debonair.Manager("orders")\n',
            "src/orders/default_config.ini": f"[server]\nport = {PORT}\n",
            "../bin/orders": f"#!{sys.executable}\nfrom orders.manage import manager\nmanager.run()\n",
        }
        files |= {block.caption: block.text for block in blocks(name) if block.caption}
        for path, text in files.items():
            file = source.parent / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace(PORT, port))
        command = source.parent / "../bin/orders"
        command.chmod(0o755)
        path = f"{command.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        return Checkout(source.parent, port, {**os.environ, "PATH": path, "PYTHONPATH": str(source)})

    return make


def test_every_command_is_on_the_page_of_commands() -> None:
    documented = set(re.findall(r"^   \* - ``([\w-]+)``$", page("commands"), re.MULTILINE))
    assert documented == set(manager._commands)


def test_every_metric_is_on_the_page_of_operations() -> None:
    documented = set(re.findall(r"^   \* - ``(\w+)``$", page("operations"), re.MULTILINE))
    own = [item for item in vars(metrics).values() if isinstance(item, MetricWrapperBase)]
    names = {f"{item._name}_total" if isinstance(item, Counter) else item._name for item in own}
    assert documented == names


def test_every_fixture_is_on_the_page_of_testing() -> None:
    documented = set(re.findall(r"^   \* - ``(\w+)``$", page("testing"), re.MULTILINE))
    source = (ROOT / "src" / "debonair" / "testing" / "plugin.py").read_text()
    assert documented == set(re.findall(r"^@pytest\.fixture.*\ndef (\w+)\(", source, re.MULTILINE))


def test_every_page_is_in_the_index() -> None:
    listed = set(re.findall(r"^   (\w+)$", page("index"), re.MULTILINE))
    assert listed == {path.stem for path in PAGES} - {"index"}


@pytest.mark.parametrize(
    "path", [path for path in PAGES if ">>> " in path.read_text()], ids=lambda path: path.stem
)
def test_examples_run(path: Path, checkout: Callable[[str], Checkout]) -> None:
    # In a process of its own: the models of a page are known to all of a process.
    code, said = checkout(path.stem).run([sys.executable, "-m", "doctest", "-o", "ELLIPSIS", path])
    assert code == 0, said


@pytest.mark.parametrize(
    "path", [path for path in PAGES if ":caption: " in path.read_text()], ids=lambda path: path.stem
)
def test_commands_say_what_the_page_shows(path: Path, checkout: Callable[[str], Checkout]) -> None:
    replay(checkout(path.stem), path.stem)


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_migrations_of_the_page_lead_up_and_down_on_postgresql_too(
    checkout: Callable[[str], Checkout],
) -> None:
    cluster = Cluster()
    try:
        cluster.start()
        service = checkout("database")
        options = cluster.options(cluster.create()).items()
        service.environment.update({f"ORDERS_{name.upper()}": value for name, value in options})
        replay(service, "database")
    finally:
        cluster.remove()


def test_weaknesses_are_looked_for_as_the_page_shows() -> None:
    shown = re.search(r"^   \$ (bandit .*)src/orders$", page("testing"), re.MULTILINE)
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (TEMPLATE / "Makefile").read_text(), re.MULTILINE)
    assert shown and lint and shown[1] in lint[1]
    audit = re.search(r"^   (pip-audit .* -r )requirements.txt$", page("testing"), re.MULTILINE)
    for directory in (ROOT, TEMPLATE):
        assert audit and audit[1] in (directory / "Makefile").read_text()
    assert "sh 'make lint audit'" in (TEMPLATE / "Jenkinsfile").read_text()


def test_servers_that_the_page_names_are_those_that_are_tested() -> None:
    shown = [shlex.split(line) for block in blocks("operations") if block.language == "bash"
             for line in block.text.replace("\\\n", "").splitlines()]  # fmt: skip
    tested = {Path(command[0]).name: [str(part) for part in command[1:]] for command in COMMANDS.values()}
    assert shown
    for command, *arguments in shown:
        known = [part.replace(str(Path(sys.prefix)), "/opt/venvs/orders") for part in tested[command]]
        assert arguments == [part.replace("{port}", PORT) for part in known]


def test_targets_that_readme_and_docs_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text() + (
        ROOT / "{{cookiecutter.project_slug}}" / "Makefile"
    ).read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for path in [*PAGES, ROOT / "README.rst"]:
        named = set(re.findall(r"(?:\$ |``)make ([a-z-]+)", path.read_text()))
        assert named <= targets, path


def test_commands_that_the_readme_shows_exist() -> None:
    shown = re.findall(r"^   \$ your-service (\S+)", (ROOT / "README.rst").read_text(), re.MULTILINE)
    assert shown
    assert set(shown) <= set(manager._commands)


def test_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html"]
    ran = subprocess.run(
        [*command, str(ROOT / "docs" / "source"), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    reference = (tmp_path / "configuration.html").read_text()
    for section in sections():
        for key in options_of(section):
            assert key in reference


def test_version_of_history_and_package_agree() -> None:
    version = re.search(r"^version = (.*)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    assert version
    assert re.search(rf"^{re.escape(version[1])} \(", (ROOT / "HISTORY.rst").read_text(), re.MULTILINE)
