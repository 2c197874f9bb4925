"""The request line and headers of a request, as the environ of WSGI (PEP 3333).

Two regular expressions read the common request. What they do not match exactly goes to gunicorn's parser: it
refuses the request with the right status, or accepts one that is valid and rare, such as one with chunks. So
gunicorn's parser decides what is refused, and the expressions must accept nothing that it refuses; a test
compares the two.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from gunicorn import SERVER
from gunicorn.http.errors import LimitRequestHeaders, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import Unreader
from werkzeug.wsgi import FileWrapper

LARGEST_HEADERS = 2**16
"""Bytes of a request line and headers that are received at most."""

CHUNKED = -1
"""The length of a body that is sent in chunks."""

# The origin form of a target: "//" at its beginning, and "#", are left to gunicorn.
_LINE = re.compile(r"(?!CONNECT )([A-Z]{3,20}) ((/(?!/)[!\"$->@-~]*)(?:\?([!\"$-~]*))?) HTTP/1\.([01])\r\n")
_HEADER = re.compile(r"^([!#$%&'*+\-.^`|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*)\r\n", re.MULTILINE)
_LONGEST = 4000
"""gunicorn's parser compares longer ones with the limits for a line, for a header and for their number."""
_MOST = 100
_BLOCK = 2**16
"""Bytes of a file that are read at once."""
_ONCE = {"HTTP_HOST", "CONTENT_TYPE", "CONTENT_LENGTH"}
_RARE = {"HTTP_TRANSFER_ENCODING", "HTTP_EXPECT"}

Environ = dict[str, Any]


class ClientUnreader(Unreader):
    """gunicorn's source of bytes: what has been received, and then what ``receive`` returns.

    :ivar receive: called with a number of bytes, or None, when more are wanted; None while there are none.
    """

    receive: Callable[[int | None], bytes] | None = None

    def __init__(self, received: bytes) -> None:
        super().__init__()
        self.unread(received)

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return the next bytes; none when the client has closed its side."""
        return self.receive(size_hint) if self.receive else b""


class Head:
    """The request line and headers.

    :ivar environ: the environ, without the body.
    :ivar length: the length of the body in bytes, or :data:`CHUNKED`.
    :ivar keep_alive: whether the client accepts that the connection stays open.
    :ivar expects: whether the client waits for ``100 Continue`` before it sends the body.
    :ivar message: gunicorn's request, when gunicorn has parsed it.
    """

    __slots__ = ("environ", "expects", "keep_alive", "length", "message")

    def __init__(
        self, environ: Environ, length: int, keep_alive: bool, *, expects: bool = False, message: Any = None
    ) -> None:
        self.environ = environ
        self.length = length
        self.keep_alive = keep_alive
        self.expects = expects
        self.message = message


def template(server: Any, client: Any, config: Any) -> Environ:
    """Return what the environs of one connection have in common.

    :param server: the address of the listening socket. :param client: that of the client; of a Unix socket, a
        text. :param config: gunicorn's configuration.
    """
    name, port = server[:2] if isinstance(server, tuple) else (server, "")
    environ = {
        "SERVER_SOFTWARE": SERVER,
        "SERVER_NAME": name,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.input_terminated": True,
        "wsgi.multithread": config.threads > 1,
        "wsgi.multiprocess": config.workers > 1,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": _file_wrapper,
    }
    if isinstance(client, tuple):
        return {**environ, "REMOTE_ADDR": client[0], "REMOTE_PORT": str(client[1])}
    return {**environ, "REMOTE_ADDR": client}


def _file_wrapper(file: Any, size: int = 0) -> FileWrapper:
    return FileWrapper(file, max(size, _BLOCK))


@functools.lru_cache(maxsize=512)
def _key(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _path(text: str) -> str:
    return unquote_to_bytes(text).decode("latin-1") if "%" in text else text


def parse(data: bytes, end: int, template: Environ) -> Head | None:
    """Return the parsed request line and headers, or None when :func:`parse_rare` must parse them.

    :param data: what has been received. :param end: where its first empty line begins, that is CR LF CR LF.
    :param template: what the environs of all requests of the connection have in common.
    """
    if end > _LONGEST:
        return None
    text = data[: end + 2].decode("latin-1")
    line = _LINE.match(text)
    if line is None:
        return None
    headers = _HEADER.findall(text, line.end())
    # Each match is one line. When there are as many lines, no part of the text is outside of a match.
    if len(headers) != text.count("\n") - 1 or len(headers) > _MOST:
        return None
    environ = template.copy()
    for name, value in headers:
        key = _key(name)
        if key in environ:
            if key in _ONCE:
                return None
            environ[key] = _joined(environ[key], value)
        else:
            environ[key] = value.rstrip(" \t")
    if not _RARE.isdisjoint(environ):
        return None
    environ["REQUEST_METHOD"], environ["RAW_URI"], path, query, minor = line.groups("")
    environ["PATH_INFO"] = _path(path)
    environ["QUERY_STRING"] = query
    length = environ.get("CONTENT_LENGTH", "0")
    if not (length.isascii() and length.isdigit() and len(length) < 20):
        return None
    if minor == "0":
        environ["SERVER_PROTOCOL"] = "HTTP/1.0"
    connection = environ.get("HTTP_CONNECTION")
    keep_alive = minor == "1" if connection is None else _keeps(connection, minor == "1")
    return Head(environ, int(length), keep_alive)


def _joined(value: str, more: str) -> str:
    return value + "," + more.rstrip(" \t")


def _keeps(connection: str, default: bool) -> bool:
    options = {option.strip() for option in connection.lower().split(",")}
    return "close" not in options and (default or "keep-alive" in options)


def parse_rare(data: bytes, config: Any, address: Any, template: Environ) -> tuple[Head, bytes]:
    """Return what gunicorn's parser makes of a request, and what has been received behind its headers.

    :param address: the client's address.
    :raises gunicorn.http.errors.ParseException: when it is refused.
    """
    unreader = ClientUnreader(data)
    try:
        message = Request(config, unreader, address)
    except (NoMoreData, StopIteration):
        raise LimitRequestHeaders("the headers are too long") from None
    environ = template.copy()
    for name, value in message.headers:
        key = _key(name)
        environ[key] = _joined(environ[key], value) if key in environ else value
    environ["REQUEST_METHOD"] = message.method
    environ["RAW_URI"] = message.uri
    environ["PATH_INFO"] = _path(message.path)
    environ["QUERY_STRING"] = message.query
    environ["SERVER_PROTOCOL"] = "HTTP/{}.{}".format(*message.version)
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    length = CHUNKED if chunked else int(environ.get("CONTENT_LENGTH", "0"))
    connection = environ.get("HTTP_CONNECTION", "")
    keep_alive = not message.must_close and message.method != "CONNECT"
    keep_alive = keep_alive and _keeps(connection, message.version >= (1, 1))
    expects = "HTTP_EXPECT" in environ and message.version >= (1, 1)
    return Head(environ, length, keep_alive, expects=expects, message=message), unreader.take_buffered()
