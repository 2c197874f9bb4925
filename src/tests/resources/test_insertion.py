"""A new object is inserted without the ORM where nobody can notice, and through it everywhere else."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, validates

from debonair.changes import insertion
from debonair.database.engine import db, engine_of
from debonair.resources.exposing import expose
from tests.resources.music_api import BACKENDS, pointers, uri_of

MakeApp = Callable[..., Flask]


class Lower(sa.types.TypeDecorator[str]):
    """Text in lower case; NULL is stored as a dash."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return "-" if value is None else value.lower()


class Base(DeclarativeBase):
    pass


def of_context(context: Any) -> int:
    return len(context.get_current_parameters()["name"])


class Book(Base):
    __tablename__ = "books"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=lambda: uuid.UUID(int=next(NUMBERS)))
    name: Mapped[str] = mapped_column(sa.String(20), unique=True)
    shelf: Mapped[str | None] = mapped_column(Lower)
    pages: Mapped[int | None] = mapped_column(default=100)
    words: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    language: Mapped[str] = mapped_column(sa.String(2), server_default="en")
    half: Mapped[float | None] = mapped_column(sa.Float, sa.Computed("pages / 2.0", persisted=True))
    copies: Mapped[int] = mapped_column(sa.CheckConstraint("copies > 0"), default=1)


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    size: Mapped[int] = mapped_column(default=of_context)
    secret: Mapped[str | None]


class Plain(Base):
    __tablename__ = "plains"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]


class Checked(Base):
    __tablename__ = "checked"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]

    @validates("name")
    def small(self, key: str, value: str) -> str:
        return value.upper()


class Made(Base):
    __tablename__ = "made"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]

    def __init__(self) -> None:
        self.name = "made"


class Animal(Base):
    __tablename__ = "animals"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    kind: Mapped[str | None]
    __mapper_args__: ClassVar[Any] = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}


NUMBERS = iter(range(1, 1_000_000))

ROW = {"name": "Emma"}

BODIES = [
    {"name": "a"},
    {"name": "b", "shelf": "UPPER", "pages": None, "words": None},
    {"name": "c", "shelf": None, "pages": 7, "words": {"a": [1, None]}, "language": "de", "copies": 2},
    {"name": "d", "id": "00000000-0000-0000-0000-00000fffffff", "language": "xx"},
]

REFUSED: list[Any] = [
    {"name": "taken"},
    {"name": "x", "copies": 0},
    {"name": "x", "language": None},
    {"name": None},
    {"name": "x", "half": 1},
    {"name": "x", "pages": "many"},
    {"name": "x", "pages": 2**70},
    {"nam": "x"},
    {},
]


@pytest.fixture
def flushes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the ORM has written."""
    found: list[Any] = []
    flush = Session.flush

    def counted(session: Session, *arguments: Any) -> None:
        found.extend(session.new)
        flush(session, *arguments)

    monkeypatch.setattr(Session, "flush", counted)
    return found


@pytest.fixture(params=BACKENDS)
def library(request: pytest.FixtureRequest, make_app: MakeApp) -> Callable[..., FlaskClient]:
    """A function that returns a client of models, which it exposes with options."""
    uri = uri_of(request, request.param)

    def serve(*models: type[Any], **options: Any) -> FlaskClient:
        app = make_app(**({"database": {"uri": uri}} if uri else {}))
        Base.metadata.create_all(engine_of(app))
        expose(app, *models, **options)
        return app.test_client()

    return serve


def test_row_is_inserted_without_the_orm(library: Callable[..., FlaskClient], flushes: list[Any]) -> None:
    client = library(Plain)
    created = client.post("/plains", json=ROW)
    assert created.status_code == 201 and created.json == {"id": 1, "name": "Emma"} and not flushes
    assert client.get(created.headers["Location"]).headers["ETag"] == created.headers["ETag"]


def test_row_is_the_same_as_the_orm_would_write(
    library: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch, flushes: list[Any]
) -> None:
    client = library(Book)
    for body in BODIES:
        with monkeypatch.context() as patch:
            patch.setattr(insertion, "is_plain", lambda *_: False)
            expected = client.post("/books", json=body)
        assert expected.status_code == 201 and len(flushes) == 1, expected.json
        flushes.clear()
        assert client.delete(expected.headers["Location"]).status_code == 204
        created = client.post("/books", json=body)
        assert created.status_code == 201 and not flushes, created.json
        own = {} if "id" in body else {"id": created.json["id"]}
        assert created.json == expected.json | own
        assert client.get(created.headers["Location"]).data == created.data


def test_refused_data_are_reported_as_the_orm_would_report_them(
    library: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = library(Book)
    assert client.post("/books", json={"name": "taken"}).status_code == 201
    for body in REFUSED:
        found = []
        for without in (True, False):
            with monkeypatch.context() as patch:
                if without:
                    patch.setattr(insertion, "is_plain", lambda *_: False)
                refused = client.post("/books", json=body)
            problem = {name: value for name, value in refused.json.items() if name != "request_id"}
            found.append((refused.status_code, problem, pointers(refused) if "errors" in problem else {}))
        assert found[0] == found[1] and found[0][0] in (409, 422), found
    assert client.get("/books").json["num_results"] == 1


def test_fault_in_the_query_string_leaves_nothing_behind(library: Callable[..., FlaskClient]) -> None:
    client = library(Plain)
    assert client.post("/plains?fields=nme", json=ROW).status_code == 400
    assert client.get("/plains").json["num_results"] == 0
    assert client.post("/plains?fields=name", json=ROW).json == ROW


def test_default_that_needs_the_context_is_made_by_the_orm(
    library: Callable[..., FlaskClient], flushes: list[Any]
) -> None:
    client = library(Note)
    assert client.post("/notes", json=ROW).json == {"id": 1, "name": "Emma", "size": 4, "secret": None}
    assert len(flushes) == 1


def test_hidden_column_is_null_whatever_default_the_table_has(
    library: Callable[..., FlaskClient], flushes: list[Any]
) -> None:
    client = library(Note, hidden=["secret"])
    with engine_of(client.application).begin() as connection:
        connection.execute(sa.text("DROP TABLE notes"))
        key = "SERIAL" if connection.dialect.name == "postgresql" else "INTEGER"
        connection.execute(sa.text(
            f"CREATE TABLE notes (id {key} PRIMARY KEY, name TEXT, size INTEGER, secret TEXT DEFAULT 'x')"
        ))  # fmt: skip
    assert client.post("/notes", json={"size": 1}).status_code == 201 and not flushes
    with engine_of(client.application).connect() as connection:
        assert connection.execute(sa.text("SELECT secret FROM notes")).scalars().all() == [None]


def _hook(*_: Any) -> None:
    """Do nothing."""


class Named(Schema):
    id = fields.Integer(dump_only=True)
    name = fields.String()


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (Checked, {}), (Made, {}), (Animal, {}),
        (Plain, {"before": {"POST": _hook}}), (Plain, {"after": {"POST": _hook}}),
        (Plain, {"where": lambda: Plain.name == "Emma"}), (Plain, {"schema": Named}),
    ],
    ids=["validator", "constructor", "inheritance", "before", "after", "where", "schema"],
)  # fmt: skip
def test_what_the_service_adds_is_done_by_the_orm(
    make_app: MakeApp, flushes: list[Any], model: Any, options: dict[str, Any]
) -> None:
    app = make_app()
    Base.metadata.create_all(engine_of(app))
    expose(app, model, **options)
    created = app.test_client().post(f"/{model.__tablename__}", json=ROW)
    assert created.status_code == 201 and len(flushes) == 1, created.json


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (Plain, "before_insert"), (Plain, "after_insert"), (sa.orm.Mapper, "after_insert"),
        (Plain, "init"), (Plain.name, "set"),
        (db.session, "before_flush"), (Session, "after_commit"),
        (sa.Engine, "before_cursor_execute"), (sa.Engine, "commit"),
    ],
)  # fmt: skip
def test_listener_is_called(make_app: MakeApp, target: Any, name: str) -> None:
    app = make_app()
    Base.metadata.create_all(engine_of(app))
    expose(app, Plain)
    client = app.test_client()
    assert client.post("/plains", json=ROW).status_code == 201
    called: list[Any] = []

    def listener(*arguments: Any, **options: Any) -> None:
        called.append(arguments)

    event.listen(target, name, listener)
    try:
        assert client.post("/plains", json=ROW).status_code == 201 and called
    finally:
        event.remove(target, name, listener)


def test_session_of_the_request_is_committed_with_the_row(make_app: MakeApp) -> None:
    app = make_app()
    Base.metadata.create_all(engine_of(app))
    expose(app, Plain)
    app.before_request(lambda: db.session.add(Plain(name="before")))
    assert app.test_client().post("/plains", json=ROW).status_code == 201
    with engine_of(app).connect() as connection:
        assert sorted(connection.execute(sa.select(Plain.name)).scalars()) == ["Emma", "before"]
