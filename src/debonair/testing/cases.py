"""unittest's ``TestCase`` with an application, a client and a database."""

from __future__ import annotations

import importlib
import os
import tempfile
import unittest
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask
from werkzeug.test import Client

from debonair.testing import assert_problem, database_uri, remote, rolled_back, settings_for, upgrade


class TestCase(unittest.TestCase):
    """Each test has ``self.app`` and ``self.client``; what it writes to the database is rolled back.

    Where ``BASE_URL`` is set in the environment, or pytest has ``--base-url``, ``self.client`` sends its
    requests to the instance that runs there; a test that needs ``self.app`` is then skipped.

    :cvar package: the service's package.
    :cvar settings: sections and their values, as :func:`~debonair.testing.settings_for` takes them.
    :cvar base_url: the URL of a running instance to test, if any.
    """

    package: ClassVar[str]
    settings: ClassVar[dict[str, dict[str, Any]]] = {}
    base_url: ClassVar[str | None] = None
    client: Client
    _application: ClassVar[Flask]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.base_url = cls.base_url or os.environ.get("BASE_URL")
        if cls.base_url:
            return
        directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        values = {"database": {"uri": database_uri(Path(directory))}, **cls.settings}
        cls._application = importlib.import_module(f"{cls.package}.application").create_app(
            settings_for(cls.package, **values)
        )
        cls._application.testing = True
        upgrade(cls._application)

    def setUp(self) -> None:
        super().setUp()
        if self.base_url:
            self.client = remote.client(self.base_url)
        else:
            self.enterContext(rolled_back(self.app))
            self.client = self.app.test_client()

    @property
    def app(self) -> Flask:
        """The application, in its context."""
        if self.base_url:
            self.skipTest("needs the application itself, and the base URL names a running instance")
        return self._application

    def assert_problem(self, response: Any, status: int, detail: str | None = None) -> dict[str, Any]:
        """Assert that a response is a problem; see :func:`~debonair.testing.assert_problem`."""
        return assert_problem(response, status, detail)
