"""Relations that SQLAlchemy never loads: ``relationship(lazy="write_only")``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, mapped_column, relationship

from tests.resources.served import Served, serving


class Base(DeclarativeBase):
    """A base of the tests' own."""


tagged = sa.Table(
    "tagged",
    Base.metadata,
    sa.Column("shelf_id", sa.ForeignKey("shelves.id"), primary_key=True),
    sa.Column("tag_id", sa.ForeignKey("tags.id"), primary_key=True),
)


class Room(Base):
    __tablename__ = "rooms"
    id = mapped_column(sa.Integer, primary_key=True)
    shelves = relationship("Shelf", cascade="all, delete-orphan", back_populates="room")


class Shelf(Base):
    __tablename__ = "shelves"
    id = mapped_column(sa.Integer, primary_key=True)
    room_id = mapped_column(sa.ForeignKey("rooms.id"))
    room = relationship("Room", back_populates="shelves")
    books = relationship("Book", lazy="write_only")
    tags = relationship("Tag", secondary=tagged, lazy="write_only")


class Book(Base):
    __tablename__ = "books"
    id = mapped_column(sa.Integer, primary_key=True)
    shelf_id = mapped_column(sa.ForeignKey("shelves.id"))


class Tag(Base):
    __tablename__ = "tags"
    id = mapped_column(sa.Integer, primary_key=True)


class Crate(Base):
    __tablename__ = "crates"
    id = mapped_column(sa.Integer, primary_key=True)
    items = relationship("Item", lazy="write_only", passive_deletes=True)


class Item(Base):
    __tablename__ = "items"
    id = mapped_column(sa.Integer, primary_key=True)
    crate_id = mapped_column(sa.ForeignKey("crates.id", ondelete="CASCADE"))


MODELS = (Room, Shelf, Book, Tag, Crate, Item)


DETAIL = "The row cannot be deleted: the service keeps related rows that it does not load."


def fill(connection: sa.Connection) -> None:
    rows: tuple[tuple[type[Any], dict[str, int]], ...] = (
        (Room, {}), (Shelf, {"room_id": 1}), (Shelf, {}), (Book, {"shelf_id": 1}), (Tag, {}), (Crate, {}),
        (Item, {"crate_id": 1}),
    )  # fmt: skip
    for model, values in rows:
        connection.execute(sa.insert(model).values(**values))
    connection.execute(tagged.insert().values(shelf_id=1, tag_id=1))


@pytest.fixture
def served(tmp_path: Any) -> Iterator[Served]:
    with serving({"uri": f"sqlite:///{tmp_path}/t.db"}, MODELS, fill, bulk=True) as found:
        yield found


@pytest.mark.parametrize("path", ["/shelves/1", "/shelves/2", "/rooms/1", "/shelves?all=true"])
def test_a_row_that_the_mapping_cannot_delete_is_a_conflict(served: Served, path: str) -> None:
    response = served.app.test_client().delete(path)
    assert response.status_code == 409
    assert response.json["detail"] == DETAIL
    assert served.get("/shelves")["num_results"] == 2


def test_a_row_is_deleted_where_the_database_deletes_its_related_rows(served: Served) -> None:
    assert served.app.test_client().delete("/crates/1").status_code == 204
    assert served.get("/items")["num_results"] == 0


def test_other_writes_have_write_only_relations(served: Served) -> None:
    client = served.app.test_client()

    def related(path: str) -> list[int]:
        return [row["id"] for row in served.get(path)["objects"]]

    assert client.post("/shelves", json={"books": [{}], "tags": [1]}).status_code == 201
    assert (related("/shelves/3/books"), related("/shelves/3/tags")) == ([2], [1])
    for _ in range(2):
        assert client.put("/shelves/2/tags/1").status_code == 204
        assert related("/shelves/2/tags") == [1]
    assert client.delete("/shelves/2/tags/1").status_code == 204
    assert client.delete("/shelves/2/tags/1").status_code == 404
    assert client.patch("/shelves/1", json={"room": None}).status_code == 200
    for wanted in ([2], [1, 2], []):
        assert client.patch("/shelves/1", json={"books": wanted}).status_code == 200
        assert related("/shelves/1/books") == wanted
    assert client.post("/shelves/1/tags", json={}).status_code == 201
    assert related("/shelves/1/tags") == [1, 2]


def test_rows_that_a_filter_hides_remain_in_a_relation(tmp_path: Any) -> None:
    each = {Tag: {"where": lambda: Tag.id != 1}}
    with serving({"uri": f"sqlite:///{tmp_path}/t.db"}, MODELS, fill, each=each) as served:
        client = served.app.test_client()
        assert client.patch("/shelves/1", json={"tags": []}).status_code == 200
        with served.engine.connect() as connection:
            assert connection.execute(tagged.select()).all() == [(1, 1)]
