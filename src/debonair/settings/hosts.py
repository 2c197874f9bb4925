"""The check of an option that holds a host."""

from __future__ import annotations

import re

_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_LONGEST_NAME = 253


def check_host(host: str) -> None:
    """Accept an IP address or a host name (RFC 1123, underscores too); whether it exists is not looked up.

    :raises ValueError: when it is neither; the message continues "'the host' …".
    """
    if not host:
        raise ValueError(
            "is empty: write 127.0.0.1 for this machine only, or 0.0.0.0 for every address of it"
        )
    if is_address(host):
        return
    if host.startswith("[") and host.endswith("]") and is_address(host[1:-1]):
        raise ValueError(f"has brackets, which belong in a URL: write {host[1:-1]}")
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit() and ":" not in name:
        raise ValueError(f"holds a port: write {name} here, and the port as an option of its own")
    labels = host.removesuffix(".").split(".")
    if len(host) > _LONGEST_NAME or not all(re.fullmatch(_LABEL, label) for label in labels):
        raise ValueError("is neither an IP address nor a host name")
    if labels[-1].isdigit():
        raise ValueError("is not an IP address")


def is_address(host: str) -> bool:
    """Return whether a text is an IPv4 or IPv6 address."""
    # Imported here, since most commands need no host.
    import ipaddress

    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
