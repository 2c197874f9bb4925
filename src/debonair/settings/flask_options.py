"""The section ``[flask]``: the options that Flask defines, under the names that Flask gives them."""

from __future__ import annotations

from debonair.settings.options import option
from debonair.settings.section import Section
from debonair.settings.value_types import Duration, Size

_SHORTEST_KEY = 16


def check_secret_key(key: str) -> None:
    """Accept no key and one of at least 16 bytes, which nobody guesses.

    :raises ValueError: for a shorter one; the message continues "the value …".
    """
    if 0 < len(key.encode()) < _SHORTEST_KEY:
        raise ValueError(
            f"is shorter than {_SHORTEST_KEY} bytes: make a key with "
            "python3 -c 'import secrets; print(secrets.token_hex())'"
        )


class FlaskSection(Section, name="flask"):
    """Flask's own settings, by Flask's own names (see *Configuration Handling* in its documentation)."""

    SECRET_KEY = option(
        str, default=None, secret=True, check_in_production=check_secret_key,
        help="Key that signs sessions; keep it secret, and the same in every process.",
    )  # fmt: skip
    SECRET_KEY_FALLBACKS = option(
        list, default=None, secret=True,
        help="Earlier keys whose signatures are still accepted.",
    )  # fmt: skip
    SERVER_NAME = option(str, default=None, help="Host name for URLs that are made outside of a request.")
    APPLICATION_ROOT = option(str, default="/", help="Path at which the service is mounted.")
    PREFERRED_URL_SCHEME = option(
        str, default="http", choices=("http", "https"),
        help="Scheme of URLs that are made outside of a request.",
    )  # fmt: skip
    TRUSTED_HOSTS = option(
        list, default=None,
        help="Host names that requests may name; a request with another one gets status 400.",
    )  # fmt: skip
    SESSION_COOKIE_NAME = option(str, default="session", help="Name of the session cookie.")
    SESSION_COOKIE_DOMAIN = option(str, default=None, help="Domain of the session cookie.")
    SESSION_COOKIE_PATH = option(str, default=None, help="Path of the session cookie.")
    SESSION_COOKIE_HTTPONLY = option(bool, default=True, help="Hide the session cookie from JavaScript.")
    SESSION_COOKIE_SECURE = option(
        bool, default=None, default_help="true in a response to a request over HTTPS",
        help="Send the session cookie over HTTPS only.",
    )  # fmt: skip
    SESSION_COOKIE_SAMESITE = option(
        str, default="Lax", choices=("Lax", "Strict", "None"),
        help="When requests from other sites carry the session cookie.",
    )  # fmt: skip
    PERMANENT_SESSION_LIFETIME = option(
        Duration, default="31d", min="1s",
        help="Time that a permanent session lasts.",
    )  # fmt: skip
    MAX_FORM_MEMORY_SIZE = option(
        Size, default="500KiB", min="1KiB",
        help="The largest form field that is kept in memory.",
    )  # fmt: skip
    MAX_FORM_PARTS = option(int, default=1000, min=1, help="The most parts of a multipart form.")
