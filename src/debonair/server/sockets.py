"""Where to listen: the address of the settings, or sockets that systemd or a predecessor has opened."""

from __future__ import annotations

import errno
import os
import socket

from gunicorn import systemd

from debonair.errors import CommandError


def inherited() -> list[int]:
    """Return the file descriptors of listening sockets that systemd or the predecessor has passed on."""
    count = systemd.listen_fds(unset_environment=False)
    if count:
        return list(range(systemd.SD_LISTEN_FDS_START, systemd.SD_LISTEN_FDS_START + count))
    if predecessor_pid() is None:
        return []
    return [int(number) for number in os.environ.get("GUNICORN_FD", "").split(",") if number]


def predecessor_pid() -> int | None:
    """Return the process id of the master process that this one is to replace after a reload, or None.

    That is its parent, whose id is not given to another process while this one is its child.
    """
    parent = os.getppid()
    return parent if os.environ.get("GUNICORN_PID") == str(parent) else None


def addresses_of(bind: list[str]) -> list[str]:
    """Return what the server listens on: ``host:port`` or the path of a Unix socket.

    :param bind: what it listens on unless it inherits its sockets, as gunicorn names it.
    """
    descriptors = inherited()
    if not descriptors:
        return [address.removeprefix("unix:") for address in bind]
    addresses = []
    for descriptor in descriptors:
        with socket.socket(fileno=os.dup(descriptor)) as listening:
            name = listening.getsockname()
        addresses.append(name if isinstance(name, str) else f"{bracketed(name[0])}:{name[1]}")
    return addresses


def claim(host: str, port: int) -> None:
    """Check that the address can be listened on.

    :raises CommandError: when it is in use, not an address of this machine, or not allowed.
    """
    hints = {
        errno.EADDRINUSE: "is in use: stop what listens there, or choose another port",
        errno.EADDRNOTAVAIL: "is not an address of this machine",
        errno.EACCES: "may not be listened on: ports below 1024 are for root or systemd's sockets",
    }
    try:
        with socket.create_server((host, port), family=_family(host)):
            pass
    except OSError as error:
        hint = hints.get(error.errno or 0, f"cannot be listened on: {error.strerror or error}")
        raise CommandError(f"{bracketed(host)}:{port} {hint}") from None


def bracketed(host: str) -> str:
    """Return a host as it is written in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
