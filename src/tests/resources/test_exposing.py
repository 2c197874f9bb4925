"""Mistakes in a call of ``expose``, and tables whose place is taken: one line says what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from marshmallow import Schema
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from debonair import expose, standalone
from debonair.application import create_app
from debonair.errors import CommandError
from debonair.reflection.serving import EXTENSION
from debonair.resources.additions import check_sections
from debonair.testing import settings_for
from tests.resources.models import MUSIC
from tests.resources.music_api import exposed
from tests.support import chassis_settings

Album, Artist = MUSIC.Album, MUSIC.Artist


class Base(DeclarativeBase):
    pass


def model(table: str) -> type[Any]:
    """Return a model of a table."""

    class Own(DeclarativeBase):
        pass

    return type("Thing", (Own,), {"__tablename__": table, "id": mapped_column(Integer, primary_key=True)})


def said(call: Callable[..., None], *arguments: Any, **options: Any) -> str:
    """Return the message of the mistake, which is one line."""
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*arguments, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("albums", "'albums'"),
        (dict, "the class dict"),
        (DeclarativeBase, "the class DeclarativeBase"),
        ([Album], "an object of list"),
        (Table("t", MetaData(), Column("id", Integer)), "an object of Table"),
    ],
)
def test_what_is_no_model_is_named(app: Flask, given: Any, what: str) -> None:
    assert said(expose, app, given) == (
        f"expose() needs mapped classes, such as models.Album: {what} is none"
    )


def test_application_and_models_are_needed(app: Flask) -> None:
    needed = "expose() needs an application of debonair.create_app() as its first argument"
    assert said(expose, Album) == needed
    assert said(expose, Flask("other"), Album) == needed
    assert said(expose, app).startswith("expose() needs a mapped class after the application")


def test_relation_to_a_model_that_is_not_imported_is_named(app: Flask) -> None:
    class Own(DeclarativeBase):
        pass

    class Lonely(Own):
        __tablename__ = "lonely"
        id: Mapped[int] = mapped_column(primary_key=True)
        other = relationship("Nowhere")

    text = said(expose, app, Lonely)
    assert text.startswith("expose(Lonely): import the modules of all models before")
    assert "'Nowhere'" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"page_sise": 5}, "expose() has no parameter 'page_sise'; did you mean 'page_size'?"),
        ({"verbs": "GET"}, "expose(Album) verbs: must be a list of names, such as ['GET'], not 'GET'"),
        (
            {"verbs": ["get"]},
            "expose(Album) verbs: unknown verb 'get': use some of DELETE, GET, PATCH, POST, PUT",
        ),
        ({"hidden": "title"}, "expose(Album) hidden: must be a list of names, such as ['name'], not 'title'"),
        ({"hidden": ["titel"]}, "expose(Album) hidden: Album has no 'titel'; did you mean 'title'?"),
        ({"filterable": ["artist"]}, "expose(Album) filterable: Album has no column 'artist'"),
        ({"embed": ["title"]}, "expose(Album) embed: Album has no relation 'title'"),
        ({"page_size": 0}, "expose(Album) page_size: must be a whole number from 1, not 0"),
        ({"page_size": "9"}, "expose(Album) page_size: must be a whole number from 1, not '9'"),
        ({"page_size": 5000}, "expose(Album) page_size: is larger than max_page_size: set that too"),
        ({"include_depth": -1}, "expose(Album) include_depth: must be a whole number from 0, not -1"),
        ({"where": 3}, "expose(Album) where: must be a function that returns the condition: lambda: ..."),
        ({"before": print}, "expose(Album) before: must be functions by verb, such as {'POST': function}"),
        (
            {"after": {"post": print}},
            "expose(Album) after: unknown verb 'post': use some of DELETE, PATCH, POST, PUT",
        ),
        (
            {"before": {"GET": print}},
            "expose(Album) before: GET has no hook: where= selects rows, schema= makes the objects",
        ),
        (
            {"schema": dict},
            "expose(Album) schema: must be a marshmallow schema, not <class 'dict'>",
        ),
        ({"name": "a/b"}, "expose(Album) name: must be a text without any of / < > ? # \\, not 'a/b'"),
        (
            {"prefix": "api"},
            "expose(Album) prefix: must begin with a slash and not end with one, such as '/api'",
        ),
    ],
)
def test_option_that_is_wrong_is_named(app: Flask, options: dict[str, Any], message: str) -> None:
    assert said(expose, app, Album, **options) == message


def test_option_that_is_right_is_taken(app: Flask) -> None:
    class Own(Schema):
        pass

    expose(app, Album, schema=Own(), page_size=2000, max_page_size=2000, embed=None, hidden=("price",))


def test_two_models_of_one_name_are_named(app: Flask) -> None:
    expose(app, Artist)
    taken = Artist.__table__.name
    assert said(expose, app, Album, name=taken) == (
        f"expose(Album): Artist is the resource {taken!r}: give another name="
    )
    assert (
        said(expose, app, Album, Artist, name="both") == "name= names one model: expose each model by itself"
    )


@pytest.mark.parametrize("table", ["docs", "health", "metrics", "openapi.json", "static"])
def test_place_of_a_page_of_the_service_is_refused(app: Flask, table: str) -> None:
    thing = model(table)
    text = said(expose, app, thing)
    assert text.startswith(f"expose(Thing): /{table} ")
    assert text.endswith(": give it another name=, or a prefix= such as '/api'")
    expose(app, thing, prefix="/api")
    expose(app, thing, name="things")
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    assert {f"/api/{table}", "/things"} <= rules


def test_place_of_a_route_of_the_service_is_refused_and_routes_below_are_not(app: Flask) -> None:
    app.add_url_rule("/things", "things", lambda: "")
    app.add_url_rule("/orders/<int:number>/cancel", "cancel", lambda number: "", methods=["POST"])
    assert "/things is a page of the service" in said(expose, app, model("things"))
    expose(app, model("orders"))


def test_name_of_a_table_with_a_slash_is_encoded(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    expose(app, model("a/b <c>"), verbs=["GET"])
    assert {rule.rule for rule in app.url_map.iter_rules()} >= {"/a%2Fb %3Cc%3E"}


def test_table_without_code_whose_place_is_taken_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite3.connect(tmp_path / "clinic.db") as connection:
        for name in ("docs", "health", "visits"):
            connection.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY)")
    connection.close()

    def served(**api: Any) -> Any:
        uri = f"sqlite:///{tmp_path}/clinic.db"
        app = standalone.create_app(chassis_settings(database={"uri": uri}, api=api))
        app.extensions[EXTENSION].check()
        return app.test_client()

    client = served()
    assert client.get("/visits").status_code == 200
    lines = [record.getMessage() for record in caplog.records if "is not served" in record.getMessage()]
    assert lines == [
        "docs is not served: /docs is a page of the service; set [api] prefix, such as /api",
        "health is not served: /health has pages of the service; set [api] prefix, such as /api",
    ]
    client = served(prefix="/api")
    assert [client.get(f"/api/{name}").status_code for name in ("docs", "health", "visits")] == [200] * 3


def test_section_of_a_resource_without_code_is_obeyed_and_never_allows_more(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "clinic.db") as connection:
        connection.execute("CREATE TABLE visits (id INTEGER PRIMARY KEY, reason TEXT)")
        connection.execute("INSERT INTO visits VALUES (1, 'cough')")
    connection.close()

    def served(name: str, **section: Any) -> Any:
        values: dict[str, Any] = {
            "database": {"uri": f"sqlite:///{tmp_path}/clinic.db"},
            f"resource:{name}": section,
        }
        return standalone.create_app(settings_for("debonair", **values)).test_client()

    client = served("visits", hidden=["reason"], verbs=["GET", "DELETE"])
    assert client.get("/visits/1").json == {"id": 1}
    assert client.delete("/visits/1").status_code == 405
    for name, section, message in (
        ("visit", {}, "[resource:visit] is of no table that is served; did you mean 'visits'?"),
        (
            "visits",
            {"hidden": ["reasn"]},
            "[resource:visits] hidden: visits has no 'reasn'; did you mean 'reason'?",
        ),
    ):
        with pytest.raises(CommandError) as caught:
            served(name, **section)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("pgae_size=5", "unknown column 'pgae_size' of albums; did you mean 'page_size'?"),
        ("sort=artist", "'artist' is a relation: sort by one of its columns, artist.…"),
        ("sort=artits.name", "unknown column 'artits.name'; did you mean 'artist'?"),
        ("titel=A", "unknown column 'titel' of albums; did you mean 'title'?"),
    ],
)
def test_misspelt_parameter_gets_a_suggestion(
    make_app: Callable[..., Flask], query: str, message: str
) -> None:
    client = exposed(make_app).test_client()
    assert [error["message"] for error in client.get(f"/albums?{query}").json["errors"]] == [message]


def test_query_without_json_says_what_to_send(make_app: Callable[..., Flask]) -> None:
    client = exposed(make_app).test_client()
    response = client.open("/albums", method="QUERY", data="x", content_type="text/plain")
    assert (response.status_code, response.json["detail"]) == (
        415,
        "Send the body with Content-Type: application/json.",
    )
    body = '{"page": 1, "page": 2}'
    response = client.open("/albums", method="QUERY", data=body, content_type="application/json")
    assert "is given twice" in response.json["detail"]


def test_misspelt_table_without_code_gets_a_suggestion(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "clinic.db") as connection:
        connection.execute("CREATE TABLE visits (id INTEGER PRIMARY KEY)")
    connection.close()
    uri = f"sqlite:///{tmp_path}/clinic.db"
    client = standalone.create_app(chassis_settings(database={"uri": uri})).test_client()
    assert client.get("/vists").json["detail"] == "There is no vists; did you mean 'visits'?"
    assert client.get("/nothing").status_code == 404


def test_section_of_no_resource_with_code_prevents_the_start(tmp_path: Path) -> None:
    values: dict[str, Any] = {"database": {"uri": f"sqlite:///{tmp_path}/music.db"}, "resource:artits": {}}
    app = create_app("debonair", settings_for("debonair", **values))
    expose(app, Artist)
    with pytest.raises(CommandError) as caught:
        check_sections(app)
    assert str(caught.value) == "[resource:artits] is of no resource that is exposed; did you mean 'artists'?"
