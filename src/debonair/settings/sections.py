"""The chassis's own sections, declared here so that checking a file imports no room that uses them."""

from __future__ import annotations

from debonair.settings.options import Duration, Section, Size, Uri, option


class ServiceSection(Section, name="service"):
    """What the service is."""

    environment = option(
        str,
        default=lambda service: service.environment,
        default_help="development in a checkout of the source, production when installed",
        choices=("development", "production"),
        help="Where it runs: decides paths, log format, and whether runserver may run.",
    )


class ServerSection(Section, name="server"):
    """How it is served."""

    host = option(str, default="127.0.0.1", help="Address to listen on, unless systemd gives a socket.")
    port = option(
        int, default=5000, min=1, max=65535,
        help="TCP port to listen on, unless systemd gives a socket.",
    )  # fmt: skip
    workers = option(int, default=2, min=1, max=512, help="Processes that answer requests.")
    worker_class = option(
        str, default="gthread", choices=("gthread", "sync", "gevent"),
        help="How a worker answers: by threads; one request at a time, closing each; by greenlets.",
    )  # fmt: skip
    threads = option(int, default=4, min=1, max=512, help="Threads of each worker of the class gthread.")
    pin_cpus = option(
        bool, default=False,
        help="Keep each worker on one processor: faster, on a host that has little else to do.",
    )  # fmt: skip
    timeout = option(
        Duration, default="30s", min="1s", max="1h",
        help="A worker that stays silent for so long is killed and replaced.",
    )  # fmt: skip
    graceful_timeout = option(
        Duration, default="30s", min="1s", max="1h",
        help="How long requests in flight may take to end when the service stops.",
    )  # fmt: skip
    read_timeout = option(
        Duration, default="10s", min="1s", max="1h",
        help="How long a client may take to send the head of a request, or stand still after it.",
    )  # fmt: skip
    keep_alive = option(
        Duration, default="5s", min="0s", max="1h",
        help="How long an idle connection is kept open.",
    )  # fmt: skip
    drain = option(
        Duration, default="0s", min="0s", max="10m",
        help="How long to answer on, unready, before a stop: for a balancer to look elsewhere.",
    )  # fmt: skip
    backlog = option(int, default=2048, min=1, max=65535, help="Connections that may wait.")
    max_requests = option(
        int, default=0, min=0,
        help="Replace a worker after so many requests, and up to a tenth more; 0 means never.",
    )  # fmt: skip
    max_body = option(Size, default="16MiB", min="1KiB", help="The largest request body that is accepted.")
    trusted_hops = option(
        int, default=1, min=0, max=10,
        help="Proxies in front whose X-Forwarded headers are believed.",
    )  # fmt: skip


class DatabaseSection(Section, name="database"):
    """The database."""

    uri = option(
        Uri,
        default=lambda service: Uri(f"sqlite:///{service.state_directory / service.name}.db"),
        default_help="SQLite in the state directory",
        help="SQLAlchemy's URL of the database, such as postgresql+psycopg://user:password@host/name.",
    )
    password = option(str, default=None, secret=True, help="The password, where the URI is to be free of it.")
    pool_size = option(int, default=5, min=1, max=1000, help="Connections each worker keeps (not SQLite).")
    timeout = option(
        Duration, default="5s", min="100ms", max="5m",
        help="How long to wait for a connection, or for SQLite's lock.",
    )  # fmt: skip
    echo = option(bool, default=False, help="Log every SQL statement.")


class LogSection(Section, name="log"):
    """What is logged, and where to."""

    level = option(
        str, default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        help="The least severe level that is logged.",
    )  # fmt: skip
    format = option(
        str, default=lambda service: "json" if service.production else "text",
        default_help="json in production, text in development",
        choices=("json", "text"),
        help="One JSON object a line, or lines for people.",
    )  # fmt: skip
    file = option(
        str, default=lambda service: str(service.log_file()) if service.production else "",
        default_help="/var/log/<service>/<service>.log in production, none in development",
        help="File to log to besides standard error, as long as the service runs; empty for none.",
    )  # fmt: skip


class ApiSection(Section, name="api"):
    """The REST interface."""

    formats = option(
        list, default="json", choices=("json", "xml", "yaml"),
        help="What results and problems are offered as; the first one where Accept leaves the choice.",
    )  # fmt: skip


class HealthSection(Section, name="health"):
    """How the service watches what it depends on."""

    interval = option(Duration, default="5s", min="100ms", max="1h", help="Time between two runs of a check.")
    deadline = option(Duration, default="3s", min="50ms", max="5m", help="A check that takes longer is down.")
    disk_free = option(
        Size, default="64MiB", help="Room that must be free where the state is kept; 0B checks nothing."
    )


class FlaskSection(Section, name="flask"):
    """Flask's own settings, in Flask's own words (see *Configuration Handling* in its documentation)."""

    SECRET_KEY = option(str, default=None, secret=True, help="Signs sessions; keep it secret, and the same.")
    SECRET_KEY_FALLBACKS = option(list, default=None, secret=True, help="Old keys that still verify.")
    SERVER_NAME = option(str, default=None, help="Host name, for URLs made outside of a request.")
    APPLICATION_ROOT = option(str, default="/", help="Path the service is mounted at.")
    PREFERRED_URL_SCHEME = option(
        str, default="http", choices=("http", "https"),
        help="Scheme of URLs made outside of a request.",
    )  # fmt: skip
    TRUSTED_HOSTS = option(list, default=None, help="Host names that requests may name; others get a 400.")
    SESSION_COOKIE_NAME = option(str, default="session", help="Name of the session's cookie.")
    SESSION_COOKIE_DOMAIN = option(str, default=None, help="Domain of the session's cookie.")
    SESSION_COOKIE_PATH = option(str, default=None, help="Path of the session's cookie.")
    SESSION_COOKIE_HTTPONLY = option(bool, default=True, help="Hide the session's cookie from scripts.")
    SESSION_COOKIE_SECURE = option(bool, default=False, help="Send the session's cookie by HTTPS only.")
    SESSION_COOKIE_SAMESITE = option(
        str, default="Lax", choices=("Lax", "Strict", "None"),
        help="When other sites' requests carry the session's cookie.",
    )  # fmt: skip
    PERMANENT_SESSION_LIFETIME = option(
        Duration, default="31d", min="1s", help="How long a permanent session lasts."
    )
    MAX_FORM_MEMORY_SIZE = option(
        Size, default="500KiB", min="1KiB", help="The largest form field held in memory."
    )
    MAX_FORM_PARTS = option(int, default=1000, min=1, help="The most parts of a multipart form.")
