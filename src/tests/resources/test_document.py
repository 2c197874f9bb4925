"""Every resource is described in the OpenAPI document, and nothing that is hidden."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import marshmallow
import orjson
import pytest
import sqlalchemy as sa
from flask import Flask
from openapi_spec_validator import validate
from sqlalchemy.orm import DeclarativeBase, mapped_column, relationship

from debonair.api.openapi import document_of
from debonair.descriptions.description import Catalog, Options, Resource
from debonair.resource_document.document import describe
from debonair.resource_document.operations import Other
from debonair.resources.exposing import expose, views_of
from debonair.resources.views import Representation
from tests.resources.models import MUSIC, define

Make = Callable[..., Flask]


def described(*models: Any, others: tuple[Other, ...] = (), **options: Any) -> dict[str, Any]:
    """Return the whole document of models, which is valid."""
    catalog = Catalog()
    for model in models:
        name = sa.inspect(model).local_table.name
        catalog.add(Resource(name, model, Options(**options), "sqlite", catalog))
    part = describe(catalog, "/api", others)
    document = {
        "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
        "paths": part.paths, "components": part.components, "tags": part.tags,
    }  # fmt: skip
    found: dict[str, Any] = orjson.loads(orjson.dumps(document))
    validate(found)
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the operations by their method and path."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def parameters(document: dict[str, Any], operation: str) -> dict[str, dict[str, Any]]:
    """Return the parameters of an operation by name."""
    found = {}
    for each in operations(document)[operation]["parameters"]:
        name = each.get("$ref", "").removeprefix("#/components/parameters/")
        parameter = document["components"]["parameters"][name] if name else each
        assert parameter["name"] not in found
        found[parameter["name"]] = parameter
    return found


@pytest.fixture
def base() -> type[DeclarativeBase]:
    class Base(DeclarativeBase):
        pass

    return Base


def test_each_verb_is_an_operation() -> None:
    found = operations(described(*MUSIC, bulk=True))
    assert {name: found[name]["operationId"] for name in found if "albums" in name.split("/")[2]} == {
        "GET /api/albums": "list_albums",
        "X-QUERY /api/albums": "query_albums",
        "POST /api/albums": "create_album",
        "PATCH /api/albums": "update_many_albums",
        "DELETE /api/albums": "delete_many_albums",
        "GET /api/albums/{key}": "get_album",
        "PATCH /api/albums/{key}": "update_album",
        "PUT /api/albums/{key}": "replace_album",
        "DELETE /api/albums/{key}": "delete_album",
        "GET /api/albums/{key}/artist": "get_album_artist",
        "GET /api/albums/{key}/tracks": "list_album_tracks",
        "POST /api/albums/{key}/tracks": "create_album_tracks",
    }


def test_only_allowed_verbs_are_operations() -> None:
    document = described(*MUSIC, verbs=frozenset(("GET",)))
    assert {name.partition(" ")[0] for name in operations(document)} == {"GET", "X-QUERY"}
    assert not [name for name in document["components"]["schemas"] if name.endswith(("Create", "Patch"))]


def test_a_page_has_every_parameter_and_every_operator_of_its_columns() -> None:
    found = parameters(described(*MUSIC, search=()), "GET /api/albums")
    control = {"page", "page_size", "after", "count", "sort", "fields", "include", "filter", "If-None-Match"}
    assert control <= set(found)
    assert {name for name in found if name.startswith("price")} == {
        "price", "price__ne", "price__lt", "price__le", "price__gt", "price__ge", "price__in", "price__nin",
        "price__isnull", "price__between",
    }  # fmt: skip
    assert {"title__like", "title__ilike", "title__contains", "title__startswith"} <= set(found)
    assert found["page_size"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20}
    assert found["id__in"]["style"] == "form" and found["id__in"]["explode"] is False
    assert found["id__between"]["schema"]["minItems"] == found["id__between"]["schema"]["maxItems"] == 2
    assert found["kind"]["schema"]["enum"] == ["studio", "live", "single"]
    assert "q" not in found and "format" not in found


def test_text_search_and_other_representations_are_parameters_where_they_exist() -> None:
    others = (Other("csv", "text/csv", one=False),)
    document = described(MUSIC.Artist, search=("name",), others=others)
    found = parameters(document, "GET /api/artists")
    assert found["q"] and found["format"]["schema"]["enum"] == ["json", "csv"]
    page = operations(document)["GET /api/artists"]["responses"]["200"]
    assert set(page["content"]) == {"application/json", "text/csv"}
    assert "format" not in parameters(document, "GET /api/artists/{key}")


@pytest.mark.parametrize(
    ("parameter", "fit", "unfit"),
    [
        ("sort", ["id", "-title", "artist.name", "-artist.id"], ["nix", "tracks.id", "artist", "--id"]),
        ("fields", ["id", "artist", "artist.name", "tracks.genres.name"], ["nix", "artist.nix"]),
        ("include", ["artist", "tracks.genres", "tracks(limit=3,sort=-id)", "tracks.genres(limit=1000)"],
         ["nix", "artist.nix", "tracks(limit=0)", "tracks.genres.tracks.album"]),
    ],
)  # fmt: skip
def test_names_in_lists_have_a_pattern(parameter: str, fit: list[str], unfit: list[str]) -> None:
    found = parameters(described(*MUSIC), "GET /api/albums")[parameter]
    pattern = found["schema"]["items"]["pattern"]
    assert [text for text in fit if not re.search(pattern, text)] == []
    assert [text for text in unfit if re.search(pattern, text)] == []


def test_objects_are_described_for_reading_and_for_writing() -> None:
    schemas = described(*MUSIC)["components"]["schemas"]
    album = schemas["Album"]["properties"]
    assert album["title"] == {"type": "string", "maxLength": 120}
    assert album["price"] == {"type": ["string", "null"], "format": "decimal"}
    kinds = {"type": "string", "enum": ["studio", "live", "single"]}
    assert album["kind"] == {"anyOf": [kinds, {"type": "null"}]}
    assert album["artist"] == {"oneOf": [{"$ref": "#/components/schemas/Artist"}, {"type": "null"}]}
    assert album["tracks"] == {"type": "array", "items": {"$ref": "#/components/schemas/Track"}}
    create = schemas["AlbumCreate"]
    assert create["required"] == ["title"] and create["additionalProperties"] is False
    inner = create["properties"]["tracks"]["items"]["anyOf"][1]["$ref"].rpartition("/")[2]
    assert not {"album", "album_id"} & set(schemas[inner]["properties"])
    assert "required" not in schemas["AlbumPatch"] and "id" not in schemas["AlbumPatch"]["properties"]
    assert schemas["AlbumPage"]["required"] == ["num_results", "objects", "page", "total_pages"]


def test_each_way_in_which_a_count_is_not_exact_is_described() -> None:
    schema = described(*MUSIC)["components"]["schemas"]["AlbumPage"]["properties"]["count"]
    assert schema["enum"] == ["timeout", "estimated"]


def test_problems_and_headers_are_described() -> None:
    found = operations(described(*MUSIC, require_if_match=True))
    assert {"200", "304", "400", "414"} == set(found["GET /api/albums"]["responses"])
    assert {"ETag", "Link"} == set(found["GET /api/albums"]["responses"]["200"]["headers"])
    assert "Location" in found["POST /api/albums"]["responses"]["201"]["headers"]
    assert {"404", "409", "412", "415", "422", "428"} <= set(found["PATCH /api/albums/{key}"]["responses"])
    document = described(*MUSIC, require_if_match=True)
    assert parameters(document, "DELETE /api/albums/{key}")["If-Match"]["required"] is True
    assert "Idempotency-Key" in parameters(document, "POST /api/albums")


def test_comments_of_the_database_and_docstrings_are_descriptions(base: Any) -> None:
    class Book(base):
        """A book that is lent."""

        __tablename__ = "books"
        __table_args__ = ({"comment": "Everything on the shelves."},)
        id = mapped_column(sa.Integer, primary_key=True)
        isbn = mapped_column(sa.String, comment="The number on the back.")

    document = described(Book)
    text = "Everything on the shelves.\n\nA book that is lent."
    assert document["tags"] == [{"name": "books", "description": text}]
    assert document["components"]["schemas"]["Book"]["properties"]["isbn"]["description"] == (
        "The number on the back."
    )
    assert parameters(document, "GET /api/books")["isbn"]["description"] == "The number on the back."


def test_hidden_members_do_not_appear() -> None:
    text = orjson.dumps(described(*MUSIC, hidden=frozenset(("price", "artist_id", "artist")))).decode()
    assert "price" not in text and "artist_id" not in text
    assert "Artist" in text and "/{key}/artist" not in text
    only = orjson.dumps(described(MUSIC.Album)).decode()
    assert "rtists" not in only and "racks" not in only


def test_odd_names_make_valid_and_different_names(base: Any) -> None:
    names = ("order items", "order_items", "a/b", "class", "żółć", "日本", "1st", "x{y}", "Problem")
    models = [
        type(f"{name} model", (base,), {
            "__tablename__": name,
            "id": mapped_column(sa.Integer, primary_key=True),
            "a_b": mapped_column("a b/c,d", sa.String), "page": mapped_column(sa.Integer),
        })
        for name in names
    ]  # fmt: skip
    document = described(*models)
    for section in document["components"].values():
        assert [name for name in section if not re.fullmatch("[a-zA-Z0-9._-]+", name)] == []
    ids = [each["operationId"] for each in operations(document).values()]
    assert len(ids) == len(set(ids)) and all(re.fullmatch("[a-z][a-z0-9_]*", each) for each in ids)
    assert "/api/order%20items/{key}" in document["paths"] and "/api/x%7By%7D" in document["paths"]
    assert "page__eq" in parameters(document, "GET /api/class")


def test_composite_keys_and_tables_without_a_key(base: Any) -> None:
    class Line(base):
        __tablename__ = "lines"
        __table_args__ = ({"info": {"debonair_keyless": True}},)
        a = mapped_column(sa.Integer, primary_key=True)

    class Item(base):
        __tablename__ = "items"
        order = mapped_column(sa.Integer, primary_key=True)
        code = mapped_column(sa.String, primary_key=True)

    paths = described(Line, Item)["paths"]
    assert set(paths) == {"/api/lines", "/api/items", "/api/items/{key}"}
    assert "`order,code`" in paths["/api/items/{key}"]["parameters"][0]["description"]


def test_a_schema_of_the_service_describes_its_resource() -> None:
    class ArtistSchema(marshmallow.Schema):
        id = marshmallow.fields.Integer(dump_only=True)
        name = marshmallow.fields.String(required=True, metadata={"description": "As on the sleeve."})

    schemas = described(MUSIC.Artist, schema=ArtistSchema)["components"]["schemas"]
    assert set(schemas["Artist"]["properties"]) == {"id", "name"}
    assert schemas["Artist"]["properties"]["name"]["description"] == "As on the sleeve."


def test_the_document_follows_the_catalog(make_app: Make, base: Any) -> None:
    app = make_app()
    music = define(base)
    expose(app, music.Artist)
    assert "/artists" in document_of(app)["paths"] and "/genres" not in document_of(app)["paths"]
    expose(app, music.Genre, prefix="/api")
    views_of(app).representations.append(Representation("odd", "text/odd", lambda *_: app.response_class()))
    document = app.test_client().get("/openapi.json").json
    assert document and "/api/genres" in document["paths"]
    assert "text/odd" in document["paths"]["/artists"]["get"]["responses"]["200"]["content"]


def test_three_hundred_resources_are_described(capsys: pytest.CaptureFixture[str], base: Any) -> None:
    models = []
    for number in range(300):
        columns = {f"column_{index}": mapped_column((sa.String, sa.Integer)[index % 2]) for index in range(7)}
        parent = number // 2
        keys = {
            "parent_id": mapped_column(sa.ForeignKey(f"table_{parent}.id")),
            "other_id": mapped_column(sa.ForeignKey(f"table_{(number * 7) % 300}.id")),
            "parent": relationship(f"Table{parent}", foreign_keys=f"Table{number}.parent_id",
                                   remote_side=f"Table{parent}.id"),
        }  # fmt: skip
        body = {"__tablename__": f"table_{number}", "id": mapped_column(sa.Integer, primary_key=True)}
        models.append(type(f"Table{number}", (base,), body | columns | keys))
    catalog = Catalog()
    for model in models:
        name = sa.inspect(model).local_table.name
        options = Options(verbs=frozenset(("GET",)))
        catalog.add(Resource(name, model, options, "sqlite", catalog))
    start = time.perf_counter()
    part = describe(catalog)
    text = orjson.dumps([part.paths, part.components])
    taken = time.perf_counter() - start
    with capsys.disabled():
        print(f" 300 resources: {taken:.2f} s, {len(text) / 1e6:.1f} MB ", end="")
    assert len(part.paths) == 900
