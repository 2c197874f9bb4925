"""For the tests of a service: settings without files, and problems as assertions."""

from __future__ import annotations

import importlib
from typing import Any

from flask import Flask

from debonair.config import sections_of
from debonair.database import migrations
from debonair.names import Service
from debonair.settings import Settings


def settings_for(package: str, **values: dict[str, Any]) -> Settings:
    """Return settings with the declared defaults and the values given; no file or variable is read.

    :param package: the service's package.
    :param values: by section (with underscores for hyphens), options and their values:
        ``settings_for("orders", database={"uri": "sqlite://"})``.
    :raises TypeError: on a section or option that is not declared.
    """
    service = Service.of(package)
    sections = sections_of(importlib.import_module(f"{package}.application"))
    known = {section.name.replace("-", "_"): section for section in sections if not section.instances}
    unknown = [name for name in values if name not in known]
    if unknown:
        raise TypeError(f"there is no section [{unknown[0]}]")
    return Settings(section(service, **values.get(name, {})) for name, section in known.items())


def upgrade(app: Flask) -> None:
    """Bring the database of an application to the head revision."""
    migrations.upgrade(app)


def assert_problem(response: Any, status: int, detail: str | None = None) -> dict[str, Any]:
    """Assert that a response is a problem with the status and, if given, with the text in its detail."""
    assert response.status_code == status, response.get_data(as_text=True)  # nosec B101
    assert response.mimetype == "application/problem+json", response.mimetype  # nosec B101
    problem: dict[str, Any] = response.get_json()
    assert problem["status"] == status and problem["request_id"], problem  # nosec B101
    assert detail is None or detail in problem["detail"], problem["detail"]  # nosec B101
    return problem
