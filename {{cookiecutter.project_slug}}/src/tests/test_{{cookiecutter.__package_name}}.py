"""What holds for the service as a whole."""

from __future__ import annotations

from debonair.testing import assert_problem
from flask import Flask
from werkzeug.test import Client


def test_service_is_ready(client: Client) -> None:
    response = client.get("/health/ready")
    assert response.status_code == 200, response.get_json()


def test_models_and_migrations_agree(application: Flask) -> None:
    result = application.test_cli_runner().invoke(args=["db", "check-models"])
    assert result.exit_code == 0, result.output


def test_document_describes_the_interface(client: Client) -> None:
    document = client.get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.")


def test_unknown_path_is_a_problem(client: Client) -> None:
    assert_problem(client.get("/no-such-path"), 404)
