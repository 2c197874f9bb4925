"""The owner of a job: a process of a worker, by a name from which others can tell whether it still runs."""

from __future__ import annotations

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
    return f"{socket.gethostname()[:64]} {namespace} "


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
    return f"{pid}.{_start_time(pid)}"


def _runs(process: str) -> bool:
    pid, _, start_time = process.partition(".")
    return _start_time(int(pid)) == start_time


def _start_time(pid: int) -> str:
    """Return when a process was started, in the kernel's ticks; empty when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()
