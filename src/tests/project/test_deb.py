"""The packaging: names, facts, templates, Puppet and versions agree."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from debonair.deb import __main__ as dispatcher
from debonair.deb import facts, unpack, versions
from debonair.names import Service
from debonair.settings import JobsSection
from debonair.worker import launch
from tests.support import ROOT

PACKAGING = ROOT / "src" / "debonair" / "deb"
ORDERS = Service("orders", Path("/nowhere"))


def test_all_places_name_one_version() -> None:
    assert list(versions.disagreements(ROOT)) == []
    assert {place.file for place in versions.PLACES if place.found(ROOT) is None} == set()


@pytest.mark.parametrize(
    ("version", "debian", "semantic", "series"),
    [
        ("0.1.0", "0.1.0", "0.1.0", ">=0.1,<0.2"),
        ("2.0", "2.0", "2.0.0", ">=2.0,<2.1"),
        ("1.9.3", "1.9.3", "1.9.3", ">=1.9,<1.10"),
        ("2.0rc1", "2.0~rc1", "2.0.0-rc1", ">=2.0rc1,<2.1"),
    ],
)
def test_version_is_written_as_each_place_wants_it(
    version: str, debian: str, semantic: str, series: str
) -> None:
    assert versions.debian(version) == debian
    assert versions.semantic(version) == semantic
    assert versions.series(version) == series


def test_places_that_disagree_are_named_together(tmp_path: Path) -> None:
    (tmp_path / "debian").mkdir()
    (tmp_path / "setup.cfg").write_text("[metadata]\nversion = 1.1\n")
    (tmp_path / "HISTORY.rst").write_text(
        "History\n=======\n\nUnreleased\n----------\n\n* New.\n\n1.0 (2026-01-01)\n"
    )
    (tmp_path / "debian" / "changelog").write_text("orders (1.1) stable; urgency=medium\n")
    assert list(versions.disagreements(tmp_path)) == ["HISTORY.rst names 1.0 instead of 1.1"]
    (tmp_path / "debian" / "changelog").write_text("nothing\n")
    assert len(list(versions.disagreements(tmp_path))) == 2


def test_facts_are_the_names_of_the_service(tmp_path: Path) -> None:
    package = tmp_path / "orders"
    package.mkdir()
    (package / "default_config.ini").write_text("[server]\nport = 5099\n")
    found = facts.facts(Service("orders", package), ["orders.socket", "orders.service"], tmp_path)
    assert found["port"] == 5099
    assert found["units"] == ["orders.service", "orders.socket"]
    assert found["template"] is None
    assert found["paths"] == {
        "command": "/usr/bin/orders",
        "configuration": "/etc/orders/config.ini",
        "facts": "/usr/share/orders/facts.json",
        "log": "/var/log/orders/orders.log",
        "logs": "/var/log/orders",
        "runtime": "/run/orders",
        "state": "/var/lib/orders",
        "virtual_environment": "/opt/venvs/orders",
    }
    assert json.loads(facts.document(found)) == found


def test_port_of_a_service_without_defaults_is_that_of_the_chassis() -> None:
    assert facts.port(ORDERS) == 5000


def test_port_that_is_no_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / "default_config.ini").write_text("[server]\nport = http\n")
    with pytest.raises(ValueError, match=r"\[server\] port: 'http' is not a whole number"):
        facts.port(Service("orders", tmp_path))


def test_facts_have_the_answers_to_the_template_and_no_token(tmp_path: Path) -> None:
    recorded = {
        "template": "https://bob:secret@git.example.org/debonair.git",
        "commit": "0" * 40,
        "context": {"cookiecutter": {"port": "5099", "_template": "https://bob:secret@git.example.org/x"}},
    }
    (tmp_path / ".cruft.json").write_text(json.dumps(recorded))
    assert facts.template(tmp_path) == {"answers": {"port": "5099"}, "revision": "0" * 40}


def test_readme_describes_every_fact(tmp_path: Path) -> None:
    readme = (PACKAGING / "README.rst").read_text()
    table = readme.partition(".. list-table:: facts.json")[2].partition("\n\n\n")[0]
    assert set(re.findall(r"\* - ``(\w+)``", table)) == set(facts.facts(ORDERS))


def test_every_path_in_the_templates_is_a_name_of_the_service() -> None:
    paths = {*facts.paths(ORDERS).values(), str(ORDERS.configuration.parent)}
    named = {path.replace("orders", "#SERVICE#") for path in paths}
    texts = [path.read_text() for path in (PACKAGING / "templates").iterdir()]
    texts += [path.read_text() for path in (PACKAGING / "debhelper" / "autoscripts").iterdir()]
    pattern = r"/(?:etc|opt/venvs|run|usr/bin|var/lib|var/log)/#SERVICE#[\w./#-]*"
    for path in {path.rstrip(".,") for text in texts for path in re.findall(pattern, text)}:
        inside = any(path == name or path.startswith(f"{name}/") or name.startswith(path) for name in named)
        assert inside, path


def directives(name: str) -> dict[str, list[str]]:
    """Return the directives of the section [Service] of a unit of the packaging, by name."""
    unit = (PACKAGING / "templates" / name).read_text().replace("\\\n", "")
    found: dict[str, list[str]] = {}
    for key, value in re.findall(
        r"(?m)^(\w+)=(.*)", unit.partition("[Service]")[2].partition("[Install]")[0]
    ):
        found.setdefault(key, []).append(value)
    return found


def test_worker_has_the_sandbox_of_the_service() -> None:
    service, worker = directives("service"), directives("worker")
    own = {
        "ExecReload",
        "ExecStart",
        "ExecStartPre",
        "OOMPolicy",
        "RestartSec",
        "RuntimeDirectory",
        "TimeoutStopSec",
    }
    assert {key: value for key, value in service.items() if key not in own} == {
        key: value for key, value in worker.items() if key not in own
    }
    assert len(service.keys() - own) > 35


def test_worker_stops_before_a_database_and_a_broker_of_its_host() -> None:
    text = (PACKAGING / "templates" / "worker").read_text()
    (after,) = re.findall(r"(?m)^After=(.*)", text)
    assert {"postgresql.service", "rabbitmq-server.service"} <= set(after.split())
    assert "#SERVICE#" not in after, "a restart of the service would wait for jobs"


def test_systemd_does_not_stop_the_worker_before_its_jobs_have_finished() -> None:
    (seconds,) = directives("worker")["TimeoutStopSec"]
    longest = JobsSection.stop_timeout.parse("1h")
    with pytest.raises(ValueError, match="1h"):
        JobsSection.stop_timeout.parse("61m")
    assert int(seconds) > longest + 2 * launch.GIVE_BACK


def test_puppet_uses_the_same_paths() -> None:
    module = ROOT / "puppet" / "modules" / "debonair"
    text = "".join(path.read_text() for path in sorted(module.glob("**/*.pp")))
    assert "/config.ini" in text
    named = facts.paths(ORDERS).values()
    for variable in ("name", "title", "service"):
        pattern = rf"/(?:etc|opt/venvs|run|var/lib|var/log)/\$\{{{variable}\}}[\w./]*"
        for path in re.findall(pattern, text):
            written = path.replace(f"${{{variable}}}", "orders").rstrip(".")
            fixed = any(written.startswith(name) or name.startswith(written) for name in named)
            assert fixed or re.match(r"/etc/orders(/managed)?$", written), path


def test_every_command_of_the_dispatcher_has_its_file() -> None:
    for name in dispatcher.COMMANDS:
        interpreter, *rest = dispatcher.command_line(name, [])
        assert Path(interpreter).exists() or shutil.which(interpreter)
        assert "-m" in rest or Path(rest[-1]).is_file(), name
    assert dispatcher.main(["relase"]) == 2


def test_wheel_holds_the_packaging_and_its_commands_are_executable(tmp_path: Path) -> None:
    subprocess.run(["make", "bake"], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (ROOT / "build" / "example-service" / "vendor").glob("*.whl")
    assert unpack.main([str(wheel), str(tmp_path)]) == 0
    unpacked = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    ours = {str(path.relative_to(PACKAGING)) for path in PACKAGING.rglob("*") if path.is_file()}
    assert unpacked == {name for name in ours if "__pycache__" not in name}
    commands = list((tmp_path / "debhelper" / "bin").iterdir())
    assert commands
    assert all(path.stat().st_mode & 0o777 == 0o755 for path in commands)
