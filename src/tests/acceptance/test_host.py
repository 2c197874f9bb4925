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
        self.base: dict[str, object] = {
            "version": package.version,
            "port": 5000,
            "config": {"log": {"level": "INFO"}, "server": {"workers": 2}},
        }
        self._applied: tuple[object, object] = (None, None)

    def with_base(self, parameters: Mapping[str, object]) -> dict[str, object]:
        """Return the parameters as at first, but for ``parameters``; a socket takes the port's place."""
        base = {key: value for key, value in self.base.items() if key != "port" or "socket" not in parameters}
        return {**base, **parameters}

    def provision(
        self,
        secrets: Mapping[str, object] | None = None,
        others: Mapping[str, object] | None = None,
        **parameters: object,
    ) -> Applied:
        """Provision the service as at first, but for ``parameters``; and ``others`` beside it."""
        services = {self.name: self.with_base(parameters), **(others or {})}
        self._applied = services, secrets
        kept = {self.name: secrets} if secrets else {}
        data = {"debonair::services": services, "debonair::secrets": kept}
        return self.surroundings.provision(self.host, data)

    def ensure(self, **parameters: Any) -> None:
        """Provision with ``parameters``, unless that is what the last run was for."""
        if self._applied != ({self.name: self.with_base(parameters)}, None):
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


def test_nginx_serves_the_outside_but_not_the_metrics_and_probes(adorned: Site) -> None:
    outside = f"http://{adorned.host.address}"
    assert adorned.host.http("POST", "/checkin/ada", base=outside).status == 200
    private = ("/metrics", "/health/live", "/health/ready")
    assert [adorned.host.http("GET", path, base=outside).status for path in private] == [403] * 3
    inside = "http://127.0.0.1"
    assert [adorned.host.http("GET", path, base=inside).status for path in private] == [200] * 3


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
    plain = adorned.provision()
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
    applied = site.provision(others={"twin": {"port": 5000}})
    assert applied.returncode == 1
    assert "port 5000" in said(applied)
    assert "twin" in said(applied)


def test_port_that_is_missing_in_hiera_is_asked_for(site: Site) -> None:
    applied = site.provision(port=None)
    assert applied.returncode == 1
    assert f"/usr/share/{site.name}/facts.json" in said(applied)


def nginx_starts(site: Site) -> bool:
    """Return whether nginx can be restarted and serves the site that another module has enabled."""
    restart = "systemctl restart nginx && curl --fail --silent --show-error http://127.0.0.1:8081/"
    return site.host.run(restart, check=False).stdout == "other"


def make_certificate(site: Site, certificate: str, key: str) -> None:
    """Write a certificate that is signed with its own key."""
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=shop.test"]
    site.host.run(*request, "-out", certificate, "-keyout", key)


@pytest.fixture
def other_site(site: Site) -> Iterator[Site]:
    file = "/etc/nginx/sites-enabled/other"
    site.host.write(file, "server { listen 8081; return 200 other; }\n")
    yield site
    site.host.run("rm", file)


def test_site_without_certificate_is_not_enabled_and_recovers(other_site: Site) -> None:
    site, certificate, key = other_site, "/etc/ssl/test.pem", "/etc/ssl/private/test.key"
    tls = {"server_name": ["shop.test"], "tls": {"certificate": certificate, "key": key}}
    applied = site.provision(nginx=tls)
    assert applied.returncode == 6, said(applied)
    (fault,) = [line for line in said(applied).splitlines() if certificate in line]
    assert f"nginx refuses the site of {site.name}; the site is disabled: cannot load certificate" in fault
    assert not site.exists(f"/etc/nginx/sites-enabled/{site.name}")
    assert nginx_starts(site)

    corrected = site.provision(nginx={"server_name": ["shop.test"]})
    assert corrected.returncode == 2, said(corrected)
    again = site.provision(nginx=tls)
    assert again.returncode in (4, 6), said(again)
    assert "the previous site stays" in said(again)
    assert nginx_starts(site)
    shop = {"Host": "shop.test"}
    assert site.host.http("POST", "/checkin/ada", headers=shop, base="http://127.0.0.1").status == 200

    request = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=shop.test -out {certificate} -keyout {key}"
    )
    site.host.run(request)
    healed = site.apply()
    assert healed.returncode == 2, said(healed)
    curl = (
        "curl --insecure --silent --output /dev/null --write-out %{http_code} https://127.0.0.1/health/live"
    )
    assert site.host.run(curl).stdout == "200"
    assert site.apply().returncode == 0


def test_certificate_that_is_lost_does_not_keep_nginx_from_starting(other_site: Site) -> None:
    site, certificate, key = other_site, "/etc/ssl/lost.pem", "/etc/ssl/private/lost.key"
    make_certificate(site, certificate, key)
    tls = {"server_name": ["shop.test"], "tls": {"certificate": certificate, "key": key}}
    assert site.provision(nginx=tls).returncode == 2
    site.host.run(f"rm {certificate}; systemctl stop nginx")
    assert not nginx_starts(site)
    applied = site.apply()
    assert applied.returncode in (4, 6), said(applied)
    assert nginx_starts(site)
    site.host.run("systemctl stop nginx")
    corrected = site.provision(nginx={"server_name": ["shop.test"]})
    assert corrected.returncode == 2, said(corrected)
    assert site.host.run("systemctl", "is-active", "nginx").stdout == "active\n"


def test_run_after_a_reboot_does_not_reload_nginx(adorned: Site) -> None:
    # A reboot empties /run and starts nginx.
    adorned.host.run("rm /run/nginx-loaded-by-debonair; systemctl restart nginx")
    applied = adorned.apply()
    assert applied.returncode == 0, said(applied)


def test_faulty_timer_fails_alone(site: Site) -> None:
    look = {"command": ["check-config"], "on_calendar": "daily"}
    faulty = {"command": ["check-config"], "on_calendar": "Mun 25:00"}
    applied = site.provision(nginx=True, timers={"faulty": faulty, "look": look})
    assert applied.returncode == 6, said(applied)
    assert "Mun 25:00" in said(applied)
    assert site.host.run("systemctl", "is-active", f"{site.name}-look.timer").stdout == "active\n"
    assert site.host.http("POST", "/checkin/ada", base="http://127.0.0.1").status == 200

    corrected = site.provision(nginx=True, timers={"look": {**look, "on_calendar": "Mon 05:00"}})
    assert corrected.returncode == 2, said(corrected)
    worse = site.provision(nginx=True, timers={"look": faulty})
    assert worse.returncode in (4, 6), said(worse)
    shown = site.host.run("systemctl", "show", "-p", "TimersCalendar", f"{site.name}-look.timer").stdout
    assert "Mon *-*-* 05:00:00" in shown


def test_command_of_a_timer_has_the_sandbox_of_the_service(site: Site) -> None:
    timers = {"look": {"command": ["check-config"], "on_calendar": "daily"}}
    applied = site.provision(sandbox={"Nice": 5, "TimeoutStartSec": 60}, timers=timers)
    assert applied.returncode == 2, said(applied)
    command = f"{site.name}-look.service"
    assert site.host.run("systemctl", "show", "-p", "Nice", command).stdout == "Nice=5\n"
    names = (
        "CapabilityBoundingSet MemoryDenyWriteExecute ProtectProc RestrictNamespaces SystemCallFilter UMask"
    )
    show = ["systemctl", "show", *(f"--property={name}" for name in names.split())]
    assert site.host.run(*show, command).stdout == site.host.run(*show, f"{site.name}.service").stdout
    site.host.run("systemctl", "start", command)


def test_unreachable_repository_stops_only_what_needs_a_package(site: Site) -> None:
    directory = site.surroundings.repository.directory
    away = directory.with_name("away")
    directory.rename(away)
    site.host.run("rm /var/lib/apt/periodic/debonair-update-success-stamp")
    try:
        applied = site.provision(config={"log": {"level": "DEBUG"}}, nginx=True)
        assert applied.returncode == 6, said(applied)
        assert "returns: E: " in said(applied)
        assert "Skipping" not in said(applied)
        assert "level = DEBUG\n" in site.host.run("cat", site.config).stdout
        assert site.host.run(site.name, "running", check=False).returncode == 0
    finally:
        away.rename(directory)
    healed = site.apply()
    assert healed.returncode == 2, said(healed)
    assert site.apply().returncode == 0


def test_upgrade_by_hand_keeps_the_version_in_hiera(site: Site, tmp_path: Path) -> None:
    original = next(site.surroundings.repository.directory.glob(f"pool/{site.name}_*.deb"))
    version = f"{site.package.version}+newer"
    newer = site.surroundings.repository.publish(
        repack(original, tmp_path / "newer.deb", version, lambda tree: None)
    )
    try:
        upgrade = site.host.run("apt-get update -qq && apt-get --simulate upgrade").stdout
        assert f"Inst {site.name}" not in upgrade
        assert site.provision(version="present").returncode == 2
        assert f"Inst {site.name}" in site.host.run("apt-get --simulate upgrade").stdout
    finally:
        site.surroundings.repository.withdraw(newer)
        site.host.run("apt-get update -qq")


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
    assert site.provision(nginx=True, timers=OPTIONS["timers"]).returncode == 2
    applied = site.provision(ensure="absent")
    assert applied.returncode == 2, said(applied)
    name = site.name
    gone = [f"/usr/bin/{name}", f"/opt/venvs/{name}", f"/etc/{name}"]
    gone += [f"/etc/systemd/system/{name}.{unit}.d" for unit in ("socket", "service")]
    gone += [f"/etc/nginx/sites-{kind}/{name}" for kind in ("available", "enabled")]
    gone += [f"/etc/systemd/system/{name}-look.timer", f"/etc/apt/preferences.d/debonair-{name}"]
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
