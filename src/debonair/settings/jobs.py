"""The section ``[jobs]``."""

from __future__ import annotations

from debonair.settings.broker_uri import check_broker_uri
from debonair.settings.options import option
from debonair.settings.section import Section
from debonair.settings.value_types import Duration, Uri


def _check_timezone(name: str) -> None:
    """Accept the name of a time zone that this host knows.

    :raises ValueError: when it knows none of this name; the message continues a sentence.
    """
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone of this host: see timedatectl list-timezones") from None


def _check_listen(address: str) -> None:
    """Accept an empty text or ``host:port``.

    :raises ValueError: when it is neither.
    """
    host, _, port = address.rpartition(":")
    if address and not (host and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError(f"{address!r} is not an address such as 127.0.0.1:9100")


class JobsSection(Section, name="jobs"):
    """Work that a worker does outside of a request."""

    broker = option(
        Uri, default=None, check=check_broker_uri,
        help="RabbitMQ, which takes the jobs to workers on several hosts, such as "
        "amqp://user:password@host1,host2/vhost. Without it, workers take them from the database.",
    )  # fmt: skip
    broker_password = option(
        str, default=None, secret=True, help="The password, when the URI of the broker does not contain it."
    )
    processes = option(int, default=1, min=1, max=64, help="Processes of the worker.")
    threads = option(
        int, default=4, min=1, max=128, help="Jobs that each process of the worker runs at the same time."
    )
    poll = option(
        Duration, default="1s", min="50ms", max="1m",
        help="Longest time until a worker looks for jobs again. It sees most of them at once: PostgreSQL "
        "notifies it, and a file of SQLite is looked at 20 times a second.",
    )  # fmt: skip
    lease = option(
        Duration, default="30s", min="3s", max="1h",
        help="Time after which the jobs of a worker that does not report go to another one.",
    )  # fmt: skip
    stop_timeout = option(
        Duration, default="30s", min="1s", max="1h",
        help="Time that running jobs have to finish when the worker stops; the others go back to the queue.",
    )  # fmt: skip
    timezone = option(
        str, default="UTC", check=_check_timezone,
        help="The time zone of schedules, such as Europe/Vienna.",
    )  # fmt: skip
    listen = option(
        str, default="", check=_check_listen,
        help="Address (host:port) at which the worker serves /health/ready and /metrics; empty for a Unix "
        "socket in its runtime directory.",
    )  # fmt: skip
