"""CSV and NDJSON: all rows that a query selects, streamed, or the page that it asks for.

An export holds one connection and one cursor of the database from the first row to the last one, so it shows
one state of the database, in any order. Therefore the number of exports at a time is limited, and a client
that reads too slowly is disconnected.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from flask import Response, current_app, request, stream_with_context
from werkzeug.exceptions import ServiceUnavailable

from debonair.database import postgresql
from debonair.database.engine import db, driver_connection
from debonair.descriptions.description import Resource
from debonair.exports import copied, delimited, ndjson, objects
from debonair.exports.parts import Parts
from debonair.exports.setup import CSV, NDJSON
from debonair.queries.parameters import query_of
from debonair.queries.query import Query, Within
from debonair.queries.query_string import items_of
from debonair.resources.keys import missing
from debonair.resources.views import Views
from debonair.statements import dumping, statement
from debonair.statements.binding import parameters_of
from debonair.statements.execution import Statement
from debonair.statements.reading import Reader
from debonair.statements.rows import Layout, Row, builder

_CSV_TYPE = f"{CSV}; charset=utf-8; header=present"

PATIENCE = 60.0
"""Seconds that a client may take to read, beyond those that its bytes take at the lowest speed."""
SLOWEST = 2**14
"""Bytes a second that a client must read at least."""

_PART = 2**16
"""Bytes that are sent at a time, about."""
_FIRST_ROWS, _MOST_ROWS = 50, 500

_EXTENSION = "debonair.exports"

_log = logging.getLogger(__name__)

Lines = Callable[[list[Row]], bytes]


def exports_of(views: Views) -> Exports:
    """Return the exports of the resources of an application, made when they are first used."""
    extensions = views.app.extensions
    # Two threads may come here at once, and one object must count the exports.
    exports: Exports = extensions.get(_EXTENSION) or extensions.setdefault(_EXTENSION, Exports(views.reader))
    return exports


class Exports:
    """The exports of the resources of one database."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        size = getattr(reader.engine.pool, "size", lambda: 1)()
        self.most = max(1, size // 2)
        """Exports at a time in this process: half of the connections stay free for other requests."""
        self._copies = reader.dialect.driver == "psycopg"
        self._free = threading.BoundedSemaphore(self.most)

    def csv(self, resource: Resource, text: str, within: Within | None) -> Response:
        """Return the rows that a query string selects as CSV. :raises FaultyQuery: with every fault."""
        query = self._query(resource, text, within)
        paged = self._paged(resource, query)
        select, layout = self._select(paged, query, paged.columns), paged.layout
        chunks: Callable[[Any], Iterator[bytes]]
        if objects.needed(resource, query.selection):
            members = list(objects.fields_of(resource, query.selection))
            header = objects.header_of(members)
            chunks = self._by_objects(resource, select, layout, query, objects.writer(members))
            return self._response(resource, query, _CSV_TYPE, "csv", chunks, header)
        fields = list(delimited.fields_of(layout, resource, self._reader.dialect))
        header = delimited.header_of(fields)
        if self._copies and (copy := delimited.copy_of(paged.columns, fields)) is not None:
            select = self._select(paged, query, copy[0])
            chunks = self._copied(select, copy[1], query, bytes, delimited.END)
        else:
            chunks = self._by_rows(select, query, delimited.writer(fields, len(paged.columns)))
        return self._response(resource, query, _CSV_TYPE, "csv", chunks, header)

    def ndjson(self, resource: Resource, text: str, within: Within | None) -> Response:
        """Return the rows that a query string selects as lines of JSON. :raises FaultyQuery: with a fault."""
        query = self._query(resource, text, within)
        paged = self._paged(resource, query)
        select, layout = self._select(paged, query, paged.columns), paged.layout
        if dumping.is_needed(resource, query.selection):
            chunks = self._by_objects(resource, select, layout, query, ndjson.lines_of)
        elif self._copies and (found := copied.expressions(paged.columns, layout, resource)):
            lines = copied.writer(copied.object_of(layout, resource), len(found))
            chunks = self._copied(self._select(paged, query, found), copied.OPTIONS, query, lines)
        else:
            chunks = self._by_rows(select, query, ndjson.writer(layout, resource, self._reader.dialect))
        return self._response(resource, query, NDJSON, "ndjson", chunks)

    def _query(self, resource: Resource, text: str, within: Within | None) -> Query:
        """Return the query; its ``page_size`` is 0 when no page is asked for."""
        items = items_of(text)
        query = replace(query_of(resource, items), within=within)
        paged = any(name in ("page", "page_size", "after") for name, _ in items)
        return query if paged else replace(query, page_size=0)

    def _paged(self, resource: Resource, query: Query) -> statement.Paged:
        return statement.Paged(resource, query, self._reader.dialect)

    def _select(self, paged: statement.Paged, query: Query, columns: list[Any]) -> Any:
        """Return the statement that selects these columns of each row."""
        select = statement.restricted(paged.select(*columns), paged.binds)[0]
        return select if query.page_size else select.limit(None).offset(None)

    def _values(self, query: Query) -> dict[str, Any]:
        values = parameters_of(query, self._reader.dialect.name)
        offset = (query.page - 1) * query.page_size
        return values | ({"limit": query.page_size, "offset": offset} if query.page_size else {})

    def _by_rows(self, select: Any, query: Query, lines: Lines) -> Callable[[Any], Iterator[bytes]]:
        dialect = self._reader.dialect
        compiled = Statement(select, dialect)
        values = self._values(query)

        def chunks(connection: Any) -> Iterator[bytes]:
            on_server = dialect.name == "postgresql"
            with closing(connection.cursor("export") if on_server else connection.cursor()) as cursor:
                if dialect.driver == "psycopg":
                    postgresql.keep_dates(cursor)
                parts = Parts(compiled, compiled.bound(values), _FIRST_ROWS)
                for rows in parts.read(connection, cursor):
                    data = lines(rows)
                    yield data
                    parts.rows = min(_MOST_ROWS, max(1, len(rows) * _PART // max(1, len(data))))

        return _with_errors(chunks, compiled)

    def _by_objects(
        self, resource: Resource, select: Any, layout: Layout, query: Query,
        lines: Callable[[list[dict[str, Any]]], bytes],
    ) -> Callable[[Any], Iterator[bytes]]:  # fmt: skip
        """Return the parts that are made of objects, as a page has them.

        A schema of the service's own is called while the response is sent, so the request is kept open.
        """
        build, selection = builder(layout), query.selection
        is_dumped = dumping.is_needed(resource, selection)

        def of_rows(rows: list[Row]) -> bytes:
            found = list(map(build, rows))
            if not is_dumped:
                return lines(found)
            data = lines(dumping.dumped(resource, selection, found))
            db.session.expunge_all()
            return data

        chunks = self._by_rows(select, query, of_rows)
        return lambda connection: stream_with_context(chunks(connection))

    def _copied(
        self, select: Any, options: str, query: Query, lines: Callable[[bytearray], bytes], end: bytes = b""
    ) -> Callable[[Any], Iterator[bytes]]:
        """Return the parts that are made of what COPY sends. :param end: of each line."""
        compiled = Statement(select, self._reader.dialect)
        parameters = compiled.bound(self._values(query))
        text = f"COPY ({compiled.sql}) TO STDOUT ({options})"

        def chunks(connection: Any) -> Iterator[bytes]:
            with closing(postgresql.copied(connection, text, parameters, _PART, end)) as parts:
                yield from map(lines, parts)

        return _with_errors(chunks, compiled)

    def _response(
        self, resource: Resource, query: Query, media_type: str, suffix: str,
        chunks: Callable[[Any], Iterator[bytes]], header: bytes = b"",
    ) -> Response:  # fmt: skip
        response = current_app.response_class(content_type=media_type)
        response.headers["Content-Disposition"] = _attachment(resource.name, suffix)
        response.headers["Vary"] = "Accept"
        within = query.within
        if within is not None and self._reader.one(within.parent, within.key, "") is None:
            raise missing(within.parent, within.key)
        if request.method != "HEAD":
            if not self._free.acquire(blocking=False):
                raise ServiceUnavailable(
                    f"{self.most} exports are in progress, and no more are allowed. Try again later.",
                    retry_after=5,
                )
            response.response = Stream(resource.name, self._reader.engine, chunks, self._free.release, header)
        return response


class Stream:
    """The body of an export: the first part is read when it is made, so that an error has a status.

    :param chunks: returns the parts, read with a connection. :param release: called once, at the end.
    """

    def __init__(
        self, name: str, engine: sa.Engine, chunks: Callable[[Any], Iterator[bytes]],
        release: Callable[[], None], header: bytes,
    ) -> None:  # fmt: skip
        self._name, self._release = name, release
        self._connection: Any = None
        self._sent, self._waited, self._since = 0, 0.0, 0.0
        self._open = True
        try:
            self._connection = driver_connection(engine)
            self._chunks = chunks(self._connection)
            self._next: bytes | None = header + next(self._chunks, b"")
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        """Return itself."""
        return self

    def __next__(self) -> bytes:
        """Return the next part. :raises ConnectionAbortedError: so that the client sees it."""
        if self._since:
            self._waited += time.monotonic() - self._since
        if self._waited > PATIENCE + self._sent / SLOWEST:
            self._abort("the client reads too slowly")
        data, self._next = self._next, None
        if data is None:
            try:
                data = next(self._chunks)
            except StopIteration:
                self.close()
                raise
            except Exception as error:
                self._abort(str(getattr(error, "orig", error)).partition("\n")[0])
        assert data is not None  # nosec B101
        self._sent += len(data)
        self._since = time.monotonic()
        return data

    def _abort(self, reason: str) -> None:
        self.close()
        _log.error("The export of %s ended after %d bytes: %s", self._name, self._sent, reason)
        # Servers take it for a client that has gone, and close the connection without the end of the body.
        raise ConnectionAbortedError(errno.ECONNRESET, f"the export ended early: {reason}")

    def close(self) -> None:
        """Return the connection to the pool."""
        if not self._open:
            return
        self._open = False
        try:
            if hasattr(self, "_chunks"):
                self._chunks.close()  # type: ignore[attr-defined]  # a generator
            if self._connection is not None:
                self._connection.close()
        finally:
            self._release()


def _with_errors(
    chunks: Callable[[Any], Iterator[bytes]], compiled: Statement
) -> Callable[[Any], Iterator[bytes]]:
    """Return the function with SQLAlchemy's errors in place of the driver's."""

    def translated(connection: Any) -> Iterator[bytes]:
        try:
            yield from chunks(connection)
        except compiled.errors as error:
            raise compiled.error(error, (), connection) from error

    return translated


def _attachment(name: str, suffix: str) -> str:
    """Return Content-Disposition with a file name (RFC 6266)."""
    from urllib.parse import quote

    from werkzeug.http import dump_options_header

    file = f"{name}.{suffix}"
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in file)
    header = dump_options_header("attachment", {"filename": plain})
    return header if plain == file else f"{header}; filename*=UTF-8''{quote(file, safe='')}"
