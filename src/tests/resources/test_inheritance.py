"""Models that are mapped otherwise than one class to one table."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.resources.served import Served, serving


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column("pk", primary_key=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(default="person")
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_on": kind, "polymorphic_identity": "person"}


class Manager(Person):
    budget: Mapped[int | None]
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_identity": "manager"}


class Engineer(Person):
    __tablename__ = "engineers"
    id: Mapped[int] = mapped_column(sa.ForeignKey("people.pk"), primary_key=True)
    language: Mapped[str]
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_identity": "engineer"}


class Length(Base):
    __table__ = sa.select(
        Person.id.label("id"), sa.func.length(Person.name, type_=sa.Integer()).label("length")
    ).subquery()
    __mapper_args__: ClassVar[dict[str, Any]] = {"primary_key": [__table__.c.id]}


EACH: dict[type[Any], dict[str, Any]] = {
    Person: {"where": lambda: Person.name.in_(["Ann", "Bob", "Cy"])},
    Manager: {"name": "managers"},
    Engineer: {"name": "engineers"},
    Length: {"name": "lengths", "verbs": ["GET"]},
}


def post(served: Served, path: str, body: dict[str, Any]) -> Any:
    response = served.app.test_client().post(path, json=body)
    assert response.status_code == 201, response.get_data(as_text=True)
    return response.json


def test_each_class_of_a_hierarchy_has_its_own_rows(database: dict[str, Any]) -> None:
    verbs = ["GET", "POST", "PATCH", "DELETE"]
    with serving(database, [Person, Manager, Engineer], created=[Person], each=EACH, verbs=verbs) as served:
        assert post(served, "/people", {"name": "Ann"})["kind"] == "person"
        cy = post(served, "/managers", {"name": "Cy", "budget": 5})
        bob = post(served, "/engineers", {"name": "Bob", "language": "Python"})
        assert [row["name"] for row in served.get("/people")["objects"]] == ["Ann", "Cy", "Bob"]
        assert served.get("/managers")["objects"] == [cy]
        assert served.get("/engineers", {"language": "Python", "name": "Bob"})["objects"] == [bob]
        assert served.get("/managers", {"budget__gt": "4", "count": "exact"})["num_results"] == 1
        served.get(f"/managers/{bob['id']}", status=404)
        changed = served.app.test_client().patch(
            f"/engineers/{bob['id']}", json={"language": "C", "name": "Al"}
        )
        assert changed.status_code in (200, 403)


def test_a_class_over_a_select_is_read_only(database: dict[str, Any]) -> None:
    models = [Person, Length]
    with serving(
        database, models, created=[Person], each=EACH | {Person: {"verbs": ["GET", "POST"]}}
    ) as served:
        post(served, "/people", {"name": "Ann"})
        assert served.get("/lengths")["objects"] == [{"id": 1, "length": 3}]
        assert "/lengths" in served.get("/openapi.json")["paths"]
    with (
        pytest.raises(ValueError, match="verbs: Length is mapped to a SELECT: only GET can be served"),
        serving(database, [Length], created=[Person], verbs=["GET", "POST"]),
    ):
        pass
