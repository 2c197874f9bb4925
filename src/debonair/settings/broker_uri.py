"""The URI of a broker, which may name several hosts: ``amqp://user:password@host1,host2:5673/vhost``."""

from __future__ import annotations

import re

from debonair.settings.hosts import check_host

_GRAMMAR = (
    r"(?P<scheme>amqps?)://(?P<user>[^/@]*@)?(?P<hosts>[^/@?]*)(?P<path>(?:/[^/?]*)?)(?:\?(?P<query>.*))?"
)
_PARAMETERS = {"heartbeat": r"\d{1,5}", "ssl_options": r".+", "tcp_options": r".+"}
"""The parameters of a query and their values; pika documents them (URLParameters)."""

_HOST = r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>\d+))?"


def brokers(uri: str) -> list[str]:
    """Return one URI for each host that a URI names, in their order.

    :raises ValueError: when it is no such URI; the message continues "'the URI' …" and holds no password.
    """
    match = re.fullmatch(_GRAMMAR, uri)
    if match is None:
        raise ValueError(
            "is not a URI such as amqp://user:password@host/vhost (escape / and @ in a password)"
        )
    query = _check_query(match["query"])
    found = []
    for place in match["hosts"].split(","):
        parts = re.fullmatch(_HOST, place)
        if parts is None or int(parts["port"] or 1) not in range(1, 65536):
            raise ValueError(f"has no valid host and port in {place!r}")
        try:
            check_host(parts["host"].strip("[]"))
        except ValueError as error:
            raise ValueError(f"has the host {parts['host']!r}, which {error}") from None
        found.append(f"{match['scheme']}://{match['user'] or ''}{place}{match['path']}{query}")
    return found


def _check_query(query: str | None) -> str:
    """Return a query with its question mark, empty without one. :raises ValueError: as :func:`brokers`."""
    if not query:
        return ""
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if name not in _PARAMETERS:
            raise ValueError(f"has the parameter {name!r}; known are {', '.join(_PARAMETERS)}")
        if re.fullmatch(_PARAMETERS[name], value) is None:
            raise ValueError(f"has no valid value of the parameter {name!r}, such as heartbeat=20")
    return f"?{query}"


def check_broker_uri(uri: str | None) -> None:
    """Accept the URI of a broker when the client library for it is installed.

    :raises ValueError: as :func:`brokers`, or without the library.
    """
    from importlib.util import find_spec

    if uri is None:
        return
    brokers(uri)
    if find_spec("pika") is None:
        raise ValueError("needs the package pika: install debonair[rabbitmq]")
