"""The commands of the configuration: ``check-config``, ``show-config`` and ``sample-config``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from debonair import config
from debonair.errors import ConfigError
from debonair.room import Argument, Context


class CheckConfig:
    """Check the configuration, or a file in its place, and report every fault with its line."""

    arguments = (
        Argument("file", metavar="FILE", nargs="?", type=Path, help="file to check instead"),
        Argument("--as", dest="name", metavar="NAME", help="report FILE, a draft, under this name"),
    )
    needs_app = False

    def run(self, context: Context, file: Path | None, name: str | None) -> int:
        """Print every fault to standard error and return 1, or return 0 when there is none."""
        file = file or context.file or config.configuration_file(context.service)
        try:
            config.load(context.service, context.sections, file=file, overrides=context.overrides)
        except ConfigError as error:
            for fault in error.faults:
                called = name if fault.where == str(file) else None
                print(replace(fault, where=called or fault.where), file=sys.stderr)
            return 1
        print(f"{name or file or 'The configuration without a file'} is in order.")
        return 0


class ShowConfig:
    """Print the values in force and where each comes from; secrets are masked."""

    arguments: tuple[Argument, ...] = ()
    needs_app = False

    def run(self, context: Context) -> None:
        """Print one line for each value. :raises ConfigError: when the configuration is faulty."""
        for line in config.shown(context.configuration, _line):
            print(line)


def _line(key: str, value: str, origin: str) -> str:
    return f"{f'{key} = {value}'.rstrip():<50} # {origin}"


class SampleConfig:
    """Print a commented INI file with every option."""

    arguments: tuple[Argument, ...] = ()
    needs_app = False

    def run(self, context: Context) -> None:
        """Print the file."""
        print(config.sample(context.service, context.sections), end="")
