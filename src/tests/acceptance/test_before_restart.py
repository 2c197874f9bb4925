"""What Puppet finds before it stops a process that serves: faults that show only in the unit, versions, dpkg.

After each fault the old process serves, and the run says why in one line.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance import versions
from tests.acceptance.host import Host
from tests.acceptance.provision import Surroundings
from tests.acceptance.test_host import Applied, Site, said

pytestmark = pytest.mark.acceptance

OLD, NEW, MIGRATED, SICK = "1.0", "1.1", "1.2", "1.3"

RAISING = '''

@checkins.before_app_request
def fail() -> None:
    """Raise an error when a request is served."""
    raise RuntimeError("this version cannot serve")
'''

LOCK = """
import fcntl, sys
with open("/var/lib/dpkg/lock-frontend", "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    open("/run/held", "w").close()
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def bare(deb: Path, release: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A host with nothing on it, and a repository of all versions."""
    directory = tmp_path_factory.mktemp("before-restart")
    surroundings = Surroundings(directory / "surroundings")
    edits = {
        OLD: [],
        NEW: [],
        MIGRATED: [versions.migration(MIGRATED, "pass")],
        SICK: [versions.append("views.py", RAISING)],
    }
    packages = {}
    for version, changes in edits.items():
        made = versions.make(deb, directory, version, *changes)
        packages[version] = surroundings.repository.publish(made)
        made.unlink()
    with Host("test-before-restart", release, surroundings.binds, say=print) as host:
        yield Site(host, surroundings, packages[OLD])


@pytest.fixture(scope="module")
def blank_run(bare: Site) -> Applied:
    """A run with ``--noop``, before the first one."""
    bare.surroundings.write_data({"debonair::services": {bare.name: {**bare.base, "nginx": True}}})
    bare.surroundings.deploy(bare.host)
    return bare.surroundings.apply(bare.host, "--noop")


@pytest.fixture
def site(bare: Site, blank_run: Applied) -> Site:
    """The old version, provisioned and running."""
    bare.ensure()
    return bare


def refused(site: Site, applied: Applied, reason: str) -> None:
    """Check that the run failed for that reason, which is on one line, and that nobody has noticed."""
    assert applied.returncode in (4, 6), said(applied)
    (line,) = [line for line in said(applied).splitlines() if reason in line]
    assert f"Exec[debonair {site.name}: check]/returns" in line
    assert serves(site) == OLD


def serves(site: Site) -> str:
    """Return the version that responds."""
    return str(site.host.http("GET", "/late").json()["here"])  # type: ignore[index]


@pytest.fixture
def drop_in(site: Site) -> Iterator[Callable[[str], None]]:
    """Return a function that writes a drop-in of the service unit; it is removed afterwards."""
    path = f"/etc/systemd/system/{site.name}.service.d/test.conf"
    yield lambda text: site.host.write(path, f"[Service]\n{text}\n")
    site.host.run("rm", "-f", path)


def test_noop_on_a_blank_host_succeeds(blank_run: Applied) -> None:
    assert blank_run.returncode == 0, said(blank_run)


def test_fault_that_shows_only_in_the_unit_is_found_before_the_restart(
    site: Site, drop_in: Callable[[str], None]
) -> None:
    pid, prefix = site.main_pid(), site.name.upper().replace("-", "_")
    site.host.run("install", "-d", "-o", site.name, "-g", site.name, "/srv/outside")
    site.host.run("cp", "-p", f"/var/lib/{site.name}/{site.name}.db", "/srv/outside/data.db")
    faults = {
        "LoadCredential=flask.SECRET_KEY:/etc/missing": "Failed at step CREDENTIALS",
        f"Environment={prefix}_SERVER_WORKERS=many": "'many' is not a whole number",
        f"Environment={prefix}_SERVER_PIN_CPUS=yes": "[server] pin_cpus is not allowed here",
        f"Environment={prefix}_DATABASE_URI=sqlite:////srv/outside/data.db": "unable to open database file",
        f"Environment={prefix}_LOG_FILE=/srv/missing/service.log": "[log] file /srv/missing/service.log",
    }
    for line, reason in faults.items():
        drop_in(line)
        checked = site.host.run(f"/usr/lib/{site.name}/in-unit", "serve", "--check", check=False)
        assert checked.returncode != 0, line
        assert len([found for found in checked.stderr.splitlines() if reason in found]) == 1, checked
    refused(site, site.apply(), reason)
    assert site.main_pid() == pid
    left = site.host.run("ls /run /run/systemd/system").stdout
    assert "check" not in left


def test_secret_that_is_a_credential_reaches_the_migration(
    site: Site, drop_in: Callable[[str], None]
) -> None:
    database = f"/var/lib/{site.name}/credential.db"
    site.host.write("/etc/database.uri", f"sqlite:///{database}", "0600")
    draft = f"/etc/{site.name}/config.ini20260101-1-draft"
    site.host.write(draft, "[flask]\nSECRET_KEY = left by a run that was killed\n", "0600")
    drop_in("LoadCredential=database.uri:/etc/database.uri")
    applied = site.apply()
    assert applied.returncode == 2, said(applied)
    assert site.exists(database)
    assert site.host.http("GET", "/health/ready").status == 200
    assert not site.exists(draft)


def test_version_that_raises_when_it_serves_is_found_before_the_restart(site: Site) -> None:
    refused(
        site, site.provision(version=SICK), "GET /health/live fails: RuntimeError: this version cannot serve"
    )


def test_older_version_runs_with_the_database_of_a_newer_one(site: Site) -> None:
    migrated = site.provision(version=MIGRATED)
    assert migrated.returncode == 2, said(migrated)
    assert serves(site) == MIGRATED
    back = site.provision(version=OLD)
    assert back.returncode == 2, said(back)
    assert serves(site) == OLD
    assert "which this version does not know: another version made it" in said(back)
    assert "run 'db downgrade' with the other version" in said(back)
    again = site.apply()
    assert again.returncode == 0, said(again)


def test_killed_dpkg_is_finished_by_the_next_run(site: Site) -> None:
    flag = f"/opt/venvs/.{site.name}.unpacking"
    archive = f"/srv/debonair/apt/pool/{site.name}_{NEW}_$(dpkg --print-architecture).deb"
    seen = f"timeout 60 sh -c 'until test -e {flag}; do :; done'"
    site.host.run(f"dpkg --unpack {archive} & {seen}; kill -KILL $!", check=False)
    assert site.exists(flag)
    applied = site.provision(version=NEW)
    assert applied.returncode == 2, said(applied)
    assert serves(site) == NEW
    assert site.apply().returncode == 0


def test_run_waits_for_another_process_that_installs_packages(bare: Site) -> None:
    site = bare  # with the new version on it
    site.host.run("mkfifo", "/run/hold")
    site.host.write("/run/lock.py", LOCK)
    site.host.run(
        "systemd-run", "--quiet", "--unit=holder", "sh", "-c", "exec python3 /run/lock.py </run/hold"
    )
    release = threading.Thread(
        target=lambda: site.host.run("exec 3>/run/hold; until test -e /run/go; do sleep 0.1; done")
    )
    release.start()
    runs: list[Applied] = []
    run = threading.Thread(target=lambda: runs.append(site.provision()))
    try:
        site.host.wait_for(lambda: site.exists("/run/held"), 30, "nobody holds the lock")
        run.start()
        waits = ("pgrep", "-f", "apt-get.*install")
        site.host.wait_for(
            lambda: site.host.run(*waits, check=False).returncode == 0, 60, "apt does not start"
        )
    finally:
        site.host.run("touch", "/run/go")
        release.join()
        run.join()
        site.host.run("rm", "-f", "/run/go", "/run/hold", "/run/held", "/run/lock.py")
    assert runs[0].returncode == 2, said(runs[0])
    assert serves(site) == OLD


def test_port_that_the_service_holds_itself_is_not_in_use(site: Site) -> None:
    listen = "python3 -m http.server --bind 127.0.0.1 5066"
    site.host.run(f"systemd-run --quiet --unit=squatter {listen}")
    taken = "ss -Hltn 'sport = :5066' | grep -q ."
    site.host.wait_for(lambda: site.host.run(taken, check=False).returncode == 0, 10, "nobody listens")
    try:
        applied = site.provision(port=5066)
        assert applied.returncode in (4, 6), said(applied)
        assert "port 5066 is in use" in said(applied)
        # systemd closes the socket of the old port; the service's processes hold it.
        site.host.run("systemctl", "daemon-reload")
        assert serves(site) == OLD
        back = site.provision()
        assert back.returncode == 2, said(back)
        assert serves(site) == OLD
    finally:
        site.host.run("systemctl", "stop", "squatter")
