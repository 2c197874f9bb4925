"""The Puppet module and the control repository, as far as they can be judged without a host."""

from __future__ import annotations

import json
import shutil
import subprocess
from configparser import ConfigParser, ExtendedInterpolation
from pathlib import Path

import pytest

from tests.support import ROOT

PUPPET = ROOT / "puppet"
MODULE = PUPPET / "modules" / "debonair"
MANIFESTS = sorted(map(str, PUPPET.rglob("*.pp")))
TEMPLATES = sorted(map(str, PUPPET.rglob("*.epp")))


def need(tool: str, package: str) -> None:
    """Skip the test when a tool is not installed, with what would install it."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is missing: apt-get install {package}")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def apply(code: str, scratch: Path) -> subprocess.CompletedProcess[str]:
    """Let Puppet apply code that has the module; what it keeps goes to ``scratch``."""
    need("puppet", "puppet")
    own = [f"--confdir={scratch}/etc", f"--vardir={scratch}/var", f"--modulepath={MODULE.parent}"]
    return run("puppet", "apply", "--color=false", *own, "--execute", code)


def test_manifests_and_templates_parse() -> None:
    need("puppet", "puppet")
    for command in (["parser", "validate", *MANIFESTS], ["epp", "validate", *TEMPLATES]):
        done = run("puppet", *command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_manifests_are_clean_for_puppet_lint() -> None:
    need("puppet-lint", "puppet-lint")
    done = run("puppet-lint", "--relative", "--fail-on-warnings", "--no-140chars-check", *MANIFESTS)
    assert (done.returncode, done.stdout) == (0, "")


def test_reference_is_what_puppet_strings_makes_of_the_sources(tmp_path: Path) -> None:
    version = run("dpkg-query", "--show", "--showformat=${Version}", "puppet-strings").stdout
    if not version.startswith("2."):
        pytest.skip("puppet-strings 2 is missing (on Debian 12: apt-get install puppet-strings)")
    copy = shutil.copytree(MODULE, tmp_path / "debonair")
    made = copy / "MADE.md"
    done = subprocess.run(
        ["puppet", "strings", "generate", "--format", "markdown", "--out", str(made)],
        cwd=copy,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "[warn]" not in done.stdout + done.stderr
    assert made.read_text() == (MODULE / "REFERENCE.md").read_text(), (
        "run in puppet/modules/debonair: puppet strings generate --format markdown --out REFERENCE.md"
    )


def test_every_parameter_of_a_service_is_in_the_readme() -> None:
    declared = (MODULE / "manifests" / "service.pp").read_text()
    names = [line.split()[2] for line in declared.splitlines() if line.startswith("# @param ")]
    assert "version" in names
    readme = (MODULE / "README.md").read_text()
    assert [name for name in names if f"`{name}`" not in readme] == []


def test_metadata_is_json_and_names_the_module() -> None:
    assert json.loads((MODULE / "metadata.json").read_text())["name"] == "debonair-debonair"


def test_ini_function_writes_what_a_parser_reads_back(tmp_path: Path) -> None:
    values = {
        "number": 2,
        "truth": True,
        "dollars": "pa$word ${HOME} $$",
        "spaces": "  padded ",
        "quoted": '"so"',
        "hash": "#not a comment",
        "empty": "",
        "lines": "one\ntwo",
        "items": ["a", "$b", "#c"],
        "unset": None,
    }
    # JSON is Puppet's syntax but for the colons, the dollars and the null.
    puppet = json.dumps({"sample": values}).replace("$", "\\$").replace("null", "undef")
    puppet = puppet.replace('": ', '" => ')
    out = tmp_path / "config.ini"
    done = apply(f"file {{ '{out}': content => debonair::ini({puppet}) }}", tmp_path)
    assert done.returncode == 0, done.stderr

    parser = ConfigParser(interpolation=ExtendedInterpolation())
    parser.read(out)
    read = dict(parser["sample"])
    assert read == {
        "number": "2",
        "truth": "true",
        "dollars": "pa$word ${HOME} $$",
        "spaces": '"  padded "',
        "quoted": '""so""',
        "hash": '"#not a comment"',
        "empty": "",
        "lines": "one\ntwo",
        "items": '\na\n$b\n"#c"',
    }


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("{'a' => {'b' => ['x,y']}}", "an item of a list can have no comma"),
        ("{'a' => {'b' => \"x\\n# y\"}}", "cannot begin with # or ;"),
        ("{'a b' => {'c' => 1}}", "expects a match for Pattern"),
        ("{'a' => {\"b\\nc\" => 1}}", "expects a match for Pattern"),
    ],
)
def test_ini_function_refuses_what_could_not_be_read_back(settings: str, fault: str, tmp_path: Path) -> None:
    done = apply(f"notice(debonair::ini({settings}))", tmp_path)
    assert done.returncode == 1
    assert fault in done.stderr
