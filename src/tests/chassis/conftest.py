"""Fixtures for the tests of the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from debonair.manage import Manager
from tests.chassis.program import Program


@pytest.fixture
def command(package: Path) -> Program:
    """The commands of the service ``orders``, each in a process of its own."""
    return Program(package)


@pytest.fixture
def manager(package: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    """The manager of the service ``orders``, in this process."""
    monkeypatch.setattr("sys.argv", ["/usr/bin/orders"])
    return Manager("orders")
