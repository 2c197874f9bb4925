"""Where to listen: the address of the settings, or the sockets that systemd hands over."""

from __future__ import annotations

import errno
import os
import socket

from gunicorn import systemd

from debonair.errors import CommandError
from debonair.settings import ServerSection


def addresses_of(settings: ServerSection) -> list[str]:
    """Return what the server listens on: ``host:port`` or the path of a Unix socket."""
    count = systemd.listen_fds(unset_environment=False)
    if not count:
        return [f"{bracketed(settings.host)}:{settings.port}"]
    addresses = []
    for descriptor in range(systemd.SD_LISTEN_FDS_START, systemd.SD_LISTEN_FDS_START + count):
        with socket.socket(fileno=os.dup(descriptor)) as listening:
            name = listening.getsockname()
        addresses.append(name if isinstance(name, str) else f"{bracketed(name[0])}:{name[1]}")
    return addresses


def claim(host: str, port: int) -> None:
    """Make sure that the address can be listened on.

    :raises CommandError: when it is taken, not of this machine, or not allowed.
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
    """Return a host as it stands in a URL: an address of IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
