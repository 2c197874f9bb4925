"""Puppet and the worker of a service with jobs: the order of the steps, and what leaves the old one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import versions, with_jobs
from tests.acceptance.host import Host
from tests.acceptance.provision import Surroundings
from tests.acceptance.test_host import Applied, Site, said

pytestmark = pytest.mark.acceptance

OLD, NEW, SICK = "1.0", "1.1", "1.2"


class WorkerSite(Site):
    """A host with a service that has a worker."""

    @property
    def unit(self) -> str:
        """The name of the worker's unit."""
        return f"{self.name}-worker"

    def worker_main(self) -> str:
        """Return the master process of the worker; ``0`` when it does not run."""
        return self.host.run("systemctl", "show", "-p", "MainPID", "--value", self.unit).stdout.strip()

    def state(self) -> str:
        """Return whether the worker runs, and whether it is enabled."""
        states = self.host.run(
            f"systemctl is-active {self.unit}; systemctl is-enabled {self.unit}", check=False
        )
        return states.stdout

    def runs(self, version: str) -> None:
        """Check that the worker is healthy, current, enabled and of a version, and that it runs jobs."""
        assert self.state() == "active\nenabled\n"
        assert f"version {version} " in self.host.run(self.name, "running", "--role", "worker").stdout
        self.host.run(self.name, "health", "--role", "worker")
        body = json.dumps([["grace"]])
        json_type = {"Content-Type": "application/json"}
        assert self.host.http("POST", "/enqueue/greet", body, json_type).status == 200
        seen = "/last-seen/grace"
        self.host.wait_for(lambda: self.host.http("GET", seen).status == 200, 30, "no job is run")


@pytest.fixture(scope="module")
def fresh(deb: Path, release: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerSite]:
    directory = tmp_path_factory.mktemp("worker-puppet")
    surroundings = Surroundings(directory / "surroundings")
    built = with_jobs.build(release)
    sick = versions.append("jobs.py", "\nraise RuntimeError('these jobs are sick')\n")
    packages = {}
    for version, edits in {OLD: [], NEW: [], SICK: [sick]}.items():
        made = with_jobs.make(built, directory, version, *edits)
        packages[version] = surroundings.repository.publish(made)
        made.unlink()
    with Host("test-worker-puppet", release, surroundings.binds, say=print) as host:
        yield WorkerSite(host, surroundings, packages[OLD])


@pytest.fixture(scope="module")
def first_run(fresh: WorkerSite) -> Applied:
    return fresh.provision()


@pytest.fixture
def site(fresh: WorkerSite, first_run: Applied) -> WorkerSite:
    """The old version and its worker, provisioned and running."""
    fresh.ensure()
    return fresh


def test_first_run_starts_the_worker_and_the_second_changes_nothing(
    fresh: WorkerSite, first_run: Applied
) -> None:
    assert first_run.returncode == 2, said(first_run)
    fresh.runs(OLD)
    second = fresh.apply()
    assert second.returncode == 0, said(second)


def test_changed_configuration_restarts_the_service_and_then_the_worker(site: WorkerSite) -> None:
    before = site.worker_main()
    applied = site.provision(config={"jobs": {"threads": 3}})
    assert applied.returncode == 2, said(applied)
    assert site.worker_main() not in ("0", before)
    site.runs(OLD)
    steps = ["check", "check the worker", "restart", "restart the worker"]
    at = [said(applied).index(f"[debonair {site.name}: {step}]") for step in steps]
    assert at == sorted(at)
    assert site.apply().returncode == 0


def test_directive_of_the_worker_restarts_the_worker_alone(site: WorkerSite) -> None:
    service, worker = site.main_pid(), site.worker_main()
    applied = site.provision(worker={"Nice": 7})
    assert applied.returncode == 2, said(applied)
    assert site.main_pid() == service
    assert site.worker_main() not in ("0", worker)
    assert site.host.run("ps", "-o", "ni=", "-p", site.worker_main()).stdout.strip() == "7"
    assert site.apply().returncode == 0


def test_sandbox_of_the_service_is_that_of_the_worker_too(site: WorkerSite) -> None:
    applied = site.provision(sandbox={"Nice": 5, "TimeoutStopSec": 7})
    assert applied.returncode == 2, said(applied)
    for main in (site.main_pid(), site.worker_main()):
        assert site.host.run("ps", "-o", "ni=", "-p", main).stdout.strip() == "5"
    show = ["systemctl", "show", "-p", "TimeoutStopUSec"]
    assert site.host.run(*show, site.unit).stdout == "TimeoutStopUSec=1h 1min 40s\n"


def test_upgrade_and_downgrade_restart_the_worker(site: WorkerSite) -> None:
    for version in (NEW, OLD):
        applied = site.provision(version=version)
        assert applied.returncode == 2, said(applied)
        site.runs(version)
        assert site.apply().returncode == 0


def test_version_with_sick_jobs_leaves_service_and_worker(site: WorkerSite) -> None:
    service, worker = site.main_pid(), site.worker_main()
    applied = site.provision(version=SICK)
    assert applied.returncode in (4, 6), said(applied)
    assert "these jobs are sick" in said(applied)
    assert (site.main_pid(), site.worker_main()) == (service, worker)
    assert site.host.run("systemctl", "is-active", site.unit).stdout == "active\n"


def test_fault_in_the_unit_of_the_worker_stops_neither_process(site: WorkerSite) -> None:
    service, worker = site.main_pid(), site.worker_main()
    variable = f"{site.name.upper().replace('-', '_')}_JOBS_THREADS"
    applied = site.provision(version=NEW, worker={"Environment": f"{variable}=many"})
    assert applied.returncode in (4, 6), said(applied)
    (line,) = [line for line in said(applied).splitlines() if "'many' is not a whole number" in line]
    assert f"Exec[debonair {site.name}: check the worker]/returns" in line
    assert (site.main_pid(), site.worker_main()) == (service, worker)


def test_worker_that_was_stopped_is_started(site: WorkerSite) -> None:
    site.host.run("systemctl", "disable", "--now", site.unit)
    applied = site.apply()
    assert applied.returncode == 2, said(applied)
    site.runs(OLD)


def test_node_without_the_worker(site: WorkerSite) -> None:
    applied = site.provision(worker=False)
    assert applied.returncode == 2, said(applied)
    assert site.state() == "inactive\ndisabled\n"
    assert site.host.http("GET", "/health/ready").status == 200
    assert site.apply().returncode == 0


def test_stopped_service_has_no_worker(site: WorkerSite) -> None:
    applied = site.provision(service_ensure="stopped")
    assert applied.returncode == 2, said(applied)
    assert site.state() == "inactive\ndisabled\n"
    assert site.apply().returncode == 0


def test_absent_service_leaves_nothing_of_the_worker(site: WorkerSite) -> None:
    applied = site.provision(ensure="absent")
    assert applied.returncode == 2, said(applied)
    assert site.host.run("find", "/etc/systemd", "-name", f"*{site.unit}*").stdout == ""
    units = site.host.run(f"systemctl list-units --all --plain --no-legend '{site.name}*'").stdout
    assert units == ""
    again = site.apply()
    assert again.returncode == 0, said(again)
