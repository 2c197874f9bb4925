"""The note ``/run/<svc>/started``: what runs, for whoever must know whether to restart it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from debonair.config import Configuration
from debonair.errors import CommandError


class Started:
    """The note ``/run/<svc>/started``: which version serves with which configuration.

    :param configuration: the configuration that the process was started with, or is compared with.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._path = configuration.service.runtime_directory() / "started"
        self._version = configuration.service.version
        self._digest = configuration.digest

    def note(self, addresses: list[str]) -> None:
        """Write the note for this process; whole or not at all."""
        content = {
            "version": self._version,
            "digest": self._digest,
            "pid": os.getpid(),
            "born": _birth(os.getpid()),
            "addresses": addresses,
        }
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(content) + "\n")
        draft.replace(self._path)

    def clear(self) -> None:
        """Remove the note of this process."""
        if (self.read() or {}).get("pid") == os.getpid():
            self._path.unlink(missing_ok=True)

    def read(self) -> dict[str, Any] | None:
        """Return the note of a living process, or None.

        :raises CommandError: when the note is there and may not be read.
        """
        try:
            content: dict[str, Any] = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CommandError(f"cannot read {self._path}: {reason}; try as root") from None
        return content if _birth(content["pid"]) == content["born"] else None

    def difference(self) -> str | None:
        """Return how the running process differs from what is installed and configured, or None."""
        running = self.read()
        if running is None:
            return "is not running"
        if running["version"] != self._version:
            return f"runs version {running['version']}, and {self._version} is installed"
        if running["digest"] != self._digest:
            return "runs with an older configuration"
        return None


def _birth(pid: int) -> str | None:
    """Return when a process was started, in the kernel's ticks: a number is not used twice with it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None
