"""The docs tell the truth: what they name exists, and what exists is named."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase
from support import ROOT

from debonair import metrics
from debonair.manage.standalone import manager
from debonair.settings import SECTIONS

PAGES = sorted((ROOT / "docs" / "source").glob("*.rst"))


def page(name: str) -> str:
    return (ROOT / "docs" / "source" / f"{name}.rst").read_text()


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


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_examples_run(path: Path) -> None:
    assert doctest.testfile(str(path), module_relative=False).failed == 0


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
    for section in SECTIONS:
        for key in section.options:
            assert key in reference


def test_version_of_history_and_package_agree() -> None:
    version = re.search(r"^version = (.*)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    assert version
    assert re.search(rf"^{re.escape(version[1])} \(", (ROOT / "HISTORY.rst").read_text(), re.MULTILINE)
