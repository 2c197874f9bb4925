"""``serve --check``: a fault that would stop the service after a restart is one line before it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.chassis.program import Program, with_migration
from tests.chassis.serving import Served

APPLICATION = """
import debonair

def create_app(settings):
    app = debonair.create_app(__name__, settings)
    {step}
    return app

def fail(*arguments):
    raise {error}
"""

UNDESCRIBED = """
import debonair
from marshmallow import Schema, fields

class Order(Schema):
    item = fields.Nested("NoSuchSchema")

orders = debonair.Blueprint("orders", __name__)

@orders.get("/order")
@orders.response(200, Order)
def order():
    return {}

def create_app(settings):
    app = debonair.create_app(__name__, settings)
    app.register_blueprint(orders)
    return app
"""


@pytest.fixture
def free_port() -> str:
    """Return the option for a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return f"server.port={port}"


def test_each_health_check_is_reported(command: Program, free_port: str) -> None:
    ran = command("-s", free_port, "serve", "--check")
    assert (ran.returncode, ran.stdout) == (0, "database: up\ndisk: up\norders 0+unknown is fit to serve.\n")


def test_service_that_would_not_be_ready_names_the_failed_checks(command: Program, free_port: str) -> None:
    with_migration(command.package)
    line = command.refused("-s", free_port, "serve", "--check")
    assert "migrations: the database is at no revision, behind the head revision 0001" in line


@pytest.mark.parametrize(
    ("step", "error", "reason"),
    [
        ("app.before_request(fail)", "RuntimeError('cannot\\nserve')", "RuntimeError: cannot serve ("),
        ("app.wsgi_app = fail", "KeyError('stock')", "KeyError: 'stock' ("),
    ],
    ids=["hook", "middleware"],
)
def test_application_that_fails_when_it_serves_is_found(
    command: Program, free_port: str, step: str, error: str, reason: str
) -> None:
    (command.package / "application.py").write_text(APPLICATION.format(step=step, error=error))
    line = command.refused("-s", free_port, "serve", "--check")
    assert f"error: GET /health/live fails: {reason}" in line
    assert "application.py:" in line


def test_schema_that_cannot_be_described_is_found(command: Program, free_port: str) -> None:
    (command.package / "application.py").write_text(UNDESCRIBED)
    assert "error: the OpenAPI document cannot be made: " in command.refused(
        "-s", free_port, "serve", "--check"
    )


def test_log_file_in_a_directory_that_cannot_be_made_is_found(command: Program, free_port: str) -> None:
    line = command.refused("-s", free_port, "-s", "log.file=/proc/missing/orders.log", "serve", "--check")
    assert "[log] file /proc/missing/orders.log cannot be written" in line


def test_log_file_that_is_a_directory_is_found(command: Program, free_port: str, tmp_path: Path) -> None:
    line = command.refused("-s", free_port, "-s", f"log.file={tmp_path}", "serve", "--check")
    assert "is a directory" in line


def test_log_file_is_not_created(command: Program, free_port: str, tmp_path: Path) -> None:
    ran = command("-s", free_port, "-s", f"log.file={tmp_path}/logs/orders.log", "serve", "--check")
    assert ran.returncode == 0, ran.stderr
    assert not (tmp_path / "logs").exists()


def test_address_in_use_is_found(command: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = command.refused("-s", f"server.port={port}", "serve", "--check")
    assert f"127.0.0.1:{port} is in use" in line


def test_address_of_the_running_service_is_its_own(served: Served) -> None:
    ran = served.command("serve", "--check")
    assert ran.returncode == 0, ran.stderr


def test_database_of_another_version_is_a_warning_with_two_ways_out(command: Program, free_port: str) -> None:
    with_migration(command.package)
    assert command("db", "upgrade").returncode == 0
    migration = command.package / "migrations" / "versions" / "0001.py"
    migration.write_text(migration.read_text().replace("'0001'", "'0000'"))
    assert command("db", "check").returncode == 3
    ran = command("-s", free_port, "serve", "--check")
    assert ran.returncode == 0, ran.stderr
    (line,) = ran.stderr.splitlines()
    assert "at revision 0001, which this version does not know: another version made it" in line
    assert "install the other version again; or run 'db downgrade' with the other version" in line


# -- jobs ------------------------------------------------------------------------------------------

JOB = """
import debonair

@debonair.job
def tidy() -> None:
    pass
"""


@pytest.fixture
def with_jobs(command: Program, free_port: str) -> Program:
    """The service, whose jobs have their tables."""
    (command.package / "jobs.py").write_text(JOB)
    assert command("db", "upgrade").returncode == 0
    return command


def test_worker_of_a_service_with_jobs_is_checked_too(with_jobs: Program, free_port: str) -> None:
    ran = with_jobs("-s", free_port, "serve", "--check")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "orders 0+unknown is fit to serve."), ran
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for check in ("serve", "worker"):
            line = with_jobs("-s", free_port, "-s", f"jobs.listen={address}", check, "--check").stderr
            assert f"{address} is in use" in line


def test_worker_alone_is_checked(with_jobs: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = with_jobs("-s", f"server.port={taken.getsockname()[1]}", "worker", "--check")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "orders 0+unknown is fit to run jobs."), ran


def test_log_file_of_the_worker_is_tried(with_jobs: Program, free_port: str, tmp_path: Path) -> None:
    (tmp_path / "orders-worker.log").mkdir()
    log = f"log.file={tmp_path}/orders.log"
    line = with_jobs.refused("-s", free_port, "-s", log, "serve", "--check")
    assert f"{tmp_path}/orders-worker.log cannot be written: is a directory" in line


def test_jobs_that_cannot_be_imported_are_found(with_jobs: Program, free_port: str) -> None:
    (with_jobs.package / "jobs.py").write_text("import missing_library\n")
    line = with_jobs.refused("-s", free_port, "serve", "--check")
    assert line == "error: orders.jobs cannot be imported: No module named 'missing_library'"


def test_job_that_no_worker_would_run_is_found(command: Program, free_port: str) -> None:
    (command.package / "tasks.py").write_text(JOB)
    application = APPLICATION.format(step="import orders.tasks", error="None")
    (command.package / "application.py").write_text(application)
    line = command.refused("-s", free_port, "serve", "--check")
    assert "the job 'tidy' is declared in orders.tasks, and no worker would run it" in line
    assert "declare jobs in the module orders.jobs" in line
