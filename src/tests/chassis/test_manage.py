"""The manager: parsing, help, exit codes, and the commands that a service adds with Flask-Script."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.metadata import entry_points
from pathlib import Path

import flask_script_ng
import pytest
from flask import current_app
from sqlalchemy import text

import debonair
from debonair import standalone
from debonair.database.commands import COMMANDS as DATABASE_COMMANDS
from debonair.database.engine import db
from debonair.manage import Manager
from tests.chassis.program import Program

EVERY = [[name] for name in standalone.manager.registered]
EVERY += [["db", name] for name in DATABASE_COMMANDS]
HEAVY = {"sqlalchemy", "alembic", "gunicorn", "prometheus_client", "marshmallow"}
HEAVY |= {"flask_smorest", "flask_sqlalchemy", "flask_migrate"}
WRONG = ["", "runsever", "--bogus", "--set server.port=1", "db", "db upgrad", "db --nope",
         "db upgrade --nope", "db upgrade a b", "routes extra", "routes --nope", "routes --set a.b=c",
         "shell --nope",
         "runserver --port many", "completion fish", "monitoring"]  # fmt: skip


def test_help_lists_every_command(manager: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    assert manager.main(["--help"]) == 0
    listed = capsys.readouterr().out
    for name, command in manager.registered.items():
        assert f"\n    {name} " in listed
        assert command.help.split()[0] in listed


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("words", [[], *EVERY], ids=" ".join)
def test_short_help_is_help_everywhere(
    manager: Manager, capsys: pytest.CaptureFixture[str], words: list[str], flag: str
) -> None:
    assert manager.main([*words, flag]) == 0
    usage, _, rest = capsys.readouterr().out.partition("\n")
    assert usage.lower().startswith(" ".join(["usage: orders", *words]))
    assert "-h, --help" in rest


@pytest.mark.parametrize(
    "line", [*WRONG, "-h", "db -h", "db upgrade -h", "serve --help", "--version", "completion bash"]
)
def test_help_and_wrong_usage_build_no_application(
    manager: Manager, package: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        pytest.fail("an application was built")

    monkeypatch.setattr(Manager, "make_app", fail)
    assert manager.main(line.split()) == (2 if line in WRONG else 0)
    assert not (package.parents[1] / "instance").exists()


@pytest.mark.parametrize("line", ["--help", "db", "db upgrad", "routes extra", "runsever", "completion bash"])
def test_help_wrong_usage_and_completion_import_no_server_and_no_database(
    command: Program, line: str
) -> None:
    imported = command.imported(*line.split())
    assert "flask_script_ng" in imported
    assert not imported & HEAVY


def test_exit_codes(manager: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes: dict[str, object] = {}

    @manager.command
    def end(how):
        result = outcomes[how]
        if isinstance(result, BaseException):
            raise result
        return result

    for how, result, code, error in [
        ("nothing", None, 0, ""),
        ("number", 3, 3, ""),
        ("text", "no stock", 1, "error: no stock\n"),
        ("exit", SystemExit(4), 4, ""),
        ("exit-text", SystemExit("no stock"), 1, "error: no stock\n"),
        ("interrupt", KeyboardInterrupt(), 130, ""),
        ("command", debonair.CommandError("order more"), 1, "error: order more\n"),
        ("system", FileNotFoundError(2, "No such file or directory", "x.csv"), 1,
         "error: x.csv: no such file or directory\n"),
    ]:  # fmt: skip
        outcomes[how] = result
        assert manager.main(["end", how]) == code, how
        assert capsys.readouterr().err == error


def test_fault_of_a_command_is_raised(manager: Manager) -> None:
    @manager.command
    def divide():
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        manager.main(["divide"])


def test_full_disk_under_the_output_is_one_line(command: Program) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, command.package / "manage.py", "sample-config"],
            env={**os.environ, "PYTHONPATH": str(command.package.parent)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (1, "error: no space left on device\n")


def test_version_is_printed(command: Program) -> None:
    assert command("--version").stdout == "orders 0+unknown\n"


def test_own_command_takes_arguments_and_options(command: Program) -> None:
    assert command("greet", "ann").stdout == "ann\n"
    assert command("greet", "ann", "--shout").stdout == "ANN\n"


def test_annotations_of_an_own_command_are_types(command: Program) -> None:
    assert command("count-to", "5").stdout == "6\n"
    assert command("count-to", "5", "--by", "2").stdout == "7\n"
    assert "invalid int value: 'many'" in command.refused("count-to", "many", code=2)


def test_error_of_an_own_command_is_one_line(command: Program) -> None:
    assert command.refused("fail") == "error: the stock is empty: order more"


def test_unknown_command_names_the_nearest_known_one(command: Program) -> None:
    assert "there is no command 'runsever': did you mean 'runserver'?" in command.refused("runsever", code=2)


def test_bad_options_are_usage_errors(command: Program) -> None:
    assert "there is no option '--nope'" in command.refused("running", "--nope", code=2)
    line = command.refused("runserver", "--prot", "5", code=2)
    assert "there is no option '--prot': did you mean '--port'?" in line
    assert "there is no option '--bogus'" in command.refused("--bogus", code=2)
    assert "unexpected argument 'extra'" in command.refused("routes", "extra", code=2)
    for late in (["--set", "server.port=7000"], ["--config=x.ini"]):
        assert f"{late[0]} must come before the command" in command.refused("routes", *late, code=2)
    assert "port 99999 is more than 65535" in command.refused("runserver", "-p", "99999")
    assert "'upgarde': did you mean 'upgrade'?" in command.refused("db", "upgarde", code=2)
    assert "--port" in command.refused("runserver", "--port", "many", code=2)
    assert "there is no command 'nope'" in command.refused("db", "nope", code=2)
    assert "No such option '--nope'" in command.refused("db", "check", "--nope", code=2)


def test_each_run_has_its_own_configuration(manager: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    for port in ("7001", "7002"):
        assert manager.main(["--set", f"server.port={port}", "show-config"]) == 0
        assert f"port = {port} " in capsys.readouterr().out


def test_own_command_runs_in_the_context_of_the_application(
    manager: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    @manager.command
    def where():
        print(current_app.name, debonair.current_settings is not None)

    assert manager.main(["where"]) == 0
    assert capsys.readouterr().out == "orders True\n"


class Lock(flask_script_ng.Command):
    """Print whether a transaction holds the write lock before it writes."""

    def run(self):
        """Read, and try to write beside."""
        db.session.execute(text("SELECT 1"))
        other = sqlite3.connect(str(db.engine.url.database), timeout=0, isolation_level=None)
        with closing(other):
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                print("locked")


def test_own_command_takes_the_write_lock_when_it_reads(
    manager: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.command(Lock().run)
    manager.add_command("lock", Lock())
    for name in ("run", "lock"):
        assert manager.main([name]) == 0
        assert capsys.readouterr().out == "locked\n", name


def test_parameters_of_an_own_command_may_be_called_anything(
    manager: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    @manager.command
    def load(file, host="localhost", hours: int = 1, overrides="none"):
        "Load 100% of a file."
        print(file, host, hours + 1, overrides)

    assert manager.main(["load", "x.csv", "--host", "there", "--hours", "2"]) == 0
    assert capsys.readouterr().out == "x.csv there 3 none\n"
    assert manager.main(["load", "-h"]) == 0
    assert manager.main(["-h"]) == 0
    assert "Load 100% of a file." in capsys.readouterr().out


class Where(flask_script_ng.Command):
    """Print where the service listens."""

    option_list = (flask_script_ng.Option("-h", "--host", default="localhost"),)

    def run(self, host):
        """Print the host."""
        print(host)


def test_class_of_flask_script_works_and_its_short_help_is_help(
    manager: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.add_command("where", Where())
    assert manager.main(["where", "--host", "there"]) == 0
    assert capsys.readouterr().out == "there\n"
    assert manager.main(["where", "-h"]) == 0
    assert "Print where the service listens." in capsys.readouterr().out
    assert manager.main(["where", "--hots", "there"]) == 2
    assert capsys.readouterr().err == (
        "error: there is no option '--hots': did you mean '--host'? (see orders where --help)\n"
    )


def test_option_that_has_no_name_but_the_help_is_refused(manager: Manager) -> None:
    class Here(Where):
        option_list = (flask_script_ng.Option("-h", dest="host"),)

    manager.add_command("here", Here())
    with pytest.raises(ValueError, match=r"orders here: -h is the help: give this option a long name too"):
        manager.main(["here"])


def test_manager_within_the_manager_works(manager: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    class Stock(flask_script_ng.Manager):
        def __call__(self, app=None, **options):
            return app

    stock = Stock(help="Commands of the stock.")
    stock.add_command("where", Where())
    manager.add_command("stock", stock)
    assert manager.main(["stock", "where", "--host", "there"]) == 0
    assert capsys.readouterr().out == "there\n"
    assert manager.main(["stock", "wher"]) == 2
    assert "there is no command 'wher': did you mean 'where'?" in capsys.readouterr().err
    assert manager.main(["stock", "where", "--config", "x"]) == 2
    assert "--config must come before the command" in capsys.readouterr().err
    assert manager.main(["stock"]) == 2
    assert "usage: orders stock" in capsys.readouterr().err


def test_own_command_replaces_one_of_the_chassis(
    manager: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.add_command("routes", Where())
    assert manager.main(["routes"]) == 0
    assert capsys.readouterr().out == "localhost\n"


def test_module_and_console_script_of_the_chassis_are_its_commands(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "debonair", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("usage: python -m debonair [")
    (script,) = entry_points(group="console_scripts", name="debonair")
    assert script.load() == standalone.manager.run
