"""The parser of the command line: argparse with one-line errors, suggestions, and commands loaded when used.

Everything private of argparse that the chassis relies on is in this module; a test names it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from debonair.settings import did_you_mean

_HELP = ("-h", "--help")


class Parser(argparse.ArgumentParser):
    """A parser of a program or of one of its commands; the other parameters are those of argparse.

    :param outer: the parser of the program, for the parser of a command.
    :param fill: adds the arguments when the parser is first used.
    """

    def __init__(
        self, *, outer: Parser | None = None, fill: Callable[[Parser], None] | None = None, **options: Any
    ) -> None:
        # The help is added last and takes -h and --help from an option of that name.
        super().__init__(**{**options, "add_help": False, "conflict_handler": "resolve"})
        self.captures = False
        """Whether the arguments are returned as they are, for a parser of another kind, such as click's."""
        self.missing: Exception | None = None
        """Why commands may be missing; it is raised in place of an error about an unknown command."""
        self._outer = outer
        self._fill = fill
        self._complete = False

    @property
    def commands(self) -> dict[str, Parser]:
        """The parsers of its commands by name; empty for a command that has none."""
        found: dict[str, Parser] = {}
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                found.update(action.choices)
        return found

    @property
    def words(self) -> list[str]:
        """The long options, and the values of arguments that have a fixed set of values."""
        self._complete_arguments()
        words = [flag for flag in self._flags() if flag.startswith("--")]
        for action in self._actions:
            if not action.option_strings and not isinstance(action, argparse._SubParsersAction):
                words += [str(choice) for choice in action.choices or ()]
        return words

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and return the namespace with the arguments that a command takes unparsed.

        :raises SystemExit: with 2 on wrong usage, with 0 after printing the help.
        """
        given = sys.argv[1:] if args is None else list(args)
        self._complete_arguments()
        if self.captures:
            return argparse.Namespace(**self._defaults), given
        if not given and self.commands:
            self.print_help(sys.stderr)
            raise SystemExit(2)
        parsed, rest = super().parse_known_args(given, namespace)
        stack = getattr(parsed, "func_stack", None)
        if rest and not (stack and getattr(stack[-1], "capture_all_args", False)):
            self.error(self._unexpected(rest))
        if not stack and self.commands:
            self.error("name a command")
        return parsed, rest

    def format_help(self) -> str:
        """Return the help."""
        self._complete_arguments()
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with 2."""
        print(f"error: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)

    def _complete_arguments(self) -> None:
        if self._complete:
            return
        self._complete = True
        if self._fill is not None:
            self._fill(self)
        for action in self._actions:
            own = action.option_strings and not isinstance(action, argparse._HelpAction)
            if own and set(action.option_strings) <= set(_HELP):
                raise ValueError(f"{self.prog}: -h is the help: give this option a long name too")
        self.add_argument(*_HELP, action="help", help="print this help and exit")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        if isinstance(action, argparse._SubParsersAction):
            if self.missing is not None:
                raise self.missing
            message = f"there is no command {value!r}{did_you_mean(value, list(action.choices))}"
        else:
            message = f"{value!r} is not one of {', '.join(map(str, action.choices))}"
        raise argparse.ArgumentError(action if action.option_strings else None, message)

    def _unexpected(self, rest: list[str]) -> str:
        wrong = next((word for word in rest if word.startswith("-")), None)
        if wrong is None:
            return f"unexpected argument {rest[0]!r}"
        if self._outer is not None and wrong.partition("=")[0] in self._outer._flags():
            return f"{wrong} must come before the command"
        return f"there is no option {wrong!r}{did_you_mean(wrong, self._flags())}"

    def _flags(self) -> list[str]:
        return [flag for action in self._actions for flag in action.option_strings]
