"""The state file ``/run/<svc>/started``: version and configuration of the running process."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from debonair.config import Configuration
from debonair.errors import CommandError, reason_of
from debonair.names import WEB

_LARGEST = 2**16
_ADDRESS = re.compile(
    r"/[\x21-\x7e]{1,107}"
    r"|(\[[\da-f:.%]{2,64}\]|\w[\w-]{0,62}(\.[\w-]{1,63}){0,8})?:\d{1,5}",
    re.ASCII | re.IGNORECASE,
)
"""The path of a Unix socket, or an address or a name with a port: ``health`` sends a request there."""

_log = logging.getLogger(__name__)


class StateFile:
    """The state file of a process role: which version serves with which configuration.

    :param configuration: the configuration that the process was started with, or is compared with.
    :param role: the process role, see :mod:`debonair.names`.
    """

    def __init__(self, configuration: Configuration, role: str = WEB) -> None:
        self._path = configuration.service.state_file(role)
        self._version = configuration.service.version
        self._digest = configuration.digest

    def write(self, addresses: list[str], *, replaces: int | None = None) -> bool:
        """Write the state of this process, whole or not at all; return whether it was written.

        The state of another process that runs is kept, and a warning is logged.

        :param addresses: what the process listens on: ``host:port`` or the path of a Unix socket.
        :param replaces: the process id of a process that this one replaces.
        """
        running = self.read()
        if running is not None and running["pid"] not in (os.getpid(), replaces):
            _log.warning(
                "Process %s runs this service already: 'running' and 'health' report on it, not on this one.",
                running["pid"],
            )
            return False
        content = {
            "version": self._version,
            "digest": self._digest,
            "pid": os.getpid(),
            "start_time": _start_time(os.getpid()),
            "addresses": addresses,
        }
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            draft.unlink(missing_ok=True)
            with draft.open("x") as file:
                file.write(json.dumps(content) + "\n")
            draft.replace(self._path)
        except OSError as error:
            # The service serves all the same, for instance while the file system is full.
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            _log.error("Cannot write %s: %s. 'running' and 'health' do not see this process.", self._path,
                       error.strerror or error)  # fmt: skip
            return False
        return True

    def remove(self) -> None:
        """Remove the state file, if it is that of this process."""
        if (self.read() or {}).get("pid") == os.getpid():
            self._path.unlink(missing_ok=True)

    def read(self) -> dict[str, Any] | None:
        """Return the state of a process that runs, or None.

        The service's user can write the file, and root reads it: everything but a small regular file of
        the expected shape counts as none.

        :raises CommandError: when the file exists and may not be read.
        """
        try:
            content = json.loads(self._text())
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, or a socket
                return None
            reason = reason_of(error)
            raise CommandError(f"cannot read {self._path}: {reason}; try as root") from None
        if not _is_state(content) or _start_time(content["pid"]) != content["start_time"]:
            return None
        state: dict[str, Any] = content
        return state

    def _text(self) -> str:
        # Neither a FIFO nor a device nor the target of a link is read.
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            return os.read(descriptor, _LARGEST).decode() if regular else ""
        finally:
            os.close(descriptor)

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


def _is_state(content: Any) -> bool:
    """Return whether a JSON value has the shape that :meth:`StateFile.write` gives it."""
    if not isinstance(content, dict):
        return False
    texts = [content.get(key) for key in ("version", "digest", "start_time")]
    addresses = content.get("addresses")
    if not isinstance(addresses, list) or not addresses or type(content.get("pid")) is not int:
        return False
    if not all(isinstance(text, str) and text.isprintable() for text in (*texts, *addresses)):
        return False
    return all(_ADDRESS.fullmatch(address) for address in addresses)


def _start_time(pid: int) -> str | None:
    """Return when a process was started, in the kernel's ticks: it tells apart two processes with one id."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
    except OSError:
        return None
