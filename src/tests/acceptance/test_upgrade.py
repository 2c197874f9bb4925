"""The package on a real Debian, without Puppet: what becomes of requests while something is done to it.

Under load, nothing that a sysadmin does may fail a request or lose a check-in that was acknowledged;
and whatever hinders a new version, the old one serves, and dpkg says what is to be done.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance import builds, versions
from tests.acceptance.host import Host, Response

pytestmark = pytest.mark.acceptance

APT = "/srv/apt"
PYTHON = "/usr/bin/python3"
LOAD = Path(__file__).with_name("load.py")
USERS = """
import sqlite3, sys
for user, in sqlite3.connect(sys.argv[1]).execute('SELECT DISTINCT user FROM check_in'):
    print(user)
"""

OLD, NEW, SICK, UNMIGRATABLE, STRICT = "1.0", "1.1", "1.2", "1.3", "1.4"


class Site:
    """A host with a signed repository of several versions, and the service of one of them."""

    def __init__(self, host: Host, name: str) -> None:
        self.host = host
        self.name = name

    def install(self, version: str) -> subprocess.CompletedProcess[str]:
        """Install a version as a sysadmin does, newer or older."""
        package = f"{self.name}={version}"
        return self.host.run(
            "apt-get", "install", "-q", "-y", "--allow-downgrades", package, check=False, timeout=120
        )

    def configure(self, text: str) -> None:
        """Write the configuration."""
        path = f"/etc/{self.name}/config.ini"
        self.host.write(path, text)
        self.host.run(f"chown root:{self.name} {path} && chmod 0640 {path}")

    def state(self) -> str:
        """Return dpkg's word for the package's state, such as ``installed`` or ``half-configured``."""
        return self.host.run("dpkg-query", "-W", "-f", "${db:Status-Status}", self.name).stdout

    def main(self) -> str:
        """Return the process that systemd takes for the service's first."""
        return self.host.run("systemctl", "show", "-p", "MainPID", "--value", self.name).stdout.strip()

    def worker(self) -> str:
        """Return one of the processes that answer."""
        return self.host.run("ps", "-o", "pid=", "--ppid", self.main()).stdout.split()[0]

    def late(self) -> object:
        """Return the version of the code that answers, and that of what it imports late."""
        return self.host.http("GET", "/late").json()

    def await_new_main(self, before: str) -> None:
        """Wait until the service runs with another first process than ``before``."""

        def changed() -> bool:
            active = self.host.run("systemctl", "is-active", self.name, check=False).stdout
            return active == "active\n" and self.main() not in ("0", before)

        self.host.wait_for(changed, 30, f"no other process took the place of {before}")

    def users(self) -> set[str]:
        """Return everybody of whom the database knows a check-in."""
        database = f"/var/lib/{self.name}/{self.name}.db"
        return set(self.host.run(PYTHON, "-c", USERS, database).stdout.split())


@pytest.fixture(scope="module")
def repository(deb: Path, release: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a repository of all versions, published as a user publishes them."""
    directory = tmp_path_factory.mktemp("versions")
    dist = directory / "dist" / release
    dist.mkdir(parents=True)
    raising = "raise RuntimeError('this migration cannot be done')"
    strict = "\n\nCheckIns.max_user_length.min = 100\n"
    for version, edits in {
        OLD: [],
        NEW: [],
        SICK: [versions.append("views.py", "\nraise RuntimeError('this version is sick')\n")],
        UNMIGRATABLE: [versions.migration(UNMIGRATABLE, raising)],
        STRICT: [versions.append("application.py", strict)],
    }.items():
        versions.make(deb, dist, version, *edits)
    with builds.signer() as environment:
        published = builds.publish(directory, environment)
    assert published.returncode == 0, published.stderr
    yield directory / "dist" / "repository"
    shutil.rmtree(directory)  # some hundred megabytes


@pytest.fixture(scope="module")
def fresh(deb: Path, repository: Path, release: str) -> Iterator[Site]:
    with Host("test-upgrade", release, {repository: APT}, say=print) as host:
        source = f"deb [signed-by={APT}/key.asc] file:{APT}/{release} {release} main\n"
        host.write("/etc/apt/sources.list.d/test.list", source)
        host.run("apt-get", "update", "--error-on=any")
        yield Site(host, deb.name.partition("_")[0])


@pytest.fixture
def site(fresh: Site) -> Site:
    """The old version, installed and running with the configuration that comes with it."""
    name = fresh.name
    if fresh.host.run("test", "-d", f"/etc/{name}", check=False).returncode:
        assert fresh.install(OLD).returncode == 0
    fresh.configure("[service]\n")
    installed = fresh.install(OLD)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    if fresh.host.run("systemctl", "is-active", name, check=False).returncode:
        fresh.host.run("runuser", "-u", name, "--", name, "db", "upgrade")
        fresh.host.run("systemctl", "start", name)
    fresh.host.http("POST", "/checkin/ada")
    return fresh


@contextlib.contextmanager
def load(site: Site) -> Iterator[dict[str, float]]:
    """Put load on the service, before, during and after what the caller does; fail when it shows."""
    prefix = uuid.uuid4().hex
    command = ["nsenter", "--net", "--target", str(site.host.pid), "--"]
    command += [PYTHON, str(LOAD), "127.0.0.1:5000", prefix]
    clients = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    report: dict[str, float] = {}

    def await_writes() -> None:
        """Wait until some more check-ins were made."""
        before = len(site.users())
        site.host.wait_for(lambda: len(site.users()) > before + 20, 90, "there is no load on the service")

    try:
        await_writes()
        yield report
        await_writes()
    finally:
        said, _ = clients.communicate(timeout=90)
    report.update(json.loads(said))


# -- nobody notices --------------------------------------------------------------------------------


def reconfigure(site: Site) -> None:
    site.configure("[server]\nworkers = 3\n")
    site.host.run("systemctl", "reload", site.name)
    assert site.host.run(site.name, "running").returncode == 0


def kill_main(site: Site) -> None:
    before = site.main()
    site.host.run("kill", "-KILL", before)
    site.await_new_main(before)


def kill_main_after_a_reload(site: Site) -> None:
    site.host.run("systemctl", "reload", site.name)
    kill_main(site)


def end_worker(site: Site) -> None:
    worker = site.worker()
    site.host.run("kill", "-TERM", worker)
    gone = ("test", "!", "-e", f"/proc/{worker}")
    site.host.wait_for(lambda: site.host.run(*gone, check=False).returncode == 0, 30, "it does not end")


OPERATIONS: dict[str, Callable[[Site], object]] = {
    "upgrade": lambda site: site.install(NEW).check_returncode(),
    "downgrade": lambda site: (site.install(NEW).check_returncode(), site.install(OLD).check_returncode()),
    "restart": lambda site: site.host.run("systemctl", "restart", site.name),
    "reload": lambda site: site.host.run("systemctl", "reload", site.name),
    "reconfiguration": reconfigure,
    "end of a worker": end_worker,
    "kill -9 of the first process": kill_main,
    "kill -9 after a reload": kill_main_after_a_reload,
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_request_fails_and_no_write_is_lost(site: Site, operation: str) -> None:
    with load(site) as report:
        OPERATIONS[operation](site)
    lost = set(report["acknowledged"]) - site.users()
    print(
        f"{operation}: {report['requests']} requests, {len(report['failures'])} failed,"
        f" {len(lost)} writes lost, longest {report['longest']:.1f} s",
        file=sys.stderr,
    )
    assert not report["failures"]
    assert not lost
    assert report["requests"] > 100


def test_killed_worker_costs_what_it_was_answering_and_no_acknowledged_write(site: Site) -> None:
    """What a process held that was killed with SIGKILL nobody can answer: one request of each client."""
    with load(site) as report:
        site.host.run("kill", "-KILL", site.worker())
    clients = [failure.partition(":")[0] for failure in report["failures"]]
    print(f"kill -9 of a worker: {report['requests']} requests, {len(clients)} failed", file=sys.stderr)
    assert len(clients) == len(set(clients))
    assert not set(report["acknowledged"]) - site.users()


# -- what hinders a new version --------------------------------------------------------------------


def refused(site: Site, version: str, todo: str) -> None:
    """Install a version that cannot run here; the old one goes on, and dpkg says what to do."""
    main = site.main()
    installed = site.install(version)
    said = installed.stdout + installed.stderr
    assert installed.returncode == 100, said
    assert site.state() == "half-configured"
    assert f"{site.name}: version {version} was not started" in said
    assert todo in said
    assert f"dpkg --configure {site.name}" in said
    assert site.main() == main
    assert site.host.http("POST", "/checkin/ada").status == 200
    assert site.late() == {"here": OLD, "there": OLD}


def test_old_code_imports_late_what_belongs_to_it(site: Site) -> None:
    refused(site, SICK, "install the previous version again")


def test_sick_version_is_undone_by_the_version_before(site: Site) -> None:
    refused(site, SICK, "install the previous version again")
    assert site.install(OLD).returncode == 0
    assert site.state() == "installed"
    assert site.late() == {"here": OLD, "there": OLD}
    assert not site.host.run("ls", "-A", "/opt/venvs").stdout.replace(site.name + "\n", "")


def test_bad_configuration_is_corrected_and_dpkg_goes_on(site: Site) -> None:
    site.configure("[checkins]\nmax_user_length = 90\n")
    refused(site, STRICT, f"correct /etc/{site.name}/config.ini")
    site.configure("[checkins]\nmax_user_length = 120\n")
    site.host.run("dpkg", "--configure", "-a")
    assert site.state() == "installed"
    assert site.late() == {"here": STRICT, "there": STRICT}


def test_new_version_is_tried_with_what_the_unit_gives_to_the_service(site: Site) -> None:
    site.configure("[checkins]\nmax_user_length = 90\n")
    secret = f"/etc/{site.name}.secret"
    site.host.write(secret, "120", "0600")
    drop_in = f"/etc/systemd/system/{site.name}.service.d"
    site.host.write(f"{drop_in}/test.conf", f"[Service]\nLoadCredential=checkins.max_user_length:{secret}\n")
    site.host.run(f"systemctl daemon-reload && systemctl restart {site.name}")
    try:
        installed = site.install(STRICT)
        assert installed.returncode == 0, installed.stdout + installed.stderr
        assert site.late() == {"here": STRICT, "there": STRICT}
    finally:
        site.host.run(f"rm -r {drop_in} {secret}; systemctl daemon-reload")


def test_new_version_is_tried_in_the_sandbox_of_the_unit(site: Site) -> None:
    """The user may write there, but the unit may not: the service would fail after its restart."""
    site.host.run("install", "-d", "-o", site.name, "-g", site.name, "/srv/outside")
    site.configure("[database]\nuri = sqlite:////srv/outside/data.db\n")
    refused(site, NEW, "correct the cause of the failed migration")
    assert site.host.run("ls", "-A", "/srv/outside").stdout == ""


def test_failing_migration_leaves_database_and_process_alone(site: Site) -> None:
    refused(site, UNMIGRATABLE, "correct the cause of the failed migration")


def test_reload_that_cannot_succeed_changes_nothing(site: Site) -> None:
    main = site.main()
    site.configure("[server]\nworkers = many\n")
    assert site.host.run("systemctl", "reload", site.name, check=False).returncode != 0
    assert site.main() == main
    assert site.host.http("GET", "/health/ready").status == 200


# -- interrupted -----------------------------------------------------------------------------------


def archive(site: Site, version: str) -> str:
    """Return where the host sees the package of a version."""
    return f"{APT}/{site.host.release}/pool/{site.name}_{version}_$(dpkg --print-architecture).deb"


def test_dpkg_that_ended_after_unpacking_is_finished_by_configure(site: Site) -> None:
    site.host.run(f"dpkg --unpack {archive(site, NEW)}")
    assert site.late() == {"here": OLD, "there": OLD}
    site.host.run("dpkg", "--configure", "-a")
    assert site.state() == "installed"
    assert site.late() == {"here": NEW, "there": NEW}


def test_dpkg_killed_while_it_unpacks_is_finished(site: Site) -> None:
    flag = f"/opt/venvs/.{site.name}.unpacking"
    seen = f"timeout 60 sh -c 'until test -e {flag}; do :; done'"
    site.host.run(f"dpkg --unpack {archive(site, NEW)} & {seen}; kill -KILL $!", check=False)
    assert site.host.run("test", "-e", flag).returncode == 0
    assert site.late() == {"here": OLD, "there": OLD}
    # What is half of two versions is not started, not even after the power was gone. Requests wait for it.
    site.host.run("systemctl", "--no-block", "restart", site.name)

    def waits() -> bool:
        units = (f"{site.name}.service", f"{site.name}.socket")
        state = site.host.run("systemctl", "is-active", *units, check=False).stdout
        return state == "activating\nactive\n" and site.main() == "0"

    site.host.wait_for(waits, 30, "the service does not wait for dpkg")
    answers: list[Response] = []
    waiting = threading.Thread(target=lambda: answers.append(site.host.http("GET", "/late")))
    waiting.start()
    finished = site.host.run("dpkg", "--configure", "-a", check=False)
    again = site.install(NEW)
    assert again.returncode == 0, finished.stderr + again.stdout + again.stderr
    waiting.join()
    assert [answer.status for answer in answers] == [200]
    assert site.state() == "installed"
    assert site.late() == {"here": NEW, "there": NEW}
