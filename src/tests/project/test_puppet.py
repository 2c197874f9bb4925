"""The Puppet module and the control repository, tested without a host.

The unit tests of the module itself are in ``puppet/modules/debonair/spec``; one test here runs them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from debonair.config.scanner import scan
from debonair.settings.conversion import from_text
from tests.support import ROOT

PUPPET = ROOT / "puppet"
MODULE = PUPPET / "modules" / "debonair"
MANIFESTS = sorted(map(str, PUPPET.rglob("*.pp")))
TEMPLATES = sorted(map(str, PUPPET.rglob("*.epp")))
STDLIB = Path("/usr/share/puppet/modules/stdlib")

#: The directory of the unit tests for the sources of each kind.
SPECS = {"functions": "functions", "lib/puppet/functions/debonair": "functions", "types": "type_aliases"}


def need(tool: str, package: str) -> None:
    """Skip the test if a tool is not installed, and name the package that has it."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is missing: apt-get install {package}")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def apply(code: str, scratch: Path) -> subprocess.CompletedProcess[str]:
    """Apply Puppet code that can use the module; Puppet's own files go to ``scratch``."""
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


def spec_of(source: Path) -> Path:
    """Return the file that has the unit tests of a source of the module."""
    path = source.relative_to(MODULE)
    for directory, specs in SPECS.items():
        if path.is_relative_to(directory):
            return MODULE / "spec" / specs / f"{path.stem}_spec.rb"
    kind = "classes" if re.search(r"^class ", source.read_text(), re.MULTILINE) else "defines"
    name = "debonair" if path.stem == "init" else path.stem
    return MODULE / "spec" / kind / path.relative_to("manifests").with_name(f"{name}_spec.rb")


SOURCES = [*MODULE.glob("manifests/**/*.pp"), *(file for kind in SPECS for file in MODULE.glob(f"{kind}/*"))]


@pytest.mark.parametrize("source", sorted(SOURCES), ids=lambda path: str(path.relative_to(MODULE)))
def test_each_source_has_unit_tests_that_name_every_parameter(source: Path) -> None:
    specs = spec_of(source).read_text()
    manifest = source.read_text() if "manifests" in source.parts else ""
    names = re.findall(r"^# @param (\w+)", manifest, re.MULTILINE)
    assert [name for name in names if not re.search(rf"(\b|_){name}\b", specs)] == []


@pytest.mark.acceptance
def test_unit_tests_of_the_module_pass(tmp_path: Path) -> None:
    need("rspec", "ruby-rspec-puppet")
    if not STDLIB.is_dir():
        pytest.skip(f"{STDLIB} is missing: apt-get install puppet-module-puppetlabs-stdlib")
    scratch = os.environ | {"TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(["rspec"], cwd=MODULE, env=scratch, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Resource coverage: 100.00%" in done.stdout


def lines_of_sandbox(unit: str) -> list[str]:
    """Return the lines of a unit's sandbox."""
    return [
        line for line in unit[unit.index("CapabilityBoundingSet=") :].splitlines() if re.match(r"\w+=", line)
    ]


def test_command_of_a_timer_has_the_sandbox_of_the_service() -> None:
    package = (ROOT / "src" / "debonair" / "deb" / "templates" / "service").read_text()
    sandbox = lines_of_sandbox(package.partition("[Install]")[0])
    assert len(sandbox) > 20
    assert lines_of_sandbox((MODULE / "templates" / "timer.service.epp").read_text()) == sandbox


def test_scripts_are_clean_for_shellcheck() -> None:
    need("shellcheck", "shellcheck")
    done = run("shellcheck", *map(str, (MODULE / "files").iterdir()))
    assert (done.returncode, done.stdout) == (0, "")


def reference(file: Path) -> str:
    """Return a REFERENCE.md without what versions 2 and 4 of puppet-strings format in different ways."""
    formatted = re.compile(r"\(#[^)]*\)|<a name=\"[^\"]*\"></a>|```puppet$|`", re.MULTILINE)
    return " ".join(formatted.sub("", file.read_text()).split())


def test_reference_is_what_puppet_strings_makes_of_the_sources(tmp_path: Path) -> None:
    if run("dpkg-query", "--show", "puppet-strings").returncode:
        pytest.skip("puppet-strings is missing: apt-get install puppet-strings")
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
    assert reference(made) == reference(MODULE / "REFERENCE.md"), (
        "run in puppet/modules/debonair: puppet strings generate --format markdown --out REFERENCE.md"
    )


def test_every_parameter_of_a_service_is_in_the_readme() -> None:
    declared = (MODULE / "manifests" / "service.pp").read_text()
    names = [line.split()[2] for line in declared.splitlines() if line.startswith("# @param ")]
    assert "version" in names
    readme = (MODULE / "README.md").read_text()
    assert [name for name in names if f"`{name}`" not in readme] == []


def test_metadata_is_valid_and_names_puppet_and_openvox() -> None:
    file = MODULE / "metadata.json"
    metadata = json.loads(file.read_text())
    assert metadata["name"] == "debonair-debonair"
    assert [requirement["name"] for requirement in metadata["requirements"]] == ["puppet", "openvox"]
    need("metadata-json-lint", "metadata-json-lint")
    done = run("metadata-json-lint", "--fail-on-warnings", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_package_of_the_module_has_all_but_tests_and_documents() -> None:
    install = (ROOT / "debian" / "puppet-module-debonair.install").read_text().split()
    installed = {Path(path).name for path in install if path.startswith("puppet/")}
    sources = {path.name for path in MODULE.iterdir() if not path.name.startswith(".")}
    assert sources - installed == {"README.md", "REFERENCE.md", "spec"}


@pytest.mark.parametrize(
    "file", sorted((PUPPET / "control-repo").rglob("*.yaml")), ids=lambda path: path.name
)
def test_key_added_at_the_end_of_a_data_file_is_read(file: Path) -> None:
    data = yaml.safe_load(file.read_text() + "\nadded: true\n")
    assert data["added"] is True


def test_ini_function_writes_what_the_service_reads_back(tmp_path: Path) -> None:
    texts = {
        "dollars": "pa$word ${HOME} $$",
        "spaces": "  padded ",
        "quoted": '"so"',
        "quote": '"',
        "quoted_lines": '"one\ntwo"',
        "hash": "#not a comment",
        "empty": "",
        "lines": "one\n\ntwo",
        "last_line_is_empty": "one\n",
        # Text of a secret must not begin a section of its own.
        "separators": "a\r[server]\v[server]\f[server]\x85[server]\u2028[server]\u2029[server]",
        "separators_at_the_ends": "\r\v\x85a\x85\u2028\v\r",
    }
    values = {**texts, "number": 2, "truth": True, "items": ["a", "$b", "#c", "d\x85\r"], "unset": None}
    # Puppet's syntax is that of JSON, except for colons, dollar signs, null and some escapes.
    puppet = json.dumps({"sample": values}, ensure_ascii=False).replace("$", "\\$").replace("null", "undef")
    puppet = puppet.replace('": ', '" => ').replace("\\u000b", "\v").replace("\\f", "\f")
    out = tmp_path / "config.ini"
    done = apply(f"file {{ '{out}': content => debonair::ini({puppet}) }}", tmp_path)
    assert done.returncode == 0, done.stderr

    found = scan(out.read_bytes().decode())
    assert (found.faults, list(found.headers)) == ([], ["sample"])
    read = {key: text.replace("$$", "$") for (_, key), (text, _) in found.texts.items()}
    assert {key: from_text(str, read[key]) for key in texts} == texts
    assert (read["number"], read["truth"]) == ("2", "true")
    assert from_text(list, read["items"]) == values["items"]
    assert "unset" not in read


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("{'a' => {'b' => ['x,y']}}", "an item of a list can have no comma"),
        ("{'a' => {'b' => \"x\\n# y\"}}", "cannot begin with # or ;"),
        ("{'a' => {'b' => \"x\\r\\ny\"}}", "no space, tab or carriage return can be beside a line break"),
        ("{'a b' => {'c' => 1}}", "expects a match for Pattern"),
        ("{'a' => {\"b\\nc\" => 1}}", "expects a match for Pattern"),
    ],
)
def test_ini_function_refuses_what_could_not_be_read_back(settings: str, fault: str, tmp_path: Path) -> None:
    done = apply(f"notice(debonair::ini({settings}))", tmp_path)
    assert done.returncode == 1
    assert fault in done.stderr
