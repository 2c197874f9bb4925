"""The owner of a job: a process of a worker, by a name from which others can tell whether it still runs."""

from __future__ import annotations

import functools
import os
import socket
from pathlib import Path

ALONE = " alone"
"""What the name of an owner ends with while it runs one job only, which may have ended a process before."""

RELAY = " relay"
"""What the name of an owner ends with that publishes a job, and does not run it."""


def host() -> str:
    """Return what the names of all owners begin with whose processes can be seen from this one."""
    namespace = os.stat("/proc/self/ns/pid").st_ino
    return f"{socket.gethostname()[:64]}/{_machine()} {namespace} "


@functools.cache
def _machine() -> str:
    """Return the identity of the machine: two hosts may have one name (machine-id(5))."""
    try:
        return Path("/etc/machine-id").read_text().strip()[:32]
    except OSError:
        return ""


def owner() -> str:
    """Return the name of this process: its host, its master process, and itself."""
    return f"{host()}{_process(os.getppid())} {_process(os.getpid())}"


def has_ended(name: str) -> bool:
    """Return whether a process of this host has ended."""
    return not _runs(name.split(" ")[3])


def was_alone_to_end(name: str) -> bool:
    """Return whether its master process still runs: so the process was not stopped with the whole worker."""
    return _runs(name.split(" ")[2])


def _process(pid: int) -> str:
    try:
        return f"{pid}.{_start_time(pid)}"
    except OSError:  # it has just ended
        return f"{pid}."


def _runs(process: str) -> bool:
    pid, _, start_time = process.partition(".")
    try:
        return _start_time(int(pid)) == start_time
    except OSError:
        return _is_hidden(int(pid))


def _is_hidden(pid: int) -> bool:
    """Return whether a process exists that /proc does not show.

    In a unit with ``ProtectProc=invisible`` and ``PrivateUsers=yes``, /proc shows the processes of this unit
    only (systemd.exec(5)): not those of a second worker on the host. When the id belongs to a third process,
    the jobs of the owner that has ended are taken after their lease.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _start_time(pid: int) -> str:
    """Return when a process was started, in the kernel's ticks; empty when it has ended.

    :raises OSError: when /proc does not have it.
    """
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()
