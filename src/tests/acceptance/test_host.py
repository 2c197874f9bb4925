"""The whole way on a real Debian: apt repository, r10k, Puppet, a service that answers.

Each test says what it wants in Hiera, deploys and applies. One that needs the service as it is at
first takes the fixture ``site``, which brings it back there when another test has changed it.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.host import Host
from tests.acceptance.provision import Surroundings
from tests.acceptance.repository import Package, repack

pytestmark = pytest.mark.acceptance

OPTIONS: dict[str, object] = {
    "socket": "/run/example-service/http.sock",
    "nginx": {"server_name": ["_"], "max_body": "2m"},
    "sandbox": {"Nice": 5},
    "timers": {"look": {"command": ["check-config"], "on_calendar": "daily"}},
}

Applied = subprocess.CompletedProcess[str]


class Site:
    """A host with the service of one package on it, and the surroundings that provision it."""

    def __init__(self, host: Host, surroundings: Surroundings, package: Package) -> None:
        self.host = host
        self.surroundings = surroundings
        self.package = package
        self.name = package.name
        self.config = f"/etc/{self.name}/config.ini"
        self.base = {
            "version": package.version,
            "config": {"log": {"level": "INFO"}, "server": {"workers": 2}},
        }
        self._applied: tuple[object, object] = (None, None)

    def provision(
        self,
        secrets: Mapping[str, object] | None = None,
        others: Mapping[str, object] | None = None,
        **parameters: object,
    ) -> Applied:
        """Provision the service as at first, but for ``parameters``; and ``others`` beside it."""
        services = {self.name: {**self.base, **parameters}, **(others or {})}
        self._applied = services, secrets
        kept = {self.name: secrets} if secrets else {}
        data = {"debonair::services": services, "debonair::secrets": kept}
        return self.surroundings.provision(self.host, data)

    def ensure(self, **parameters: Any) -> None:
        """Provision with ``parameters``, unless that is what the last run was for."""
        if self._applied != ({self.name: {**self.base, **parameters}}, None):
            changed = self.provision(**parameters)
            assert changed.returncode in (0, 2), said(changed)

    def apply(self) -> Applied:
        """Apply again what is deployed."""
        return self.surroundings.apply(self.host)

    def started(self) -> dict[str, object]:
        """Return what the running process wrote when it started."""
        return json.loads(self.host.run("cat", f"/run/{self.name}/started").stdout)  # type: ignore[no-any-return]

    def main_pid(self) -> str:
        """Return the number of the service's process."""
        show = self.host.run("systemctl", "show", "-p", "MainPID", "--value", self.name)
        return show.stdout.strip()

    def owner(self, path: str) -> str:
        """Return owner, group and mode of a path, as ``root:root 755``."""
        return self.host.run("stat", "-c", "%U:%G %a", path).stdout.strip()

    def exists(self, path: str) -> bool:
        """Return whether there is such a path on the host."""
        return self.host.run("test", "-e", path, check=False).returncode == 0


def said(applied: Applied) -> str:
    """Return all that Puppet said."""
    return applied.stdout + applied.stderr


@pytest.fixture(scope="module")
def fresh(deb: Path, release: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    surroundings = Surroundings(tmp_path_factory.mktemp("acceptance") / "surroundings")
    package = surroundings.repository.publish(deb)
    with Host("test-host", release, surroundings.binds, say=print) as host:
        yield Site(host, surroundings, package)


@pytest.fixture(scope="module")
def first_run(fresh: Site) -> Applied:
    return fresh.provision()


@pytest.fixture
def site(fresh: Site, first_run: Applied) -> Site:
    fresh.ensure()
    return fresh


@pytest.fixture
def adorned(fresh: Site, first_run: Applied) -> Site:
    """The service with every option: Unix socket, nginx, timer, tighter sandbox."""
    fresh.ensure(**OPTIONS)
    return fresh


def test_first_run_changes_and_second_run_does_not(fresh: Site, first_run: Applied) -> None:
    assert first_run.returncode == 2, said(first_run)
    second = fresh.apply()
    assert second.returncode == 0, said(second)


def test_units_are_active_and_enabled(site: Site) -> None:
    for unit in (f"{site.name}.service", f"{site.name}.socket"):
        assert site.host.run("systemctl", "is-active", unit).stdout == "active\n"
        assert site.host.run("systemctl", "is-enabled", unit).stdout == "enabled\n"


def test_paths_have_their_owners_and_modes(site: Site) -> None:
    name = site.name
    assert site.owner(f"/etc/{name}") == f"root:{name} 750"
    assert site.owner(site.config) == f"root:{name} 640"
    assert site.owner(f"/usr/bin/{name}").startswith("root:root ")
    for directory in (f"/var/lib/{name}", f"/var/log/{name}", f"/run/{name}"):
        owner, mode = site.owner(directory).split()
        assert owner == f"{name}:{name}", directory
        assert mode[-1] in "05", f"{directory} is writable for everybody: {mode}"


def test_service_runs_as_its_own_user(site: Site) -> None:
    user = site.host.run("ps", "-o", "user:40=", "-p", site.main_pid()).stdout.strip()
    assert user == site.name


def test_post_then_get_over_http(site: Site) -> None:
    posted = site.host.http("POST", "/checkin/ada")
    assert (posted.status, posted.json()) == (200, {"success": True, "user": "ada"})
    seen = site.host.http("GET", "/last-seen/ada")
    today = site.host.run("date", "+%F").stdout.strip()
    assert (seen.status, seen.json()) == (200, {"user": "ada", "date": today})
    assert site.host.http("GET", "/last-seen/nobody").status == 404


def test_ready_says_the_version_of_the_package(site: Site) -> None:
    ready = site.host.http("GET", "/health/ready")
    assert ready.status == 200, ready.body
    upstream, _, _ = site.package.version.rpartition("-")
    version = ready.json()["version"]  # type: ignore[index]
    assert version in (site.package.version, upstream)


def test_changed_value_reaches_file_and_process(site: Site) -> None:
    before, pid = site.started(), site.main_pid()
    applied = site.provision(config={"log": {"level": "DEBUG"}, "server": {"workers": 1}})
    assert applied.returncode == 2, said(applied)
    assert "level = DEBUG\n" in site.host.run("cat", site.config).stdout
    assert site.started()["digest"] != before["digest"]
    assert site.main_pid() != pid
    assert site.host.run(site.name, "running", check=False).returncode == 0
    assert site.apply().returncode == 0


def test_bad_value_leaves_the_old_file_and_process(site: Site) -> None:
    file, pid = site.host.run("cat", site.config).stdout, site.main_pid()
    applied = site.provision(config={"log": {"level": "INFO"}, "server": {"workers": "many"}})
    assert applied.returncode in (4, 6), said(applied)
    lines = file.splitlines()  # the refused file has the same ones, but for the value
    number = next(at for at, line in enumerate(lines, 1) if line.startswith("workers ="))
    assert f"{site.config}:{number}: workers: 'many'" in said(applied)
    assert site.host.run("cat", site.config).stdout == file
    assert site.main_pid() == pid
    assert site.host.http("GET", "/health/ready").status == 200


def test_misspelt_key_is_named_and_changes_nothing(site: Site) -> None:
    pid = site.main_pid()
    applied = site.provision(config={"server": {"wrokers": 2}})
    assert applied.returncode in (4, 6), said(applied)
    assert "wrokers" in said(applied)
    assert site.main_pid() == pid


def test_secret_is_in_the_file_and_not_in_the_report(site: Site) -> None:
    uri = f"sqlite:////var/lib/{site.name}/pa$word.db"
    applied = site.provision(secrets={"database": {"uri": uri}})
    assert applied.returncode == 2, said(applied)
    assert uri.replace("$", "$$") in site.host.run("cat", site.config).stdout
    assert "pa$" not in said(applied)
    assert site.exists(f"/var/lib/{site.name}/pa$word.db")


def test_lost_step_is_made_up_for(site: Site) -> None:
    """No step hangs on what this run changed: whatever is missing on the host is done."""
    database = f"/var/lib/{site.name}/{site.name}.db"
    site.host.run(f"systemctl stop {site.name}.service; rm {database}")
    applied = site.apply()
    assert applied.returncode == 2, said(applied)
    assert site.host.http("GET", "/health/ready").status == 200


def test_changed_port_moves_the_service(site: Site) -> None:
    applied = site.provision(port=5055)
    assert applied.returncode == 2, said(applied)
    there = "http://127.0.0.1:5055"
    assert site.host.http("GET", "/health/ready", base=there).status == 200
    assert site.host.run("ss -Hltn 'sport = :5000'").stdout == ""
    assert site.apply().returncode == 0


def test_port_in_use_leaves_the_service_where_it_is(site: Site) -> None:
    pid = site.main_pid()
    listen = "python3 -m http.server --bind 127.0.0.1 5066"
    site.host.run(f"systemd-run --quiet --unit=squatter {listen}")
    taken = "ss -Hltn 'sport = :5066' | grep -q ."
    site.host.wait_for(lambda: site.host.run(taken, check=False).returncode == 0, 10, "nobody listens")
    try:
        applied = site.provision(port=5066)
        assert applied.returncode in (4, 6), said(applied)
        assert "port 5066 is in use" in said(applied)
        assert site.main_pid() == pid
        assert site.host.http("GET", "/health/ready").status == 200
    finally:
        site.host.run("systemctl", "stop", "squatter")
    finished = site.apply()
    assert finished.returncode == 2, said(finished)
    there = "http://127.0.0.1:5066"
    assert site.host.http("GET", "/health/ready", base=there).status == 200


def test_options_are_there_after_one_run(adorned: Site) -> None:
    again = adorned.apply()
    assert again.returncode == 0, said(again)


def test_unix_socket_is_open_to_nginx_alone(adorned: Site) -> None:
    assert adorned.owner(str(OPTIONS["socket"])) == f"{adorned.name}:www-data 660"
    assert adorned.host.run("ss -Hltn 'sport = :5000'").stdout == ""


def test_nginx_serves_the_outside_but_not_the_metrics(adorned: Site) -> None:
    outside = f"http://{adorned.host.address}"
    curl = ["curl", "--fail", "--silent", "--show-error", f"{outside}/health/ready"]
    asked = subprocess.run(curl, check=False, capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr
    assert adorned.host.http("GET", "/metrics", base=outside).status == 404


def test_reads_through_nginx_are_answered_though_their_workers_are_killed(adorned: Site) -> None:
    outside = f"http://{adorned.host.address}"
    assert adorned.host.http("POST", "/checkin/ada", base=outside).status == 200
    answers: list[object] = []
    ended = threading.Event()

    def read() -> None:
        connection = http.client.HTTPConnection(adorned.host.address, timeout=60)
        while not ended.is_set():
            try:
                connection.request("GET", "/last-seen/ada")
                answer = connection.getresponse()
                answer.read()
                answers.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                answers.append(error)
                connection.close()

    def workers() -> set[str]:
        return set(adorned.host.run("pgrep", "-P", adorned.main_pid(), check=False).stdout.split())

    def kill_one() -> None:
        answered, before = len(answers), workers()
        adorned.host.wait_for(lambda: len(answers) > answered + 100, 60, "nobody reads")
        adorned.host.run("kill", "-KILL", min(before))
        adorned.host.wait_for(lambda: len(workers() - before) == 1, 60, "the worker is not replaced")

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(5):
            kill_one()
    finally:
        ended.set()
        for reader in readers:
            reader.join()
    assert set(answers) == {200}


def test_sandbox_is_that_of_the_running_process(adorned: Site) -> None:
    nice = adorned.host.run("ps", "-o", "ni=", "-p", adorned.main_pid()).stdout.strip()
    assert nice == "5"


def test_timer_waits_and_its_command_works(adorned: Site) -> None:
    unit = f"{adorned.name}-look"
    assert adorned.host.run("systemctl", "is-active", f"{unit}.timer").stdout == "active\n"
    adorned.host.run("systemctl", "start", f"{unit}.service")


def test_options_go_as_they_came(adorned: Site) -> None:
    timers = {"look": {"ensure": "absent", "command": ["check-config"], "on_calendar": "daily"}}
    plain = adorned.provision(timers=timers)
    assert plain.returncode == 2, said(plain)
    assert adorned.host.http("GET", "/health/ready").status == 200
    nice = adorned.host.run("ps", "-o", "ni=", "-p", adorned.main_pid()).stdout.strip()
    assert nice == "0"
    gone = [f"/etc/systemd/system/{adorned.name}-look.timer", str(OPTIONS["socket"])]
    gone += [f"/etc/nginx/sites-{kind}/{adorned.name}" for kind in ("available", "enabled")]
    assert [path for path in gone if adorned.exists(path)] == []
    again = adorned.apply()
    assert again.returncode == 0, said(again)


def test_stopped_service_stays_stopped(site: Site) -> None:
    applied = site.provision(service_ensure="stopped")
    assert applied.returncode == 2, said(applied)
    for unit in (f"{site.name}.service", f"{site.name}.socket"):
        state = site.host.run("systemctl", "is-active", unit, check=False).stdout
        assert state == "inactive\n"
    assert site.apply().returncode == 0


def test_two_services_on_one_port_are_named_before_anything_is_done(site: Site) -> None:
    applied = site.provision(others={"twin": {}})
    assert applied.returncode == 1
    assert "port 5000" in said(applied)
    assert "twin" in said(applied)


def test_sick_version_leaves_the_old_one_serving(site: Site, tmp_path: Path) -> None:
    pid = site.main_pid()
    version = f"{site.package.version}+sick"
    original = next(site.surroundings.repository.directory.glob(f"pool/{site.name}_*.deb"))
    sick = site.surroundings.repository.publish(
        repack(original, tmp_path / "sick.deb", version, _break(site.name))
    )
    applied = site.provision(version=version)
    assert applied.returncode in (4, 6), said(applied)
    assert site.main_pid() == pid
    assert site.host.http("POST", "/checkin/ada").status == 200

    back = site.provision()
    assert back.returncode == 2, said(back)
    assert site.host.http("GET", "/health/ready").status == 200
    site.surroundings.repository.withdraw(sick)


def _break(name: str) -> Callable[[Path], None]:
    """Return an edit that makes the application of an unpacked package fail at its import."""

    def edit(tree: Path) -> None:
        application = f"opt/venvs/{name}/lib/python3*/site-packages/{name.replace('-', '_')}"
        modules = [*tree.glob(f"{application}/application.py"), *tree.glob(f"usr/bin/{name}")][:1]
        for module in modules:
            text = module.read_text(encoding="utf-8")
            first, _, rest = text.partition("\n")
            sick = "raise SystemExit('this version is sick')"
            kept = f"{first}\n{sick}\n{rest}" if first.startswith("#!") else f"{sick}\n{text}"
            module.write_text(kept, encoding="utf-8")
        for compiled in tree.glob(f"{application}/__pycache__/application.*"):
            compiled.unlink()

    return edit


def test_absent_removes_all_but_data_and_twice_without_a_change(site: Site) -> None:
    assert site.provision(nginx=True).returncode == 2
    applied = site.provision(ensure="absent")
    assert applied.returncode == 2, said(applied)
    name = site.name
    gone = [f"/usr/bin/{name}", f"/opt/venvs/{name}", f"/etc/{name}"]
    gone += [f"/etc/systemd/system/{name}.{unit}.d" for unit in ("socket", "service")]
    gone += [f"/etc/nginx/sites-{kind}/{name}" for kind in ("available", "enabled")]
    assert [path for path in gone if site.exists(path)] == []
    assert site.exists(f"/var/lib/{name}")
    assert site.host.run("ss -Hltn 'sport = :5000'").stdout == ""
    units = site.host.run(f"systemctl list-units --all --plain --no-legend '{name}*'").stdout
    assert units == ""
    again = site.apply()
    assert again.returncode == 0, said(again)


def test_absent_with_purge_data_removes_the_data_as_well(site: Site) -> None:
    applied = site.provision(ensure="absent", purge_data=True)
    assert applied.returncode == 2, said(applied)
    assert not site.exists(f"/var/lib/{site.name}")
    assert not site.exists(f"/var/log/{site.name}")
    again = site.apply()
    assert again.returncode == 0, said(again)
