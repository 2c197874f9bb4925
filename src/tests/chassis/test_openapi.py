"""The OpenAPI document: blueprints describe themselves, nested ones included."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import flask
import pytest
from flask import Flask
from marshmallow import Schema, fields, validate
from openapi_spec_validator import validate as validate_document

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


def document(app: Flask) -> dict[str, Any]:
    response = app.test_client().get("/openapi.json")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    validate_document(found)
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


class Price(Schema):
    """A price, in every way that a decimal can be declared."""

    text = fields.Decimal(as_string=True, validate=validate.Range(min=0), load_default=Decimal("1.50"))
    number = fields.Decimal(validate=validate.Range(max=Decimal("9.5")), allow_none=True)
    share = fields.Float(validate=validate.Range(min=0, max=1))
    since = fields.DateTime(validate=validate.Range(min=datetime(2020, 1, 1)))


def test_schema_of_decimals_is_valid_and_says_what_is_sent(app: Flask) -> None:
    prices = Blueprint("prices", __name__)

    @prices.post("/price")
    @prices.arguments(Price)
    @prices.response(200, Price)
    def price(sent: dict[str, object]) -> dict[str, object]:
        return sent

    app.register_blueprint(prices)
    found = document(app)
    properties: dict[str, Any] = found["components"]["schemas"]["Price"]["properties"]
    assert properties["text"] == {"type": "string", "format": "decimal", "default": "1.50", "x-minimum": "0"}
    assert properties["number"]["type"] == ["string", "null"]
    answer = app.test_client().post("/price", json={"number": "2.50"}).get_json()
    assert answer == {"text": "1.50", "number": "2.50"}


@pytest.mark.filterwarnings("error")
def test_schemas_of_one_class_have_names_of_their_own(app: Flask) -> None:
    prices = Blueprint("prices", __name__)

    @prices.patch("/price")
    @prices.arguments(Price(partial=True))
    @prices.response(200, Price(only=["text", "share"]))
    @prices.alt_response(201, schema=Price)
    def price(sent: dict[str, object]) -> dict[str, object]:
        return sent

    app.register_blueprint(prices)
    assert {"Price", "PricePartial", "PriceOnlyShareText"} <= set(document(app)["components"]["schemas"])
