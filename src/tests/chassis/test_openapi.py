"""The OpenAPI document: blueprints describe themselves, nested ones included."""

from __future__ import annotations

import flask
import pytest
from flask import Flask
from marshmallow import Schema, fields

from debonair.api.openapi import Blueprint


class Item(Schema):
    """An item."""

    name = fields.String()


def blueprint(name: str, prefix: str) -> Blueprint:
    made = Blueprint(name, __name__, url_prefix=prefix, description=f"All of {name}.")

    @made.get("/first")
    @made.response(200, Item)
    def first() -> dict[str, str]:
        """Return the first one."""
        return {"name": name}

    return made


def document(app: Flask) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    response = app.test_client().get("/openapi.json")
    assert response.status_code == 200, response.text
    found: dict[str, dict[str, dict[str, dict[str, object]]]] = response.get_json()
    return found


def test_blueprint_is_described_where_it_is_mounted(app: Flask) -> None:
    app.register_blueprint(blueprint("items", "/items"))
    operation = document(app)["paths"]["/items/first"]["get"]
    assert operation["summary"] == "Return the first one."
    assert operation["tags"] == ["items"]


def test_blueprint_registered_twice_is_described_twice(app: Flask) -> None:
    items = blueprint("items", "/items")
    app.register_blueprint(items)
    app.register_blueprint(items, name="old", url_prefix="/old")
    assert {"/items/first", "/old/first"} <= set(document(app)["paths"])


@pytest.mark.parametrize("outer", [flask.Blueprint, Blueprint])
def test_nested_blueprints_work_and_are_described(app: Flask, outer: type[flask.Blueprint]) -> None:
    shop = outer("shop", __name__, url_prefix="/shop")
    shelf = Blueprint("shelf", __name__, url_prefix="/shelf")
    shelf.register_blueprint(blueprint("items", "/items"))
    shop.register_blueprint(shelf)
    app.register_blueprint(shop)
    assert app.test_client().get("/shop/shelf/items/first").get_json() == {"name": "items"}
    operation = document(app)["paths"]["/shop/shelf/items/first"]["get"]
    assert operation["tags"] == ["shop.shelf.items"]


def test_nesting_after_a_blueprint_was_nested_is_described_too(app: Flask) -> None:
    shop, shelf = blueprint("shop", "/shop"), blueprint("shelf", "/shelf")
    shop.register_blueprint(shelf)
    shelf.register_blueprint(blueprint("items", "/items"))
    app.register_blueprint(shop)
    expected = {"/shop/first", "/shop/shelf/first", "/shop/shelf/items/first"}
    assert expected <= set(document(app)["paths"])
