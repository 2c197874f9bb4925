"""Fixtures for the tests of the chassis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chassis.serving import Served


@pytest.fixture
def served(package: Path) -> Iterator[Served]:
    """The service ``orders`` under its production server, with two workers."""
    service = Served(package)
    yield service
    service.stop()
