"""The commands, as a developer, a Jenkins job and Puppet run them: output, exit codes, one-line errors."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest


class Command:
    """Runs the commands of the service ``orders`` in processes of their own."""

    def __init__(self, package: Path) -> None:
        self.package = package
        (package / "manage.py").write_text(
            "import debonair\n\nmanager = debonair.Manager('orders')\n\n\n"
            "@manager.command\n"
            "def greet(name, shout=False):\n"
            "    'Greet somebody.'\n"
            "    print(name.upper() if shout else name)\n\n\n"
            "@manager.command\n"
            "def count_to(number: int, by: int = 1):\n"
            "    'Count.'\n"
            "    print(number + by)\n\n\n"
            "@manager.command\n"
            "def fail():\n"
            "    'Fail in a way that the user can mend.'\n"
            "    raise debonair.CommandError('the stock is empty: order more')\n\n\n"
            "if __name__ == '__main__':\n"
            "    manager.run()\n"
        )

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, self.package / "manage.py", *arguments],
            env={**os.environ, "PYTHONPATH": str(self.package.parent), **environment},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def refused(self, *arguments: str, code: int = 1, **environment: str) -> str:
        """Run a command that must fail with one line on standard error, and return the line."""
        ran = self(*arguments, **environment)
        assert ran.returncode == code, ran
        assert "Traceback" not in ran.stderr
        lines = ran.stderr.splitlines()
        assert len(lines) == 1, ran.stderr
        return lines[0]


@pytest.fixture
def command(package: Path) -> Command:
    return Command(package)


def test_help_lists_every_command(command: Command) -> None:
    ran = command("--help")
    assert ran.returncode == 0
    for name in ("runserver", "serve", "shell", "routes", "openapi", "db", "check-config", "show-config",
                 "sample-config", "running", "health", "greet"):  # fmt: skip
        assert f"\n    {name}" in ran.stdout


def test_own_command_takes_arguments_and_options(command: Command) -> None:
    assert command("greet", "ann").stdout == "ann\n"
    assert command("greet", "ann", "--shout").stdout == "ANN\n"


def test_annotations_of_an_own_command_are_types(command: Command) -> None:
    assert command("count-to", "5").stdout == "6\n"
    assert command("count-to", "5", "--by", "2").stdout == "7\n"
    assert "invalid int value: 'many'" in command.refused("count-to", "many", code=2)


def test_full_disk_under_the_output_is_one_line(command: Command) -> None:
    ran = subprocess.run(
        ["bash", "-c", f"{sys.executable} {command.package / 'manage.py'} sample-config > /dev/full"],
        env={**os.environ, "PYTHONPATH": str(command.package.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert "no space left on device" in ran.stderr.lower()


def test_what_is_missing_for_a_setting_is_named(command: Command) -> None:
    line = command.refused("-s", "database.uri=mysql+pymysql://x/y", "routes")
    assert "[database] uri needs the package pymysql" in line


def test_example_shows_the_defaults_of_the_package(command: Command) -> None:
    (command.package / "default_config.ini").write_text("[server]\nport = 6000\n")
    assert "\n#port = 6000\n" in command("sample-config").stdout


def test_broken_change_is_shown_until_it_is_mended(command: Command) -> None:
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


def test_error_of_an_own_command_is_one_line(command: Command) -> None:
    assert command.refused("fail") == "error: the stock is empty: order more"


def test_unknown_command_names_the_nearest_known_one(command: Command) -> None:
    assert "there is no command 'runsever': did you mean 'runserver'?" in command.refused("runsever", code=2)


def test_bad_options_are_usage_errors(command: Command) -> None:
    assert "there is no option '--nope'" in command.refused("running", "--nope", code=2)
    line = command.refused("runserver", "--prot", "5", code=2)
    assert "there is no option '--prot': did you mean '--port'?" in line
    assert "there is no option '--bogus'" in command.refused("--bogus", code=2)
    assert "'extra' is one argument too many" in command.refused("routes", "extra", code=2)
    for late in (["--set", "server.port=7000"], ["--config=x.ini"]):
        assert f"{late[0]} stands before the command" in command.refused("routes", *late, code=2)
    assert "port 99999 is more than 65535" in command.refused("runserver", "-p", "99999")
    assert "'upgarde': did you mean 'upgrade'?" in command.refused("db", "upgarde", code=2)
    assert "--port" in command.refused("runserver", "--port", "many", code=2)
    assert "there is no command 'nope'" in command.refused("db", "nope", code=2)
    assert "No such option '--nope'" in command.refused("db", "check", "--nope", code=2)


def test_version_is_told(command: Command) -> None:
    assert command("--version").stdout == "orders 0+unknown\n"


def test_check_config_tells_every_fault_and_exits_with_1(command: Command, tmp_path: Path) -> None:
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


def test_missing_and_unreadable_file_are_one_line(command: Command, tmp_path: Path) -> None:
    missing = tmp_path / "missing.ini"
    for arguments in (["check-config", missing], ["-c", missing, "routes"], ["-c", missing, "serve"]):
        assert command.refused(*map(str, arguments)) == f"{missing}: no such file"
    assert "is a directory" in command.refused("check-config", str(tmp_path))
    assert command.refused("routes", ORDERS_CONFIG=str(missing)) == f"{missing}: no such file"


def test_checking_a_file_imports_no_framework(command: Command) -> None:
    ran = command("check-config", PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "konfig" in imported
    assert not imported & {"sqlalchemy", "alembic", "gunicorn", "prometheus_client", "flask_smorest"}


def test_show_config_has_values_origins_and_no_secrets(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "config.ini"
    file.write_text("[orders]\napi_token = hush\n")
    ran = command("-c", str(file), "-s", "server.port=81", "show-config", ORDERS_SERVER_HOST="0.0.0.0")
    assert "hush" not in ran.stdout
    lines = [" ".join(line.split()) for line in ran.stdout.splitlines()]
    assert f"api_token = ******** # {file}:2" in lines
    assert "port = 81 # command line" in lines
    assert "host = 0.0.0.0 # environment ORDERS_SERVER_HOST" in lines


def test_sample_config_is_a_configuration(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "sample.ini"
    file.write_text(command("sample-config").stdout)
    assert command("check-config", str(file)).returncode == 0


def test_routes_and_document_are_printed(command: Command) -> None:
    assert "/health/ready" in command("routes").stdout
    assert '"openapi": "3.1.0"' in command("openapi").stdout


@pytest.mark.parametrize("options", [[], ["--no-ipython"]], ids=["ipython", "plain"])
def test_shell_has_application_and_database_at_hand(
    command: Command, package: Path, tmp_path: Path, options: list[str]
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


def test_drain_is_refused_where_it_cannot_be_kept(command: Command) -> None:
    pytest.importorskip("gevent", reason="gevent is missing: pip install -e '.[servers]'")
    wanted = ["-s", "server.worker_class=gevent", "-s", "server.drain=2s"]
    assert "drain does not work with worker_class gevent" in command.refused(*wanted, "serve")
    assert "drain does not work with worker_class gevent" in command.refused(*wanted, "serve", "--check")


def test_address_in_use_is_one_line(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for arguments in (["runserver", "-p", port], ["-s", f"server.port={port}", "serve"]):
            assert f"127.0.0.1:{port} is in use" in command.refused(*arguments)


def test_runserver_refuses_in_production(command: Command) -> None:
    line = command.refused("-s", "service.environment=production", "runserver")
    assert "runserver is for development" in line and "use serve" in line


def test_database_that_cannot_be_opened_is_one_line(command: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"garbage" * 1000)
    versions = command.package / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001.py").write_text("revision, down_revision = '0001', None\n")
    line = command.refused("-s", f"database.uri=sqlite:///{tmp_path}/bad.db", "db", "check")
    assert "file is not a database" in line
    assert "database" in command.refused("-s", "database.uri=nonsense", "routes")
    assert "cannot be used" in command.refused("-s", "database.uri=oracal://x/y", "routes")


def test_database_behind_the_migrations_is_not_served(command: Command, tmp_path: Path) -> None:
    versions = command.package / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001.py").write_text(
        "revision, down_revision = '0001', None\ndef upgrade(): pass\ndef downgrade(): pass\n"
    )
    (versions.parent / "env.py").write_text("from debonair.database.migrations import run\n\nrun()\n")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    for arguments in (["runserver", "-p", port], ["-s", f"server.port={port}", "serve"]):
        assert "run 'db upgrade' first" in command.refused(*arguments)
    assert command("db", "check").returncode == 1
    assert "run 'db upgrade'" not in command("db", "upgrade").stderr
    assert command("db", "check").returncode == 0


def test_service_that_does_not_run_is_neither_running_nor_healthy(command: Command) -> None:
    ran = command("running")
    assert (ran.returncode, ran.stdout) == (1, "orders is not running.\n")
    assert "does not answer: connection refused" in command.refused("-s", "server.port=1", "health")


def test_preflight_tells_what_it_looked_at(command: Command) -> None:
    ran = command("serve", "--check")
    assert (ran.returncode, ran.stdout) == (0, "database: up\ndisk: up\norders 0+unknown is fit to serve.\n")


def complete(script: str, words: str) -> set[str]:
    """Return what bash offers for the last of the words."""
    program = (
        f"{script}\nCOMP_WORDS=({words} '')\n[[ '{words}' == *' ' ]] || unset 'COMP_WORDS[-1]'\n"
        'COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_orders\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    ran = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_bash_completes_commands_and_options(command: Command) -> None:
    script = command("completion", "bash").stdout
    assert {"runserver", "serve", "db", "greet", "--config", "--version"} <= complete(script, "orders ")
    assert complete(script, "orders run") == {"runserver", "running"}
    assert {"upgrade", "downgrade", "check"} <= complete(script, "orders --set a.b=c db ")
    assert complete(script, "orders db up") == {"upgrade"}
    assert complete(script, "orders greet --s") == {"--shout"}
    assert "bashcompinit" in command("completion", "zsh").stdout
    assert "'fish' is none of bash, zsh" in command.refused("completion", "fish", code=2)
