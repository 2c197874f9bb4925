"""For tests that are classes: unittest's ``TestCase`` with an application, a client and a database."""

from __future__ import annotations

import importlib
import tempfile
import unittest
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask
from flask.testing import FlaskClient

from debonair.testing import assert_problem, rolled_back, settings_for, upgrade


class TestCase(unittest.TestCase):
    """Each test has ``self.app`` and ``self.client``; what it writes to the database is taken back.

    :cvar package: the service's package.
    :cvar settings: sections and their values, as :func:`~debonair.testing.settings_for` takes them.
    """

    package: ClassVar[str]
    settings: ClassVar[dict[str, dict[str, Any]]] = {}
    app: ClassVar[Flask]
    client: FlaskClient

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        values = {"database": {"uri": f"sqlite:///{Path(directory)}/test.db"}, **cls.settings}
        cls.app = importlib.import_module(f"{cls.package}.application").create_app(
            settings_for(cls.package, **values)
        )
        cls.app.testing = True
        upgrade(cls.app)

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(rolled_back(self.app))
        self.client = self.app.test_client()

    def assert_problem(self, response: Any, status: int, detail: str | None = None) -> dict[str, Any]:
        """Assert that a response is a problem; see :func:`~debonair.testing.assert_problem`."""
        return assert_problem(response, status, detail)
