"""Commands by name: those of a service's rooms, and commands of click."""

from __future__ import annotations

from pathlib import Path

import click
import flask
import pytest
from flask import current_app
from flask.cli import AppGroup

import debonair
from debonair.database import migrations
from debonair.database.commands import COMMANDS as DATABASE_COMMANDS
from debonair.manage import Manager
from debonair.manage.bridge import ClickCommand

ROOM = """

from debonair.room import Argument, Command, Room

ROOMS = (
    Room("greeting", commands={
        "greet": Command("orders.greeting:Greet", "Greet somebody."),
        "greeters": Command("orders.greeting:greeters", "Manage greeters."),
    }),
)
"""
GREETING = """
import click
from flask import current_app

from debonair.errors import CommandError
from debonair.room import Argument
from debonair.settings import ServerSection


class Greet:
    arguments = (Argument("who"), Argument("-H", "--host", default="us"), Argument("-h", "--heartily",
                 action="store_true"))
    needs_app = True

    def run(self, context, who, host, heartily):
        assert context.app is current_app._get_current_object()
        if who == "nobody":
            raise CommandError("nobody cannot be greeted: name somebody")
        print(context.service.name, who, host, context.configuration.settings[ServerSection].port)


@click.group()
def greeters():
    print("group in", current_app.name)


@greeters.command()
@click.argument("count", type=int)
def add(count):
    print("added", count, "to", current_app.name)
"""


@pytest.fixture
def with_room(package: Path, manager: Manager) -> Manager:
    """A service with a room that has a command and a group of click."""
    with (package / "application.py").open("a") as file:
        file.write(ROOM)
    (package / "greeting.py").write_text(GREETING)
    return manager


@pytest.fixture
def without_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail when an application is built."""

    def fail(*arguments: object, **options: object) -> None:
        pytest.fail("an application was built")

    monkeypatch.setattr(Manager, "make_app", fail)


def test_command_of_a_room_gets_its_arguments_and_the_service(
    with_room: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    assert with_room.main(["greet", "ann", "--host", "them"]) == 0
    assert capsys.readouterr().out == "orders ann them 5000\n"
    assert with_room.main(["greet", "nobody"]) == 1
    assert capsys.readouterr().err == "error: nobody cannot be greeted: name somebody\n"


def test_module_of_a_command_is_imported_when_the_command_is_used(
    with_room: Manager, package: Path, capsys: pytest.CaptureFixture[str], without_app: None
) -> None:
    (package / "greeting.py").write_text("raise RuntimeError('imported')\n")
    assert with_room.main(["--help"]) == 0
    assert "Greet somebody." in capsys.readouterr().out
    assert with_room.main(["routes", "-h"]) == 0
    with pytest.raises(RuntimeError, match="imported"):
        with_room.main(["greet", "--help"])


def test_short_help_is_help_whatever_the_arguments(
    with_room: Manager, capsys: pytest.CaptureFixture[str], without_app: None
) -> None:
    assert with_room.main(["greet", "-h"]) == 0
    shown = capsys.readouterr().out
    assert "usage: orders greet" in shown and "--heartily" in shown


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"greet":', '"serve":', "the command 'serve' of the room 'greeting' exists: rename it"),
        (
            "\n)\n",
            '\n    Room("other", commands={"greet": Command("x:y", "Greet.")}),\n)\n',
            "the command 'greet' of the room 'other' exists: rename it",
        ),
    ],
    ids=["of the chassis", "of another room"],
)
def test_command_of_a_room_that_exists_is_refused(
    with_room: Manager, package: Path, old: str, new: str, message: str
) -> None:
    module = package / "application.py"
    module.write_text(module.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        with_room.main(["--help"])


def test_own_command_replaces_that_of_a_room(with_room: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    @with_room.command
    def greet():
        print("own")

    for _ in range(2):
        assert with_room.main(["greet"]) == 0
    assert capsys.readouterr().out == "own\nown\n"


def test_commands_of_the_chassis_work_while_the_application_is_broken(
    manager: Manager, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (package / "application.py").write_text("import no_such_module\n")
    assert manager.main(["--help"]) == 0
    assert "orders.application raises ModuleNotFoundError" in " ".join(capsys.readouterr().out.split())
    assert manager.main(["db", "--help"]) == 0
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        manager.main(["greet"])


def test_group_of_click_runs_in_the_context_of_the_application(
    with_room: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    assert with_room.main(["greeters", "add", "5"]) == 0
    assert capsys.readouterr().out == "group in orders\nadded 5 to orders\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("greeters ad", "there is no command 'ad': did you mean 'add'? (see orders greeters --help)"),
        ("greeters add", "Missing argument 'COUNT' (see orders greeters add --help)"),
        ("greeters add many", "Invalid value for 'COUNT': 'many' is not a valid integer"),
        ("greeters add 5 6", "Got unexpected extra argument (6)"),
        ("greeters --nope", "No such option '--nope'"),
    ],
)
def test_wrong_usage_of_a_group_of_click_is_one_line(
    with_room: Manager, capsys: pytest.CaptureFixture[str], without_app: None, line: str, message: str
) -> None:
    assert with_room.main(line.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {message}") and captured.err.count("\n") == 1


def test_commands_of_a_group_of_click_are_completed(
    with_room: Manager, capsys: pytest.CaptureFixture[str], without_app: None
) -> None:
    assert with_room.main(["completion", "bash"]) == 0
    shown = capsys.readouterr().out
    assert 'greeters) words="--help add" ;;' in shown
    assert 'greet) words="--host --heartily --help" ;;' in shown


def test_help_of_a_group_of_click_names_the_service(
    with_room: Manager, capsys: pytest.CaptureFixture[str], without_app: None
) -> None:
    for words in (["greeters"], ["greeters", "add"]):
        for flag in ("-h", "--help"):
            assert with_room.main([*words, flag]) == 0
            assert capsys.readouterr().out.startswith(f"Usage: orders {' '.join(words)} ")
    assert with_room.main(["greeters"]) == 2
    assert capsys.readouterr().err.startswith("Usage: orders greeters ")


def test_exit_codes_of_click(manager: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    @click.argument("how")
    @click.pass_context
    def end(context: click.Context, how: str) -> int:
        if how == "exit":
            context.exit(3)
        if how == "abort":
            raise click.Abort
        if how == "error":
            raise click.ClickException("no stock.")
        if how == "debonair":
            raise debonair.CommandError("order more")
        return 5

    manager.add_command(end)
    codes = {"exit": 3, "abort": 130, "error": 1, "debonair": 1, "return": 5}
    assert {how: manager.main(["end", how]) for how in codes} == codes
    assert capsys.readouterr().err == "error: no stock\nerror: order more\n"


def test_group_that_only_the_application_has_works_under_the_manager(
    manager: Manager, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users = AppGroup("users")
    users.command("count")(lambda: print("users of", current_app.name))

    def find(app: flask.Flask) -> click.Command:
        app.cli.add_command(users)
        return app.cli.commands["users"]

    manager.add_command("users", ClickCommand("Manage users.", find))
    assert manager.main(["users", "count"]) == 0
    assert capsys.readouterr().out == "users of orders\n"
    assert manager.main(["users", "cuont"]) == 2
    assert "did you mean 'count'? (see orders users --help)" in capsys.readouterr().err


def test_table_of_the_database_commands_is_complete() -> None:
    assert set(DATABASE_COMMANDS) == set(migrations.commands())
