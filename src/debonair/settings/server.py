"""The section ``[server]``."""

from __future__ import annotations

from debonair.settings.hosts import check_host
from debonair.settings.options import option
from debonair.settings.section import Section
from debonair.settings.value_types import Duration, Size


class ServerSection(Section, name="server"):
    """How the service is served."""

    host = option(
        str, default="127.0.0.1", check=check_host,
        help="Address to listen on, unless systemd gives a socket.",
    )  # fmt: skip
    port = option(
        int, default=5000, min=1, max=65535,
        help="TCP port to listen on, unless systemd gives a socket.",
    )  # fmt: skip
    workers = option(int, default=2, min=1, max=512, help="Processes that handle requests.")
    worker_class = option(
        str, default="epoll", choices=("epoll", "gthread", "sync", "gevent"),
        help="How a worker handles requests: epoll with threads that no slow client occupies; gunicorn's own "
        "gthread with threads, sync one at a time, gevent with greenlets.",
    )  # fmt: skip
    threads = option(
        int, default=4, min=1, max=512, help="Threads of each worker of the classes epoll and gthread."
    )
    pin_cpus = option(
        bool, default=False,
        help="Keep each worker on one processor: faster on a host that runs little else.",
    )  # fmt: skip
    timeout = option(
        Duration, default="30s", min="1s", max="1h",
        help="A worker that does not report for this time is killed and replaced.",
    )  # fmt: skip
    graceful_timeout = option(
        Duration, default="30s", min="1s", max="1h",
        help="Time that requests in progress have to finish when the service stops.",
    )  # fmt: skip
    read_timeout = option(
        Duration, default="10s", min="1s", max="1h",
        help="Time that a client has to send the request line and headers, and longest pause after them.",
    )  # fmt: skip
    body_timeout = option(
        Duration, default="60s", min="1s", max="1d",
        help="Time that a client has to send the whole body of a request.",
    )  # fmt: skip
    keep_alive = option(
        Duration, default="5s", min="0s", max="1h",
        help="Time that an idle connection is kept open.",
    )  # fmt: skip
    drain = option(
        Duration, default="0s", min="0s", max="10m",
        help="Time before a stop during which the service reports that it is not ready, but still serves "
        "requests, so that a load balancer can choose another host.",
    )  # fmt: skip
    backlog = option(int, default=2048, min=1, max=65535, help="Connections that may wait to be accepted.")
    max_requests = option(
        int, default=0, min=0,
        help="Replace a worker after this number of requests, and up to a tenth more; 0 means never.",
    )  # fmt: skip
    max_body = option(Size, default="16MiB", min="1KiB", help="The largest request body that is accepted.")
    trusted_hops = option(
        int, default=1, min=0, max=10,
        help="Number of proxies in front of the service whose X-Forwarded headers are trusted.",
    )  # fmt: skip
    trusted_headers = option(
        list, default=["for", "proto"], choices=("for", "proto", "host", "prefix"),
        help="X-Forwarded headers that each of these proxies sets, and that are therefore trusted.",
    )  # fmt: skip
