"""The worker on a real Debian, from the package of a service with jobs: its unit, its stop, its upgrade.

Whatever is done to it, no job is lost, none is dead, and none counts as failed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import builds, versions, with_jobs
from tests.acceptance.host import Host
from tests.acceptance.test_installed import OTHERS, rating, table
from tests.acceptance.test_upgrade import APT, PYTHON, Site

pytestmark = pytest.mark.acceptance

OLD, NEW, SICK, WITHOUT = "1.0", "1.1", "1.2", "1.3"

JOBS = """
import json, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.row_factory = sqlite3.Row
print(json.dumps([dict(row) for row in connection.execute('SELECT * FROM debonair_job ORDER BY id')]))
"""


class WorkerSite(Site):
    """A host with the service, and its worker."""

    @property
    def unit(self) -> str:
        """The name of the worker's unit."""
        return f"{self.name}-worker"

    def worker_main(self) -> str:
        """Return the master process of the worker."""
        return self.host.run("systemctl", "show", "-p", "MainPID", "--value", self.unit).stdout.strip()

    def active(self, *units: str) -> str:
        """Return what systemd says of the state of units, one line each."""
        return self.host.run("systemctl", "is-active", *units, check=False).stdout

    def enqueue(self, job: str, *arguments: list[Any]) -> None:
        """Let a request enqueue one job for each list of arguments."""
        response = self.host.http(
            "POST", f"/enqueue/{job}", json.dumps(arguments), {"Content-Type": "application/json"}
        )
        assert response.status == 200, response

    def jobs(self, name: str = "") -> list[dict[str, Any]]:
        """Return the rows of all jobs, or of those of one name."""
        said = self.host.run(PYTHON, "-c", JOBS, f"/var/lib/{self.name}/{self.name}.db").stdout
        return [row for row in json.loads(said) if name in ("", row["name"])]

    def states(self, name: str = "") -> Counter[str]:
        """Return how many jobs are in each state."""
        return Counter(row["state"] for row in self.jobs(name))

    def await_states(self, wanted: dict[str, int], name: str = "") -> None:
        """Wait until so many jobs are in each state."""
        self.host.wait_for(lambda: self.states(name) == wanted, 60, f"the jobs are not {wanted}")

    def is_ready(self) -> bool:
        """Return whether the worker is ready."""
        return self.host.run(self.name, "health", "--role", "worker", check=False).returncode == 0

    def forget_jobs(self) -> None:
        """Delete all jobs, with the worker stopped meanwhile, and start it."""
        forget = (
            f"import sqlite3\nwith sqlite3.connect('/var/lib/{self.name}/{self.name}.db') as connection:\n"
        )
        self.host.run("systemctl", "stop", self.unit)
        self.host.run(
            "runuser",
            "-u",
            self.name,
            "--",
            PYTHON,
            "-c",
            f"{forget}    connection.execute('DELETE FROM debonair_job')",
        )
        self.host.run(f"systemctl start {self.name} {self.unit}")
        self.host.wait_for(self.is_ready, 30, "the worker is not ready")


@pytest.fixture(scope="module")
def built(release: str, deb: Path) -> Path:
    return with_jobs.build(release)


@pytest.fixture(scope="module")
def fresh(
    deb: Path, built: Path, release: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerSite]:
    """A host whose apt knows all versions."""
    directory = tmp_path_factory.mktemp("versions")
    dist = directory / "dist" / release
    dist.mkdir(parents=True)
    for version in (OLD, NEW):
        with_jobs.make(built, dist, version)
    with_jobs.make(
        built, dist, SICK, versions.append("jobs.py", "\nraise RuntimeError('these jobs are sick')\n")
    )
    versions.make(deb, dist, WITHOUT)
    with builds.signer() as environment:
        published = builds.publish(directory, environment)
    assert published.returncode == 0, published.stderr
    with Host("test-worker", release, {directory / "dist" / "repository": APT}, say=print) as host:
        source = f"deb [signed-by={APT}/key.asc] file:{APT}/{release} {release} main\n"
        host.write("/etc/apt/sources.list.d/test.list", source)
        host.run("apt-get", "update", "--error-on=any")
        yield WorkerSite(host, deb.name.partition("_")[0])
    shutil.rmtree(directory)  # some hundred megabytes


@pytest.fixture
def site(fresh: WorkerSite) -> WorkerSite:
    """The old version and its worker, running with the configuration that comes with it, without jobs."""
    name = fresh.name
    if fresh.host.run("test", "-d", f"/etc/{name}", check=False).returncode:
        assert fresh.install(OLD).returncode == 0
    fresh.configure("[service]\n")
    installed = fresh.install(OLD)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    fresh.host.run(f"/usr/lib/{name}/in-unit", "db", "upgrade")
    fresh.forget_jobs()
    fresh.host.run(f"systemctl restart {name} {fresh.unit}")
    fresh.host.wait_for(fresh.is_ready, 30, "the worker is not ready")
    return fresh


def configure(site: WorkerSite, text: str) -> None:
    """Let the worker run with a section ``[jobs]``."""
    site.configure(f"[service]\n[jobs]\n{text}")
    site.host.run("systemctl", "restart", site.unit)
    site.host.wait_for(site.is_ready, 30, "the worker is not ready")


# -- the unit --------------------------------------------------------------------------------------


def test_lintian_has_nothing_to_say(built: Path) -> None:
    ran = subprocess.run([*builds.LINTIAN, built], capture_output=True, text=True)
    assert builds.complaints(ran.stdout + ran.stderr) == []


def test_worker_runs_the_job_that_a_request_has_enqueued(site: WorkerSite) -> None:
    site.enqueue("greet", ["grace"])
    site.await_states({"done": 1})
    assert site.host.http("GET", "/last-seen/grace").status == 200
    assert site.host.run(site.name, "running", "--role", "worker").returncode == 0
    facts = json.loads(site.host.run("cat", f"/usr/share/{site.name}/facts.json").stdout)
    assert facts["roles"] == ["web", "worker"]
    assert f"{site.unit}.service" in facts["units"]


def test_every_path_of_a_service_with_jobs_has_its_mode_and_owner(site: WorkerSite) -> None:
    site.enqueue("greet", ["grace"])
    site.await_states({"done": 1})
    rows = table(site.name, jobs=True)
    assert len(rows) >= 4
    for path, _, mode, owner in rows:
        shown = site.host.run("stat", "-c", "%a %U:%G", path.rstrip("/")).stdout
        assert shown == f"{mode.lstrip('0')} {owner}\n", path
    named = tuple(path.rstrip("/") for path, *_ in rows)
    here = site.host.run("find", f"/run/{site.name}/worker").stdout.splitlines()
    assert [path for path in here if not path.startswith(named)] == []


def test_worker_has_the_sandbox_of_the_service_and_does_not_run_as_root(site: WorkerSite) -> None:
    assert rating(site.host, site.unit) <= rating(site.host, site.name)
    main = site.worker_main()
    users = site.host.run("ps", "-o", "user:40=", "--pid", main, "--ppid", main).stdout.split()
    assert len(users) >= 2
    assert set(users) == {site.name}


def test_either_unit_starts_first_and_stops_alone(site: WorkerSite) -> None:
    both = f"{site.name}.service {site.name}.socket {site.unit}"
    for first, second in ((site.unit, site.name), (site.name, site.unit)):
        site.host.run(f"systemctl stop {both} && rm -rf /run/{site.name} && systemctl start {first}")
        assert site.active(first, second) == "active\ninactive\n"
        site.host.run("systemctl", "start", second)
        site.host.wait_for(site.is_ready, 30, "the worker is not ready")
        site.host.run(site.name, "health")
        site.host.run("systemctl", "stop", first)
        assert site.active(first, second) == "inactive\nactive\n"
        role = "worker" if second == site.unit else "web"
        site.host.run(site.name, "running", "--role", role)


def test_command_runs_with_the_settings_of_the_unit_of_the_worker(site: WorkerSite) -> None:
    drop_in = f"/etc/systemd/system/{site.unit}.service.d"
    site.host.write(f"{drop_in}/test.conf", f"[Service]\nEnvironment={prefix(site)}_MAIL_MAX_SIZE=7MiB\n")
    in_unit = f"/usr/lib/{site.name}/in-unit"
    try:
        shown = site.host.run(in_unit, "--role", "worker", "show-config").stdout
        # Of the last section, since in-unit prints the end of what a command prints.
        assert re.search(r"max_size\s*=\s*7MiB", shown), shown
        assert not re.search(r"max_size\s*=\s*7MiB", site.host.run(in_unit, "show-config").stdout)
    finally:
        site.host.run(f"rm -r {drop_in}; systemctl daemon-reload")


def prefix(site: WorkerSite) -> str:
    """Return what the environment variables of the service begin with."""
    return site.name.upper().replace("-", "_")


def test_log_of_the_worker_goes_on_after_rotation(site: WorkerSite) -> None:
    site.enqueue("greet", ["grace"])
    site.await_states({"done": 1})
    site.host.run("logrotate", "--force", f"/etc/logrotate.d/{site.name}")
    site.enqueue("greet", ["ada"])
    site.await_states({"done": 2})
    log = f"/var/log/{site.name}/{site.unit}.log"
    written = ("grep", "-q", "is done", log)
    site.host.wait_for(lambda: site.host.run(*written, check=False).returncode == 0, 10, f"{log} stays empty")
    assert site.host.run("stat", "-c", "%a %U:%G", log).stdout == f"640 {site.name}:{site.name}\n"


# -- stops -----------------------------------------------------------------------------------------


def test_jobs_finish_or_return_when_the_worker_stops(site: WorkerSite) -> None:
    configure(site, "threads = 50\nstop_timeout = 8s\n")
    # Half of them finish within the time.
    site.enqueue("sleep", *[[4.0] for _ in range(25)], *[[60.0] for _ in range(25)])
    site.await_states({"running": 50})
    site.host.run("systemctl", "stop", site.unit)
    states = site.states()
    print(f"systemctl stop with 50 jobs running: {dict(states)}", file=sys.stderr)
    assert states == {"done": 25, "queued": 25}
    assert sum(row["failures"] + row["crashes"] for row in site.jobs()) == 0
    assert site.active(site.unit) == "inactive\n"


def test_master_process_that_is_killed_costs_no_job(site: WorkerSite) -> None:
    configure(site, "threads = 4\nstop_timeout = 8s\n")
    site.enqueue("sleep", *[[1.0] for _ in range(12)])
    site.host.wait_for(lambda: site.states()["running"], 30, "no job runs")
    before = site.worker_main()
    site.host.run("kill", "-KILL", before)
    site.host.wait_for(lambda: site.worker_main() not in ("0", before), 30, "systemd starts no other process")
    site.await_states({"done": 12})
    assert sum(row["failures"] for row in site.jobs()) == 0


def test_job_that_kills_its_process_is_run_again_and_others_go_on(site: WorkerSite) -> None:
    configure(site, "threads = 4\n")
    main = site.worker_main()
    site.enqueue("sleep", *[[1.0] for _ in range(3)])
    site.enqueue("end_process", ["killed-once"])
    site.host.wait_for(lambda: site.states() == {"done": 4}, 90, "not all jobs are done")
    assert sum(row["failures"] for row in site.jobs()) == 0
    assert site.worker_main() == main


def test_job_of_a_second_worker_on_the_host_is_left_to_it(site: WorkerSite) -> None:
    """The sandbox of the unit hides the processes of the other one."""
    configure(site, "lease = 3s\n")
    site.host.run("systemctl", "stop", site.unit)
    second = f"{site.name} --set jobs.listen=127.0.0.1:9199 worker"
    site.host.run(f"systemd-run --quiet --unit=second --uid={site.name} --working-directory=/ {second}")
    try:
        site.enqueue("sleep", [8.0])
        site.await_states({"running": 1})
        site.host.run("systemctl", "start", site.unit)
        site.enqueue("greet", *[["grace"] for _ in range(20)])
        site.await_states({"done": 21})
        (row,) = site.jobs("sleep")
        assert (row["attempts"], row["failures"], row["crashes"]) == (1, 0, 0)
    finally:
        site.host.run("systemctl", "stop", "second")


# -- upgrades --------------------------------------------------------------------------------------


@contextlib.contextmanager
def load(site: WorkerSite) -> Iterator[list[int]]:
    """Enqueue jobs all the time, and yield the list of their numbers; each reads a module late."""
    numbers: list[int] = []
    ended = threading.Event()

    def enqueue() -> None:
        for number in itertools.count():
            site.enqueue("import_late", [number, 0.5 + number % 3 / 4])
            numbers.append(number)
            if ended.wait(0.05):
                return

    client = threading.Thread(target=enqueue)
    client.start()

    def await_done(more: int) -> None:
        before = site.states()["done"]
        site.host.wait_for(lambda: site.states()["done"] >= before + more, 60, "no jobs are done")

    try:
        await_done(5)
        yield numbers
        await_done(5)
    finally:
        ended.set()
        client.join()


def test_upgrade_under_load_loses_no_job_and_mixes_no_versions(site: WorkerSite) -> None:
    configure(site, "threads = 8\n")
    with load(site) as numbers:
        installed = site.install(NEW)
        assert installed.returncode == 0, installed.stdout + installed.stderr
        running = site.host.run(site.name, "running", "--role", "worker").stdout
        assert f"version {NEW} " in running
    site.await_states({"done": len(numbers)})
    rows = site.jobs()
    assert [row["failures"] + row["crashes"] for row in rows] == [0] * len(numbers)
    ran = Counter((result["here"], result["there"]) for row in rows if (result := json.loads(row["result"])))
    print(f"upgrade under load: {len(numbers)} jobs, 0 lost, by version: {dict(ran)}", file=sys.stderr)
    assert set(ran) == {(OLD, OLD), (NEW, NEW)}
    assert not site.host.run("ls", "-A", "/opt/venvs").stdout.replace(site.name + "\n", "")


def refused(site: WorkerSite, version: str) -> str:
    """Install a version that cannot run here; return what apt says. The old worker goes on."""
    main = site.worker_main()
    installed = site.install(version)
    assert installed.returncode == 100, installed.stdout + installed.stderr
    assert site.worker_main() == main
    site.enqueue("import_late", [1, 0.0])
    site.await_states({"done": 1}, "import_late")
    (row,) = site.jobs("import_late")
    assert json.loads(row["result"]) == {"here": OLD, "there": OLD}
    return installed.stdout + installed.stderr


def test_version_whose_jobs_cannot_be_imported_leaves_the_old_worker(site: WorkerSite) -> None:
    assert "these jobs are sick" in refused(site, SICK)


def test_fault_in_the_unit_of_the_worker_alone_leaves_the_old_worker(site: WorkerSite) -> None:
    drop_in = f"/etc/systemd/system/{site.unit}.service.d"
    site.host.write(f"{drop_in}/test.conf", f"[Service]\nEnvironment={prefix(site)}_JOBS_THREADS=many\n")
    try:
        assert "'many' is not a whole number" in refused(site, NEW)
    finally:
        site.host.run(f"rm -r {drop_in}; systemctl daemon-reload")


def test_upgrade_does_not_start_a_worker_that_is_disabled(site: WorkerSite) -> None:
    site.host.run("systemctl", "disable", "--now", site.unit)
    try:
        assert site.install(NEW).returncode == 0
        assert site.active(site.name, site.unit) == "active\ninactive\n"
    finally:
        site.host.run("systemctl", "enable", site.unit)


def test_version_without_jobs_stops_the_worker_and_the_next_one_with_jobs_starts_it(site: WorkerSite) -> None:
    assert site.install(WITHOUT).returncode == 0
    assert site.active(site.name, site.unit) == "active\ninactive\n"
    found = site.host.run(f"find /etc/systemd /var/lib/systemd /opt/venvs -name '*{site.unit}*'").stdout
    assert found == ""
    assert site.install(NEW).returncode == 0
    assert site.active(site.name, site.unit) == "active\nactive\n"


# -- the end ---------------------------------------------------------------------------------------


def test_removal_stops_the_worker_and_purge_leaves_the_data_alone(site: WorkerSite) -> None:
    site.host.run("apt-get", "remove", "-q", "-y", site.name)
    assert site.active(site.unit) == "inactive\n"
    assert site.host.run("pgrep", "-u", site.name, check=False).stdout == ""
    assert site.host.run("systemctl", "--failed", "--no-legend").stdout == ""
    site.host.run("apt-get", "purge", "-q", "-y", site.name)
    left = site.host.run(f"find / -xdev -name '*{site.name}*' -not -path '/proc/*'").stdout.splitlines()
    assert [path for path in left if not OTHERS.match(path) and f"/var/lib/{site.name}" not in path] == []
