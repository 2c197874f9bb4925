"""The documentation is true: what it names exists, what exists is documented, and its examples run."""

from __future__ import annotations

import doctest
import inspect
import os
import pkgutil
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

import debonair
from debonair import config
from debonair.jobs import metrics as job_metrics
from debonair.names import Service
from debonair.rooms import chassis, sections
from debonair.settings import Section
from debonair.standalone import manager
from debonair.web import metrics
from tests.chassis.test_servers import COMMANDS
from tests.faults.postgresql import Cluster, why_not
from tests.support import ROOT, chassis_settings

SOURCE = ROOT / "docs" / "source"
PAGES = sorted(path for path in SOURCE.rglob("*.rst") if "generated" not in path.parts)
TEMPLATE = ROOT / "{{cookiecutter.project_slug}}"
PORT = "5000"
APPEND = "append to "
LENIENT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE  # a long line is wrapped on the page
END = "--- end of a command ---\n"
SHELL = f"""
end() {{ local code=$?; echo "{END.strip()}"; return $code; }}
"""


def page(name: str) -> str:
    """Return the source of a page, such as ``howto/configure``."""
    return (SOURCE / f"{name}.rst").read_text()


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE).with_suffix(""))


def declared(found: Iterable[type[Section]], pattern: str) -> list[str]:
    """Return what a pattern finds in the lines of the sample file of these sections."""
    return re.findall(f"^{pattern}$", config.sample(Service.of("debonair"), found), re.MULTILINE)


def rows(name: str, pattern: str = r"[\w-]+") -> set[str]:
    """Return the names that begin the rows of a page's tables."""
    return set(re.findall(rf"^   \* - ``({pattern})``$", page(name), re.MULTILINE))


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
    patience: int = 120

    def run(self, command: list[str | Path]) -> tuple[int, str]:
        """Run a command, and everything that it leaves behind; return its exit code and what it said."""
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as said:
            with open(said.name, "w") as file:
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
                code = process.wait(timeout=self.patience)
            except subprocess.TimeoutExpired:
                pytest.fail(f"it does not end: {said.read()}")
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            return code, said.read()


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


def steps(name: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a page and what it shows; code to append to a file is a command as well."""
    for block in blocks(name):
        if block.language == "console":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                command, _, expected = part.partition("\n")
                while expected.startswith("> "):
                    line, _, expected = expected[2:].partition("\n")
                    command += f"\n{line}"
                yield command, expected
        elif block.caption.startswith(APPEND):
            file = Path(block.caption.removeprefix(APPEND))
            yield f"mkdir -p {file.parent} && cat >> {file} <<'END'\n\n\n{block.text}END", ""


def replay(service: Checkout, name: str) -> None:
    """Run the commands of a page, and compare what they say with what it shows."""
    # One shell for the whole page: what one block leaves, the next one finds.
    shown = list(steps(name))
    assert shown
    if "curl " in page(name) and not shutil.which("curl"):
        pytest.skip("curl is missing: apt-get install curl")
    script = "".join(f"{command}\nend\n" for command, _ in shown).replace(PORT, service.port)
    said = service.run(["bash", "-c", SHELL + script])[1].split(END)
    assert len(said) == len(shown) + 1, said
    for (command, expected), answer in zip(shown, said, strict=False):
        wanted = expected.replace(PORT, service.port).strip()
        if wanted.startswith(("{", "[")):  # JSON, which a page may wrap after a comma
            wanted, answer = (re.sub(r"(,|\.{3})\s+", r"\1", text) for text in (wanted, answer))
        agree = doctest.OutputChecker().check_output(wanted, answer.strip(), LENIENT)
        assert agree, f"$ {command}\n{answer}\nis not as on the page:\n{wanted}"


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[str], Checkout]:
    """Return a function that makes the service of a page: what the template bakes, and its own files."""

    def make(name: str) -> Checkout:
        port = free_port()
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
    assert rows("reference/commands") == set(manager._commands)


def test_every_metric_is_on_the_page_of_metrics() -> None:
    found = [*vars(metrics).values(), *vars(job_metrics).values()]
    own = [item for item in found if isinstance(item, MetricWrapperBase)]
    names = {f"{item._name}_total" if isinstance(item, Counter) else item._name for item in own}
    queried = set(re.findall(r'GaugeMetricFamily\(\s*"(\w+)"', inspect.getsource(job_metrics)))
    assert queried
    assert rows("reference/metrics") == names | queried


def test_every_fixture_is_on_the_page_of_fixtures() -> None:
    source = (ROOT / "src" / "debonair" / "testing" / "plugin.py").read_text()
    assert rows("reference/fixtures") == set(
        re.findall(r"^@pytest\.fixture.*\ndef (\w+)\(", source, re.MULTILINE)
    )


def test_every_endpoint_is_on_the_page_of_endpoints(tmp_path: Path) -> None:
    app = debonair.create_app("debonair", chassis_settings(database={"uri": f"sqlite:///{tmp_path}/test.db"}))
    rules = {f"GET {rule.rule}" for rule in app.url_map.iter_rules() if rule.endpoint != "static"}
    assert rows("reference/endpoints", r"GET [\w/.<>]+") == rules


def test_every_check_is_on_the_page_of_endpoints() -> None:
    documented = set(re.findall(r"^``(\w+)``$", page("reference/endpoints"), re.MULTILINE))
    assert documented == {name for room in chassis() for name in room.checks}


def test_every_room_is_on_the_page_of_the_architecture() -> None:
    text = page("explanation/architecture")
    shown = re.findall(r"^   \* - ``(\w+)``\n     -(.*)$", text.partition("\nThe rooms\n")[2], re.MULTILINE)
    found = {room: set(re.findall(r"\[(\w+)\]", titles)) for room, titles in shown}
    assert found == {room.name: set(declared(room.sections, r"\[(\w+)\]")) for room in chassis()}
    assert [room for room, _ in shown] == [room.name for room in chassis()]


def test_every_page_is_in_a_toctree() -> None:
    listed = {"index"}
    for path in PAGES:
        for tree in re.findall(r"^\.\. toctree::\n((?:   .*\n|\n)+)", path.read_text(), re.MULTILINE):
            entries = [line.strip() for line in tree.splitlines() if re.match(r"   [\w/]+$", line)]
            listed |= {name_of(path.parent / entry) for entry in entries}
    assert listed == {name_of(path) for path in PAGES}


@pytest.mark.parametrize("path", [path for path in PAGES if ">>> " in path.read_text()], ids=name_of)
def test_examples_run(path: Path, checkout: Callable[[str], Checkout]) -> None:
    # In a process of its own: the models of a page are known to all of a process.
    code, said = checkout(name_of(path)).run([sys.executable, "-m", "doctest", "-o", "ELLIPSIS", path])
    assert code == 0, said


@pytest.mark.parametrize(
    "path",
    [path for path in PAGES if ":caption: src/" in path.read_text() and "   $ " in path.read_text()],
    ids=name_of,
)
def test_commands_say_what_the_page_shows(path: Path, checkout: Callable[[str], Checkout]) -> None:
    replay(checkout(name_of(path)), name_of(path))


@pytest.mark.acceptance
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_migrations_of_the_page_lead_up_and_down_on_postgresql_too(
    checkout: Callable[[str], Checkout],
) -> None:
    cluster = Cluster()
    try:
        cluster.start()
        service = checkout("howto/database")
        options = cluster.options(cluster.create()).items()
        service.environment.update({f"ORDERS_{name.upper()}": value for name, value in options})
        replay(service, "howto/database")
    finally:
        cluster.remove()


def test_weaknesses_are_looked_for_as_the_page_shows() -> None:
    shown = re.search(r"^   \$ (bandit .*)src/orders$", page("howto/testing"), re.MULTILINE)
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (TEMPLATE / "Makefile").read_text(), re.MULTILINE)
    assert shown and lint and shown[1] in lint[1]
    audit = re.search(r"^   (pip-audit .* -r )requirements.txt$", page("howto/testing"), re.MULTILINE)
    for directory in (ROOT, TEMPLATE):
        assert audit and audit[1] in (directory / "Makefile").read_text()
    assert "sh 'make lint audit'" in (TEMPLATE / "Jenkinsfile").read_text()


def test_servers_that_the_page_names_are_those_that_are_tested() -> None:
    shown = [shlex.split(line) for block in blocks("howto/servers") if block.language == "bash"
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
    for path in [*PAGES, *ROOT.glob("*.rst")]:
        named = set(re.findall(r"(?:\$ |``)make ([a-z-]+)\b(?! [a-z])", path.read_text()))
        assert named <= targets, path


def test_hooks_before_a_commit_call_targets_that_exist() -> None:
    for directory in (ROOT, TEMPLATE):
        targets = re.findall(r"^([a-z-]+):", (directory / "Makefile").read_text(), re.MULTILINE)
        config = yaml.safe_load((directory / ".pre-commit-config.yaml").read_text())
        hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
        assert {repository["repo"] for repository in config["repos"]} == {"local"}
        assert hooks and {hook["language"] for hook in hooks} == {"system"}
        assert {hook["entry"].removeprefix("make ") for hook in hooks} <= set(targets)


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
    reference = (tmp_path / "reference" / "settings.html").read_text().partition("The sample file")[0]
    keys = declared(sections(), r"#(\w+) =.*")
    assert len(keys) > 30
    for key in keys:
        assert f'<span class="pre">{key}</span>' in reference
    names = (tmp_path / "generated" / "api" / "debonair.html").read_text()
    for name in debonair.__all__:
        described = re.search(rf'<dt [^>]*id="debonair\.{name}">.*?</dt>\n<dd><p>', names, re.DOTALL)
        assert described and described[0].count(' id="') == 1, f"{name} has no docstring"
    for path in (ROOT / "src" / "debonair").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
        room = ".".join(module.split(".")[:2])
        if not module.endswith("__main__"):
            text = (tmp_path / "generated" / "api" / f"{room}.html").read_text()
            assert f'id="module-{module}"' in text, module


def home(directory: Path) -> dict[str, str]:
    """Return the environment of somebody whose home is the directory."""
    caches = {
        name: os.environ.get(name, str(Path.home() / default))
        for name, default in (("XDG_CACHE_HOME", ".cache"), ("XDG_CONFIG_HOME", ".config"))
    }
    ignored = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH", "VIRTUAL_ENV")
    inherited = {name: value for name, value in os.environ.items() if name not in ignored}
    return {**inherited, **caches, "HOME": str(directory), "LC_ALL": "C.UTF-8"}


@pytest.mark.acceptance
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is missing: apt-get install curl")
def test_tutorial_works_word_for_word(tmp_path: Path) -> None:
    replay(Checkout(ROOT, free_port(), home(tmp_path), patience=600), "tutorial/index")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is missing: apt-get install curl")
def test_tutorial_without_code_works_word_for_word(tmp_path: Path) -> None:
    replay(Checkout(ROOT, free_port(), home(tmp_path)), "tutorial/no_code")


def test_documentation_of_a_baked_service_builds_without_a_warning(tmp_path: Path) -> None:
    ran = subprocess.run(["make", "bake"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    sample = ROOT / "build" / "example-service"
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", sample / "docs" / "source", tmp_path]
    # The version is that of the installed service: its metadata are beside its source.
    environment = {**os.environ, "PYTHONPATH": str(sample / "src")}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


REFERENCE = re.compile(r":(?:class|exc|func|meth|attr|data|mod):`(?:[^`<]*<)?~?(debonair[\w.]*)>?`")


@pytest.mark.parametrize(
    "path", [*PAGES, *sorted((ROOT / "src" / "debonair").rglob("*.py"))], ids=lambda path: path.name
)
def test_references_to_the_chassis_name_what_exists(path: Path) -> None:
    for name in REFERENCE.findall(path.read_text()):
        assert pkgutil.resolve_name(name) is not None


def test_version_of_history_and_package_agree() -> None:
    version = re.search(r"^version = (.*)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    assert version
    assert re.search(rf"^{re.escape(version[1])} \(", (ROOT / "HISTORY.rst").read_text(), re.MULTILINE)
