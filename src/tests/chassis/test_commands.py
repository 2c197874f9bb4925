"""The commands that every service has: output, exit codes, one-line errors."""

from __future__ import annotations

import http.server
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.chassis.program import Program, with_migration
from tests.support import ROOT


def test_missing_package_of_a_setting_is_named(command: Program) -> None:
    line = command.refused("-s", "database.uri=mysql+pymysql://x/y", "routes")
    assert "needs the driver pymysql, which is not installed: install pymysql" in line


def test_example_shows_the_defaults_of_the_package(command: Program) -> None:
    (command.package / "default_config.ini").write_text("[server]\nport = 6000\n")
    assert "\n#port = 6000\n" in command("sample-config").stdout


def test_broken_change_is_shown_until_it_is_fixed(command: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    module = command.package / "application.py"
    good = module.read_text()
    process = subprocess.Popen(
        [sys.executable, command.package / "manage.py", "runserver", "-p", str(port)],
        env={**os.environ, "PYTHONPATH": str(command.package.parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def status() -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)
        except OSError:
            return 0

    def wait_for(wanted: int) -> None:
        limit = time.monotonic() + 30
        while status() != wanted:
            assert process.poll() is None, "runserver has ended"
            assert time.monotonic() < limit
            time.sleep(0.05)

    try:
        wait_for(200)
        module.write_text(good + "\n\nimport no_such_module\n")
        wait_for(500)
        module.write_text(good)
        wait_for(200)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def test_check_config_reports_every_fault_and_exits_with_1(command: Program, tmp_path: Path) -> None:
    file = tmp_path / "any.puppet-temporary"
    file.write_text("[server]\nprot = 80\nworkers = none\n[orders]\npage_size = 0\n")
    ran = command("check-config", str(file))
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        f"{file}:2: unknown key 'prot' in [server]: did you mean 'port'?",
        f"{file}:3: workers: 'none' is not a whole number",
        f"{file}:5: page_size: 0 is less than 1",
    ]
    draft = command("check-config", "--as", "/etc/orders/config.ini", str(file))
    assert draft.stderr.startswith("/etc/orders/config.ini:2: unknown key 'prot'")
    file.write_text("[orders]\npage_size = 5\n")
    assert command("check-config", str(file)).stdout == f"{file} is in order.\n"
    assert command("check-config", "a", "b").returncode == 2


def test_missing_and_unreadable_file_are_one_line(command: Program, tmp_path: Path) -> None:
    missing = tmp_path / "missing.ini"
    for arguments in (["check-config", missing], ["-c", missing, "routes"], ["-c", missing, "serve"]):
        assert command.refused(*map(str, arguments)) == f"{missing}: no such file"
    assert "is a directory" in command.refused("check-config", str(tmp_path))
    assert command.refused("routes", ORDERS_CONFIG=str(missing)) == f"{missing}: no such file"


def test_checking_a_file_imports_no_framework(command: Program) -> None:
    ran = command("check-config", PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "konfig" in imported
    assert not imported & {"sqlalchemy", "alembic", "gunicorn", "prometheus_client", "flask_smorest"}


def test_show_config_has_values_origins_and_no_secrets(command: Program, tmp_path: Path) -> None:
    file = tmp_path / "config.ini"
    file.write_text("[orders]\napi_token = hush\n")
    ran = command("-c", str(file), "-s", "server.port=81", "show-config", ORDERS_SERVER_HOST="0.0.0.0")
    assert "hush" not in ran.stdout
    lines = [" ".join(line.split()) for line in ran.stdout.splitlines()]
    assert f"api_token = ******** # {file}:2" in lines
    assert "port = 81 # command line" in lines
    assert "host = 0.0.0.0 # environment ORDERS_SERVER_HOST" in lines


def test_sample_config_is_a_configuration(command: Program, tmp_path: Path) -> None:
    file = tmp_path / "sample.ini"
    file.write_text(command("sample-config").stdout)
    assert command("check-config", str(file)).returncode == 0


def test_routes_and_document_are_printed(command: Program) -> None:
    assert "/health/ready" in command("routes").stdout
    assert '"openapi": "3.1.0"' in command("openapi").stdout


@pytest.mark.parametrize("options", [[], ["--no-ipython"]], ids=["ipython", "plain"])
def test_shell_has_application_and_database(
    command: Program, package: Path, tmp_path: Path, options: list[str]
) -> None:
    ran = subprocess.run(
        [sys.executable, package / "manage.py", "shell", *options],
        input="print(app.name, db.engine.name)\nprint('get_ipython' in globals())\n",
        env={**os.environ, "PYTHONPATH": str(package.parent), "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "orders sqlite" in ran.stdout
    assert ("False" if options else "True") in ran.stdout
    assert re.search(
        r"^orders .*: app, db and the models are at hand\.$", f"{ran.stdout}\n{ran.stderr}", re.MULTILINE
    )


def test_drain_is_refused_where_it_cannot_be_kept(command: Program) -> None:
    pytest.importorskip("gevent", reason="gevent is missing: pip install -e '.[servers]'")
    wanted = ["-s", "server.worker_class=gevent", "-s", "server.drain=2s"]
    assert "drain does not work with worker_class gevent" in command.refused(*wanted, "serve")
    assert "drain does not work with worker_class gevent" in command.refused(*wanted, "serve", "--check")


def test_address_in_use_is_one_line(command: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for arguments in (["runserver", "-p", port], ["-s", f"server.port={port}", "serve"]):
            assert f"127.0.0.1:{port} is in use" in command.refused(*arguments)


def test_runserver_refuses_in_production(command: Program) -> None:
    line = command.refused("-s", "service.environment=production", "runserver")
    assert "runserver is for development" in line and "use serve" in line


def test_runserver_refuses_in_production_whatever_the_environment_says(command: Program) -> None:
    pretended = {"WERKZEUG_RUN_MAIN": "true", "RUNSERVER_ADDRESS": "127.0.0.1:0"}
    assert "use serve" in command.refused("-s", "service.environment=production", "runserver", **pretended)


def with_model(package: Path, column: str = "") -> None:
    """Give the service ``orders`` a model with a table ``note``, and the column given."""
    application = package / "application.py"
    text = application.read_text().partition("\n\n# Models\n")[0]
    model = f"    id = sa.Column(sa.Integer, primary_key=True)\n    {column}\n"
    model = f"import sqlalchemy as sa\n\n\nclass Note(debonair.db.Model):\n{model}"
    application.write_text(f"{text}\n\n# Models\n{model}")


def test_model_without_a_migration_is_reported_in_development(command: Program) -> None:
    with_migration(command.package)
    template = ROOT / "{{cookiecutter.project_slug}}" / "src" / "{{cookiecutter.__package_name}}"
    shutil.copy(template / "migrations" / "script.py.mako", command.package / "migrations")
    with_model(command.package)
    assert command("db", "upgrade").returncode == 0
    remedy = "run 'db migrate', then 'db upgrade'"
    checked = command("serve", "--check")
    assert checked.returncode == 0
    assert f"warning: models and migrations differ (note): {remedy}\n" in checked.stdout
    assert command("db", "migrate", "-m", "Notes").returncode == 0
    assert command("db", "upgrade").returncode == 0
    assert "warning" not in command("serve", "--check").stdout
    with_model(command.package, "text = sa.Column(sa.String(20))")
    assert f"differ (note): {remedy}" in command("serve", "--check").stdout


def test_development_server_reports_a_model_without_a_migration(command: Program, tmp_path: Path) -> None:
    with_migration(command.package)
    with_model(command.package)
    assert command("db", "upgrade").returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    log = tmp_path / "runserver.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, command.package / "manage.py", "runserver", "-p", port],
            env={**os.environ, "PYTHONPATH": str(command.package.parent)},
            stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        limit = time.monotonic() + 30
        # The reloader's child warns before it prints this, and its parent does not warn.
        while "Debugger is active" not in log.read_text():
            assert process.poll() is None and time.monotonic() < limit, log.read_text()
            time.sleep(0.05)
        assert log.read_text().count("warning: models and migrations differ (note)") == 1
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def test_database_that_cannot_be_opened_is_one_line(command: Program, tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"garbage" * 1000)
    with_migration(command.package)
    line = command.refused("-s", f"database.uri=sqlite:///{tmp_path}/bad.db", "db", "check")
    assert "file is not a database" in line
    assert "database" in command.refused("-s", "database.uri=nonsense", "routes")
    assert "did you mean 'oracle'" in command.refused("-s", "database.uri=oracal://x/y", "routes")


def test_database_behind_the_migrations_is_not_served(command: Program, tmp_path: Path) -> None:
    with_migration(command.package)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    for arguments in (["runserver", "-p", port], ["-s", f"server.port={port}", "serve"]):
        assert "run 'db upgrade' first" in command.refused(*arguments)
    assert command("db", "check").returncode == 1
    assert "run 'db upgrade'" not in command("db", "upgrade").stderr
    assert command("db", "check").returncode == 0


def test_service_that_does_not_run_is_neither_running_nor_healthy(command: Program) -> None:
    ran = command("running")
    assert (ran.returncode, ran.stdout) == (1, "orders is not running.\n")
    assert "does not respond: connection refused" in command.refused("-s", "server.port=1", "health")


def test_report_of_another_program_cannot_control_the_terminal(command: Program) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(b"\x1b]0;owned\x07\xff not ready\n")

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        ran = command("-s", f"server.port={server.server_address[1]}", "health")
        thread.join()
    assert ran.returncode == 1
    assert ran.stdout == "\ufffd]0;owned\ufffd\ufffd not ready\n"
