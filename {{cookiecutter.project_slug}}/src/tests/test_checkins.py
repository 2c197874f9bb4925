"""Check-ins over HTTP, and the commands."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime

from debonair.testing import assert_problem
from flask import Flask
from werkzeug.test import Client

from {{ cookiecutter.__package_name }}.manage import manager


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def test_check_in_is_acknowledged(client: Client) -> None:
    response = client.post("/checkin/alice")
    assert response.status_code == 200
    assert response.get_json() == {"success": True, "user": "alice"}


def test_last_seen_is_the_day_of_the_check_in(client: Client) -> None:
    before = today()
    client.post("/checkin/alice")
    seen = client.get("/last-seen/alice").get_json()
    assert seen["user"] == "alice"
    assert seen["date"] in {before, today()}


def test_user_who_never_checked_in_is_a_problem(client: Client) -> None:
    assert_problem(client.get("/last-seen/bob"), 404, "bob has never checked in")


def test_user_of_unprintable_characters_is_a_problem(client: Client) -> None:
    assert_problem(client.post("/checkin/a%00b"), 422, "printable")


def test_user_longer_than_the_setting_is_a_problem(client: Client) -> None:
    assert client.post(f"/checkin/{'x' * 80}").status_code == 200
    assert_problem(client.post(f"/checkin/{'x' * 81}"), 422, "at most 80")


def test_wrong_method_is_a_problem_that_names_the_right_one(client: Client) -> None:
    response = client.get("/checkin/alice")
    assert_problem(response, 405)
    assert "POST" in response.headers["Allow"]


def test_check_ins_are_a_resource_that_can_be_filtered_and_sorted(client: Client) -> None:
    for user in ("alice", "bob", "alice"):
        client.post(f"/checkin/{user}")
    page = client.get("/check-ins?user=alice&sort=-id&fields=user,at").get_json()
    assert page["num_results"] == 2
    assert page["objects"][0]["at"] >= page["objects"][1]["at"]


def test_check_ins_are_read_only(client: Client) -> None:
    assert_problem(client.delete("/check-ins/1"), 405)


def test_document_describes_the_routes(client: Client) -> None:
    paths = client.get("/openapi.json").get_json()["paths"]
    assert {"/checkin/{user}", "/last-seen/{user}", "/check-ins"} <= set(paths)


def test_database_that_is_away_is_a_problem(
    client: Client, database_away: AbstractContextManager[None]
) -> None:
    with database_away:
        assert_problem(client.post("/checkin/alice"), 503)


def test_forgetting_a_user_deletes_the_check_ins(app: Flask, client: Client) -> None:
    from {{ cookiecutter.__package_name }} import models

    client.post("/checkin/alice")
    client.post("/checkin/alice")
    assert models.forget("alice") == 2
    assert_problem(client.get("/last-seen/alice"), 404)
    assert "forget" in manager._commands
