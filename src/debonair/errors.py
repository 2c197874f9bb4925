"""The exceptions that the chassis raises.

The tree::

    DebonairError            anything the chassis raises on purpose
    ├── CommandError         a command failed; one line says why and what to do
    ├── ConfigError          the configuration is faulty; holds every fault
    ├── PermanentError       a job failed, and no retry would help
    └── UnhealthyError       a health check found a fault; clients may read its text

``manage`` turns each of them into lines on standard error and an exit code, never a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class DebonairError(Exception):
    """The base class: an error that a user can act on."""


class CommandError(DebonairError):
    """A command cannot do its work.

    :param message: one line: what is wrong and what to do.
    """


@dataclass(frozen=True)
class Fault:
    """One fault of the configuration.

    :param where: the source: a file's path, or ``environment``.
    :param line: the line in that file, counted from 1; 0 where a line has no meaning.
    :param message: what is wrong and what to do. Never the value of a secret option.
    """

    where: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.where}:{self.line}" if self.line else self.where
        return f"{place}: {self.message}"


class ConfigError(DebonairError):
    """The configuration is faulty.

    :param faults: every fault that was found, in the order of reading.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class PermanentError(DebonairError):
    """Raised by a job that would fail again however often it is retried: it is dead at once.

    :param message: one line with the reason, which ``jobs show`` prints.
    """


class UnhealthyError(DebonairError):
    """Raised by a health check that found a fault.

    :param message: what is wrong, in words that clients may read.
    """


def reason_of(error: OSError) -> str:
    """Return what the system reports, in lower case, to continue a sentence: ``permission denied``."""
    return (error.strerror or str(error)).lower()
