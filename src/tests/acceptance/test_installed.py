"""The package on a real Debian: its files, its sandbox, and what it leaves when it goes.

The tests are in the order of time: they install, look, use, remove and purge one package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import provision
from tests.acceptance.host import Host

pytestmark = pytest.mark.acceptance

PAGE = provision.CHECKOUT / "docs" / "source" / "reference" / "paths.rst"
ROW = re.compile(r"   \* - ``(\S+)``( and below)?\n     - (\S+)\n     - (\S+)\n")
DEBS = "/srv/debs"
#: What every installation of any package changes.
OTHERS = re.compile(
    r"/(proc|sys|dev|tmp|run|root|srv|var/tmp|var/cache)\b"
    r"|/var/lib/(apt|dpkg|systemd|logrotate)/|/var/log/(apt|journal|\w+\.log)|/etc/\w+-$"
)


@pytest.fixture(scope="module")
def name(deb: Path) -> str:
    return deb.name.partition("_")[0]


@pytest.fixture(scope="module")
def bare(deb: Path, release: str) -> Iterator[Host]:
    with Host("test-installed", release, {deb.parent: DEBS}, say=print) as host:
        yield host


@pytest.fixture(scope="module")
def before(bare: Host) -> set[str]:
    """Return all paths of the host without the package."""
    return paths(bare)


@pytest.fixture(scope="module")
def host(bare: Host, before: set[str], deb: Path, name: str) -> Host:
    """Return the host with the service running, as its manual page says."""
    install(bare, deb)
    bare.run(f"install -o root -g {name} -m 0640 {example(name)} /etc/{name}/config.ini")
    bare.run(f"/usr/lib/{name}/in-unit db upgrade && systemctl start {name}")
    assert bare.http("POST", "/checkin/ada").status == 200
    return bare


def install(host: Host, deb: Path) -> None:
    host.run("apt-get", "install", "-q", "-y", "--reinstall", f"{DEBS}/{deb.name}")


def example(name: str) -> str:
    return f"/usr/share/doc/{name}/examples/config.ini"


def paths(host: Host) -> set[str]:
    found = host.run("find", "/", "-xdev").stdout.splitlines()
    return {path for path in found if not OTHERS.match(path) and "__pycache__" not in path}


def table(name: str, *, jobs: bool = False) -> list[tuple[str, bool, str, str]]:
    """Return the rows of one of the page's tables: path, whether it speaks for all below, mode, owner.

    :param jobs: whether the table of what a service with jobs has in addition.
    """
    tables = PAGE.read_text(encoding="utf-8").split(".. list-table:: ")
    title = "Further paths of a service with jobs\n" if jobs else "Paths of a service\n"
    (text,) = (text for text in tables if text.startswith(title))
    rows = ROW.findall(text)
    return [
        (path.replace("<svc>", name), bool(below), mode, owner.replace("<svc>", name))
        for path, below, mode, owner in rows
    ]


def test_every_path_of_the_table_has_its_mode_and_owner(host: Host, name: str) -> None:
    rows = table(name)
    assert len(rows) > 10
    for path, _, mode, owner in rows:
        shown = host.run("stat", "-c", "%F %a %U:%G", path.rstrip("/")).stdout
        wanted = "symbolic link 777" if mode == "link" else f" {mode.lstrip('0')}"
        assert f"{wanted} {owner}\n" in shown, path


def test_first_process_that_stands_still_is_replaced(host: Host, name: str) -> None:
    def main() -> str:
        return host.run(f"systemctl show -p MainPID --value {name}").stdout.strip()

    dropin = f"/run/systemd/system/{name}.service.d/watchdog.conf"
    host.run(f"mkdir -p $(dirname {dropin}) && printf '[Service]\\nWatchdogSec=3\\n' > {dropin}")
    host.run(f"systemctl daemon-reload && systemctl restart {name}")
    before = main()
    host.run(f"kill -STOP {before}")
    host.wait_for(lambda: main() not in ("0", before), 30, "the process that stands still was not replaced")
    host.run(f"rm {dropin} && systemctl daemon-reload && systemctl restart {name}")
    assert host.http("GET", "/health/ready").status == 200


def test_every_path_is_in_the_table(host: Host, name: str, before: set[str]) -> None:
    named = {path.rstrip("/") for path, *_ in table(name)}
    covered = tuple(path.rstrip("/") + "/" for path, below, *_ in table(name) if below)
    own = host.run("find", f"/run/{name}", f"/etc/{name}").stdout.splitlines()
    links = "/etc/systemd/system/"  # what "systemctl enable" makes
    database = f"/var/lib/{name}/{name}.db-"  # SQLite's journals
    for path in (paths(host) | set(own)) - before:
        known = path in named or path.startswith((*covered, links, database))
        assert known or path in {"/opt/venvs", "/var/lib/private", "/var/log/private"}, path


def test_service_may_not_write_to_its_code_or_configuration(host: Host, name: str) -> None:
    for path in (f"/opt/venvs/{name}", f"/etc/{name}", f"/etc/{name}/config.ini"):
        asked = ("runuser", "-u", name, "--", "test", "-w", path)
        assert host.run(*asked, check=False).returncode == 1, path


def test_nothing_of_it_runs_as_root(host: Host, name: str) -> None:
    group = host.run("systemctl", "show", "-p", "ControlGroup", "--value", name).stdout.strip()
    processes = host.run(f"systemctl status --no-pager -n0 {name}; systemd-cgls --no-pager {group}").stdout
    assert name in processes
    main = host.run("systemctl", "show", "-p", "MainPID", "--value", name).stdout.strip()
    users = host.run("ps", "-o", "user:40=", "--pid", main, "--ppid", main).stdout.split()
    assert len(users) >= 2
    assert set(users) == {name}


def test_dpkg_finds_its_files_unchanged_after_use(host: Host, name: str) -> None:
    for command in ("routes", "openapi", "check-config", "running", "health"):
        host.run(name, command)
    host.run(f"systemctl reload {name} && systemctl restart {name}")
    for path in ("/openapi.json", "/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js"):
        assert host.http("GET", path).status == 200
    assert host.run("dpkg", "--verify", name).stdout == ""


def test_log_goes_on_after_rotation(host: Host, name: str) -> None:
    host.run("logrotate", "--force", f"/etc/logrotate.d/{name}")
    host.http("GET", "/last-seen/ada")
    log = f"/var/log/{name}/{name}.log"
    written = ("grep", "-q", "last-seen", log)
    host.wait_for(lambda: host.run(*written, check=False).returncode == 0, 10, f"{log} stays empty")
    assert host.run("stat", "-c", "%a %U:%G", log).stdout == f"640 {name}:{name}\n"
    assert host.run("ls", f"/var/log/{name}").stdout.split() == [f"{name}.log", f"{name}.log.1"]


def rating(host: Host, name: str) -> float:
    said = host.run("systemd-analyze", "security", "--no-pager", name).stdout
    match = re.search(r"Overall exposure level for \S+ (\d+\.\d)", said)
    assert match, said
    return float(match[1])


def test_sandbox_is_rated_as_the_page_says(host: Host, name: str) -> None:
    assert rating(host, name) <= 1.1


def test_service_that_calls_nobody_needs_no_network(host: Host, name: str) -> None:
    drop_in = f"/etc/systemd/system/{name}.service.d/alone.conf"
    host.run(f"install -D -m 0644 /usr/share/doc/{name}/examples/{name}.alone.conf {drop_in}")
    host.run(f"systemctl daemon-reload && systemctl restart {name}")
    try:
        assert rating(host, name) <= 0.4
        assert host.http("POST", "/checkin/ada").status == 200
        assert host.http("GET", "/health/ready").status == 200
        host.run("systemctl", "reload", name)
    finally:
        host.run(f"rm -r /etc/systemd/system/{name}.service.d; systemctl daemon-reload")
        host.run(f"systemctl restart {name}")


def test_workers_are_pinned_where_the_unit_allows_it(host: Host, name: str) -> None:
    directory = f"/etc/systemd/system/{name}.service.d"
    pinned = f"[Service]\nEnvironment={name.upper().replace('-', '_')}_SERVER_PIN_CPUS=yes\n"
    host.run("mkdir", directory)
    try:
        host.write(f"{directory}/pin.conf", pinned)
        host.run("systemctl", "daemon-reload")
        assert host.run("systemctl", "restart", name, check=False).returncode != 0
        said = host.run("journalctl", "--no-pager", "-u", name, "-n", "40").stdout
        assert "error: [server] pin_cpus is not allowed here" in said
        host.write(f"{directory}/pin.conf", f"{pinned}SystemCallFilter=sched_setaffinity\n")
        host.run(f"systemctl daemon-reload && systemctl reset-failed {name} && systemctl restart {name}")
        main = host.run("systemctl", "show", "-p", "MainPID", "--value", name).stdout.strip()
        kept = f"for pid in $(pgrep -P {main}); do grep Cpus_allowed_list /proc/$pid/status; done"
        both = re.compile(r"(Cpus_allowed_list:\t\d+\n){2}")
        host.wait_for(lambda: both.fullmatch(host.run(kept).stdout), 30, "the workers are not pinned")
    finally:
        host.run(f"rm -r {directory}; systemctl daemon-reload && systemctl reset-failed {name}", check=False)
        host.run("systemctl", "restart", name)


def test_reinstallation_changes_nothing(host: Host, deb: Path, name: str) -> None:
    was = paths(host)
    install(host, deb)
    assert paths(host) == was
    assert host.http("GET", "/last-seen/ada").status == 200


def test_removal_stops_the_service_and_keeps_data_and_configuration(host: Host, name: str) -> None:
    host.run("apt-get", "remove", "-q", "-y", name)
    assert host.run("ss -Hltn 'sport = :5000'").stdout == ""
    assert host.run("ls", "-A", "/opt").stdout == ""  # and /opt itself stays
    host.run(f"test -e /etc/{name}/config.ini && test -e /var/lib/{name}/{name}.db && ! test -e /run/{name}")
    assert host.run("systemctl", "--failed", "--no-legend").stdout == ""


def test_configured_service_starts_when_it_is_installed_again(host: Host, deb: Path, name: str) -> None:
    install(host, deb)
    assert host.http("GET", "/last-seen/ada").status == 200
    host.run(name, "health")


def test_purge_leaves_the_data_and_nothing_else(host: Host, name: str, before: set[str]) -> None:
    host.run("apt-get", "purge", "-q", "-y", name)
    left = {path for path in paths(host) - before if not path.startswith(f"/var/lib/{name}")}
    assert left == set()
    assert before - paths(host) == set()
    host.run("getent", "passwd", name)
    host.run(f"test -e /var/lib/{name}/{name}.db")


def test_purge_takes_the_data_when_told(host: Host, deb: Path, name: str) -> None:
    install(host, deb)
    host.run("apt-get", "purge", "-q", "-y", name, env={"DEBONAIR_PURGE_DATA": "yes"})
    assert host.run("test", "-e", f"/var/lib/{name}", check=False).returncode == 1
