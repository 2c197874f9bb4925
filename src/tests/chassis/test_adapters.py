"""The private parts of libraries that the chassis relies on, each of which one adapter uses.

A library that changes such a part fails here, with a sentence that names the adapter to look at.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
from types import SimpleNamespace
from typing import Any

import click
import flask_migrate
import flask_script_ng
import pytest
from flask import Flask

from debonair.manage.parser import Parser


def changed(library: str, fact: str, adapter: str) -> str:
    """Return the message for a fact about a library that no longer holds."""
    known = library in ("Flask-Script-NG", "click", "Flask-Migrate")
    version = importlib.metadata.version(library) if known else platform.python_version()
    return f"{library} {version} has changed: {adapter} relies on this: {fact}"


# Flask-Script-NG: debonair.manage.adapter


def script(fact: str) -> str:
    return changed("Flask-Script-NG", fact, "debonair.manage.adapter")


class Nothing(flask_script_ng.Command):
    """Do nothing."""

    option_list = (flask_script_ng.Option("--count", type=int, default=1),)

    def run(self, count):
        """Return the count."""
        return count


def test_manager_of_flask_script_keeps_commands_and_options_where_the_adapter_reads_them() -> None:
    manager = flask_script_ng.Manager(Flask("x"), usage="u", description="d")
    command = Nothing()
    manager.add_command("nothing", command)
    manager.add_option("--x", dest="x")
    assert manager._commands == {"nothing": command}, script("Manager._commands holds the commands by name")
    (option,) = manager.get_options()
    assert (option.args, option.kwargs) == (("--x",), {"dest": "x"}), script("Option has args and kwargs")
    assert manager.subparser_kwargs == {}, script("Manager.subparser_kwargs are for add_subparsers")
    assert (manager.usage, manager.description) == ("u", "d"), script("Manager keeps usage and description")
    assert "app" in vars(manager), script("Manager keeps the application in the attribute app")
    assert manager.parent is None, script("Manager.parent is the manager above")


def test_command_of_flask_script_runs_in_a_request_context_of_the_application() -> None:
    asked: list[Any] = []

    class App:
        def test_request_context(self, *arguments: Any, **options: Any) -> Any:
            asked.append((arguments, options))
            return Flask("x").test_request_context()

    assert Nothing()(App(), count=3) == 3
    assert asked == [((), {})], script("Command calls app.test_request_context()")


def test_manager_of_flask_script_calls_what_the_parser_says() -> None:
    called: list[Any] = []

    class Manager(flask_script_ng.Manager):
        def create_parser(self, prog: str, *args: Any, **kwargs: Any) -> argparse.ArgumentParser:
            parser = argparse.ArgumentParser(prog=prog)
            parser.add_argument("--file")
            parser.set_defaults(func_stack=(self, command))
            self.parser = parser
            return parser

        def __call__(self, app: Any = None, **options: Any) -> str:
            called.append(options)
            return "the application"

    class Capturing(flask_script_ng.Command):
        capture_all_args = True
        parser = argparse.ArgumentParser()

        def __call__(self, *arguments: Any, **options: Any) -> int:
            called.append((arguments, options))
            return 7

    command = Capturing()
    result = Manager(with_default_commands=False).handle("x", ["--file", "a", "--rest"])
    expected = [{"file": "a"}, (("the application", ["--rest"]), {})]
    fact = "Manager.handle calls each of func_stack with its options, the last with unparsed arguments"
    assert (result, called) == (7, expected), script(fact)


def test_command_of_flask_script_makes_a_parser_of_its_options() -> None:
    command = Nothing()
    parent = flask_script_ng.Manager(Flask("x"))
    parent.help_args = ()
    parser = command.create_parser("nothing", func_stack=(parent,), parent=parent)
    assert parser.parse_args(["--count", "2"]).count == 2, script("create_parser adds the options")
    fact = "create_parser appends the command to func_stack"
    assert parser.get_default("func_stack") == (parent, command), script(fact)
    assert "-h" not in parser.format_help(), script("help_args of the manager decide on the help")
    assert command.parser is parser, script("Command.parser is the parser that handle reads")


def test_command_of_flask_script_makes_options_of_parameters() -> None:
    def work(name, count=1, shout=False):
        pass

    found = [(option.args, option.kwargs.get("dest"), option.kwargs.get("type"))
             for option in flask_script_ng.Command(work).option_list]  # fmt: skip
    expected = [(("name",), None, str), (("-c", "--count"), "count", str), (("-s", "--shout"), "shout", None)]
    assert found == expected, script("Command(func) has an Option for each parameter, with dest and type")


def test_shell_of_flask_script_takes_its_own_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("code.interact", lambda banner, local: seen.append((banner, local)))
    shell = flask_script_ng.Shell(banner="hello", make_context=lambda: {"x": 1})
    options = {option.kwargs["dest"]: True for option in shell.get_options()}
    shell.run(**options)
    assert seen == [("hello", {"x": 1})], script("Shell.run takes the options of get_options")


# argparse: debonair.manage.parser


def standard(fact: str) -> str:
    return changed("argparse of Python", fact, "debonair.manage.parser")


def test_argparse_keeps_arguments_where_the_parser_reads_them() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    option = parser.add_argument("--x")
    group: Any = parser.add_subparsers()
    child = group.add_parser("child")
    parser.set_defaults(y=1)
    assert parser._actions == [option, group], standard("_actions are the arguments in order")
    assert isinstance(group, argparse._SubParsersAction), standard("add_subparsers returns _SubParsersAction")
    assert group.choices == {"child": child}, standard("its choices are the parsers by name")
    assert parser._defaults == {"y": 1}, standard("_defaults are those of set_defaults")


def test_argparse_makes_and_calls_parsers_of_the_class_of_the_outer_one() -> None:
    filled: list[Parser] = []
    parser = Parser(prog="x")
    child = parser.add_subparsers().add_parser("child", outer=parser, fill=filled.append)
    command = SimpleNamespace(capture_all_args=True)
    child.set_defaults(func_stack=(command,))
    child.captures = True
    parsed, rest = parser.parse_known_args(["child", "-h", "--x"])
    assert filled == [child], standard("a parser of a command is used by its parse_known_args")
    assert (parsed.func_stack, rest) == ((command,), ["-h", "--x"]), standard("what it returns is passed up")


def test_argparse_checks_choices_by_a_method_and_lets_a_later_option_win(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser = Parser(prog="x")
    parser.add_argument("-h", "--host")
    parser.add_argument("shell", choices=["bash", "zsh"])
    with pytest.raises(SystemExit):
        parser.parse_known_args(["bahs"])
    fact = "_check_value refuses a value that is not of the choices"
    assert capsys.readouterr().err == "error: 'bahs' is not one of bash, zsh (see x --help)\n", standard(fact)
    with pytest.raises(SystemExit):
        parser.parse_known_args(["-h"])
    fact = "with conflict_handler resolve, the option that is added last wins"
    assert "-h, --help" in capsys.readouterr().out, standard(fact)


# click: debonair.manage.bridge


def bridge(fact: str) -> str:
    return changed("click", fact, "debonair.manage.bridge")


def test_click_keeps_the_command_of_a_group_apart_from_its_arguments() -> None:
    group = click.Group("group", commands=[click.Command("one")])
    context = group.make_context("group", ["one", "two"])
    found = [*context._protected_args, *context.args]
    assert found == ["one", "two"], bridge("_protected_args and args are what follows the group's options")
    name, command, rest = group.resolve_command(context, found)
    assert (name, command, rest) == ("one", group.commands["one"], ["two"]), bridge("resolve_command")
    with pytest.raises(click.UsageError, match=r"No such command 'three'") as raised:
        group.resolve_command(context, ["three"])
    assert raised.value.ctx is context, bridge("the error of an unknown command has the context of the group")


# Flask-Migrate: debonair.database.commands


def test_flask_migrate_logs_the_errors_of_alembic() -> None:
    fact = "it logs Alembic's errors to the logger flask_migrate"
    assert flask_migrate.log.name == "flask_migrate", changed(
        "Flask-Migrate", fact, "debonair.database.commands"
    )
