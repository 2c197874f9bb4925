"""Idempotency-Key: a POST that is sent again gets the stored response.

The header is that of draft-ietf-httpapi-idempotency-key-header. The key is inserted first, and the response
is stored in the transaction of the data. So another request with the key waits until the first one ends. A
request that fails stores nothing. A response is kept for 24 hours.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import time
from dataclasses import dataclass
from weakref import WeakSet

import sqlalchemy as sa
from flask import current_app, request
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, ServiceUnavailable, UnprocessableEntity

from debonair.database.errors import lacks_table
from debonair.database.upserts import insert_into

KEPT = 24 * 3600
"""Seconds for which a response is kept."""

TABLE = sa.Table(
    "debonair_idempotency",
    sa.MetaData(),
    sa.Column("scope", sa.String(32), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("request", sa.String(32), nullable=False),
    sa.Column("status", sa.SmallInteger),
    sa.Column("headers", sa.Text),
    sa.Column("body", sa.LargeBinary),
    sa.Column("created", sa.BigInteger, nullable=False, index=True),
)

_prepared: WeakSet[Engine] = WeakSet()


@dataclass(frozen=True)
class Stored:
    """A response as it is sent."""

    status: int
    headers: dict[str, str]
    body: bytes


class Idempotency:
    """The key of the current request, in the transaction of a session."""

    def __init__(self, session: Session, key: str) -> None:
        self._session = session
        principal = request.authorization.username if request.authorization else None
        if principal is None:
            principal = request.headers.get("Authorization", "")
        self._scope = _digest(request.method, request.path, principal)
        self._key = key
        self._request = _digest(request.query_string.decode(errors="replace"), request.get_data())

    def begin(self) -> Stored | None:
        """Take the key; return the response when it was taken by an equal request.

        :raises UnprocessableEntity: when it was taken by another request.
        """
        engine = self._session.get_bind().engine
        if engine not in _prepared or random.random() < 0.01:  # nosec B311
            _prepare(engine)
        try:
            taken = self._take()
        except DBAPIError as error:
            if not lacks_table(error):
                raise
            self._session.rollback()
            _prepare(engine)
            taken = self._take()
        return None if taken else self._stored()

    def _take(self) -> bool:
        backend = self._session.get_bind().dialect.name
        values = {"scope": self._scope, "key": self._key, "request": self._request, "created": _now()}
        statement = insert_into(TABLE, backend).values(**values)
        statement = statement.on_conflict_do_update(
            index_elements=["scope", "key"],
            where=TABLE.c.created < _now() - KEPT,
            set_=values | {"status": None, "headers": None, "body": None},
        )
        # Not the number of rows: psycopg's is unknown for an INSERT of SQLAlchemy.
        return self._session.execute(statement.returning(TABLE.c.key)).first() is not None

    def _stored(self) -> Stored:
        row = self._session.execute(sa.select(TABLE).where(*self._mine())).one()
        if row.request != self._request:
            raise UnprocessableEntity("The Idempotency-Key was used for another request: send a new one.")
        return Stored(row.status, json.loads(row.headers), row.body)

    def keep(self, response: Stored) -> None:
        """Store the response."""
        values = {
            "status": response.status,
            "headers": json.dumps(response.headers),
            "body": response.body,
        }
        self._session.execute(sa.update(TABLE).where(*self._mine()).values(**values))

    def _mine(self) -> tuple[sa.ColumnElement[bool], ...]:
        return TABLE.c.scope == self._scope, TABLE.c.key == self._key


def key_of_request() -> str | None:
    """Return the Idempotency-Key of the request, or None.

    :raises BadRequest: when it is not from 1 to 255 printable characters of ASCII.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch("[\x20-\x7e]{1,255}", key):
        raise BadRequest("Idempotency-Key must be from 1 to 255 printable characters of ASCII.")
    return key


def _prepare(engine: Engine) -> None:
    """Create the table unless it exists, and delete responses that are no longer kept."""
    for attempt in (1, 2):
        try:
            with engine.begin() as connection:
                TABLE.create(connection, checkfirst=True)
                connection.execute(sa.delete(TABLE).where(TABLE.c.created < _now() - KEPT))
            break
        except DBAPIError as error:
            # Another process may create it at the same time.
            if isinstance(error, OperationalError) and "already exists" not in str(error.orig):
                raise
            if attempt == 2:
                current_app.logger.exception("The table %s cannot be created.", TABLE.name)
                raise ServiceUnavailable("Idempotency-Key cannot be used: see the log.") from error
    _prepared.add(engine)


def _now() -> int:
    return int(time.time())


def _digest(*parts: str | bytes) -> str:
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode(errors="surrogatepass")
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()
